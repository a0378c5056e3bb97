"""Request bodies: ordinary ones are read, others are refused with a reason that reaches the client."""

import io
import json
import shutil
from contextlib import suppress
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge
from werkzeug.test import EnvironBuilder, run_wsgi_app

from tests.support.hostile import form
from tests.unit.webapp.test_submit import ATTRS, assert_problem, upload
from webapp.middleware.request_body import MAX_DRAIN_BYTES, MAX_TEXT_BYTES, FormParser

EDGE = b"----edge7d1a"
MULTIPART = {"Content-Type": f"multipart/form-data; boundary={EDGE.decode()}"}
NODE = shutil.which("node")


def parse(body: bytes, boundary: bytes = EDGE) -> tuple[list[tuple[str, str]], list[tuple[str, bytes]]]:
    """Parse a multipart body into its fields and files."""
    _, fields, files = FormParser().parse(
        io.BytesIO(body), "multipart/form-data", len(body), {"boundary": boundary.decode()}
    )
    return list(fields.items(multi=True)), [(name, file.read()) for name, file in files.items(multi=True)]


# ---- forms ----


@pytest.mark.parametrize("padding", [60_000, 64_000, 65_536, 100_000, 200_000, 400_000, 600_000, 3_000_000, 15_000_000])
def test_submit_form_with_an_ordinary_file_size_is_accepted(client: FlaskClient, photo: Path, padding: int) -> None:
    answer = upload(client, photo.read_bytes() + bytes(padding), attrs=ATTRS)
    assert answer.status_code == 200, answer.text


@given(
    content=st.binary(max_size=400) | st.binary(max_size=40).map(lambda part: part * 5000),
    text=st.text(max_size=200).filter(lambda text: "\r" not in text),
    chunk=st.integers(1, 70_000),
)
def test_form_parser_valid_form_gives_its_fields_and_files(content: bytes, text: str, chunk: int) -> None:
    class Slow(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(chunk, size or chunk))

    text = text.encode("utf-8", "ignore").decode()
    body, _ = form(content, attrs=text)
    _, fields, files = FormParser().parse(Slow(body), "multipart/form-data", None, {"boundary": EDGE.decode()})
    assert list(fields.items(multi=True)) == [("attrs", text)]
    assert [(name, file.read()) for name, file in files.items(multi=True)] == [("image", content)]


@given(st.binary(max_size=300))
def test_form_parser_any_bytes_are_parsed_or_refused(body: bytes) -> None:
    with suppress(BadRequest, RequestEntityTooLarge):
        parse(b"--" + EDGE + b"\r\n" + body)


@pytest.mark.parametrize(
    "name",
    ["áo.jpg".encode("cp1258", "replace"), "Mädchen.jpg".encode("latin-1"), b"\xff\xfe", "照片.jpg".encode("gb18030")],
)
def test_form_with_a_file_name_of_any_bytes_is_accepted(client: FlaskClient, photo: Path, name: bytes) -> None:
    body = form(photo.read_bytes())[0].replace(b'filename="photo.jpg"', b'filename="%s"' % name)
    answer = client.post("/submit", data=body, headers=MULTIPART)
    assert answer.status_code == 200, answer.text
    page = client.post(
        "/c/tiny/search",
        data=body.replace(b'name="attrs"', b'name="a"').replace(ATTRS.encode(), b"sleeve_length"),
        headers=MULTIPART,
    )
    assert page.status_code in (303, 422) and "Choose a photo, or pick" not in page.text


@pytest.mark.parametrize(
    ("cut", "content_type", "says"),
    [
        (slice(None), "multipart/form-data", "names no boundary"),
        (slice(None), "multipart/form-data; boundary=other", "cut off"),
        (slice(-30), MULTIPART["Content-Type"], "cut off"),
        (slice(40), MULTIPART["Content-Type"], "cut off"),
        (slice(0), MULTIPART["Content-Type"], "cut off"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/submit", "/c/tiny/search"])
def test_form_that_is_malformed_says_so(
    client: FlaskClient, photo: Path, path: str, cut: slice, content_type: str, says: str
) -> None:
    body, _ = form(photo.read_bytes())
    answer = client.post(path, input_stream=io.BytesIO(body[cut]), headers={"Content-Type": content_type})
    assert answer.status_code == 400
    assert "The form cannot be read" in answer.text and says in answer.text


def test_form_with_too_much_text_names_the_limit(client: FlaskClient, photo: Path) -> None:
    for text in ("x" * (MAX_TEXT_BYTES + 1), "x" * 2**20):
        assert_problem(upload(client, photo.read_bytes(), attrs=text), 413, says="64 KB")
    halves = {"attrs": "x" * 40_000, "collection": "y" * 40_000}
    assert_problem(upload(client, photo.read_bytes(), **halves), 413, says="64 KB")
    largest = upload(client, photo.read_bytes(), attrs=ATTRS, other="x" * (MAX_TEXT_BYTES - len(ATTRS)))
    assert_problem(largest, 422, "other")  # read, and refused for its name


def test_form_with_too_many_fields_names_the_limit(client: FlaskClient) -> None:
    part = b"--" + EDGE + b'\r\nContent-Disposition: form-data; name="f%d"\r\n\r\nx\r\n'
    body = b"".join(part % number for number in range(1001)) + b"--" + EDGE + b"--\r\n"
    assert_problem(client.post("/submit", data=body, headers=MULTIPART), 413, says="1000 fields")


# ---- JSON ----


def test_json_that_is_too_large_names_the_limit(client: FlaskClient) -> None:
    body = json.dumps({"img_path": "a.jpg", "attrs": "x" * MAX_TEXT_BYTES}).encode()
    for chunked in (False, True):
        answer = client.post(
            "/submit",
            input_stream=io.BytesIO(body),
            content_type="application/json",
            headers={} if chunked else {"Content-Length": str(len(body))},
            environ_overrides={"wsgi.input_terminated": True},
        )
        assert_problem(answer, 413, says="64 KB")


def test_json_with_a_repeated_key_is_refused(client: FlaskClient, photo: Path) -> None:
    body = f'{{"img_path": "{photo}", "attrs": "sleeve length", "attrs": "skirt length"}}'
    assert_problem(client.post("/submit", data=body, content_type="application/json"), 422, "attrs", "more than once")


def test_compressed_body_is_refused_as_compressed(client: FlaskClient, photo: Path) -> None:
    body = {"img_path": str(photo), "attrs": ATTRS}
    assert_problem(client.post("/submit", json=body, headers={"Content-Encoding": "gzip"}), 415, says="uncompressed")
    assert client.post("/submit", json=body, headers={"Content-Encoding": "identity"}).status_code == 200


def test_body_beyond_the_bound_is_not_drained(app: Flask) -> None:
    class Endless:
        taken = 0

        def read(self, size: int) -> bytes:
            self.taken += size
            return bytes(size)

    for length, taken in (
        ("", MAX_DRAIN_BYTES),
        (str(MAX_DRAIN_BYTES), MAX_DRAIN_BYTES),
        (str(MAX_DRAIN_BYTES + 1), 0),
    ):
        environ = EnvironBuilder("/nowhere", method="POST").get_environ()
        stream = Endless()
        environ |= {"wsgi.input": stream, "wsgi.input_terminated": True, "CONTENT_LENGTH": length}
        _, status, _ = run_wsgi_app(app.wsgi_app, environ)
        assert (status, stream.taken) == ("404 NOT FOUND", taken)
