import io
import json
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from urllib3 import encode_multipart_formdata
from werkzeug.test import TestResponse

from rpf.settings import Settings
from webapp import create_app
from webapp.views.submit import bp

ATTRS = "sleeve length; collar design"


def submit(client: FlaskClient, body: object) -> TestResponse:
    return client.post("/submit", json=body)


def upload(client: FlaskClient, image: bytes, **fields: object) -> TestResponse:
    """Send a form as urllib3 encodes it; a list of values is a repeated field."""
    parts = [(key, one) for key, value in fields.items() for one in (value if isinstance(value, list) else [value])]
    body, kind = encode_multipart_formdata([("image", ("photo.jpg", image)), *parts])  # type: ignore[arg-type]
    return client.post("/submit", data=body, content_type=kind)


def assert_problem(answer: TestResponse, status: int, field: str | None = None, says: str = "") -> None:
    assert answer.status_code == status, answer.text
    assert answer.content_type == "application/problem+json"
    assert answer.json is not None
    assert answer.json["type"] == "about:blank"
    assert answer.json["status"] == status
    assert says in answer.json["detail"]
    assert [error["field"] for error in answer.json.get("errors", [])] == ([field] if field else [])


def test_submit_an_image_of_the_collection_ranks_it_first(client: FlaskClient, app: Flask, photo: Path) -> None:
    answer = submit(client, {"img_path": str(photo), "attrs": ATTRS})
    assert answer.status_code == 200
    assert answer.mimetype == "application/json"
    assert answer.json is not None
    assert set(answer.json) == {"ids", "similarities", "retrieval_times"}
    ids, similarities = answer.json["ids"], answer.json["similarities"]
    collection = app.extensions["rpf"].engine.collection("tiny")
    assert collection.item(ids[0]).path == photo.name
    assert similarities[0] == pytest.approx(1, abs=1e-3)
    assert sorted(ids) == collection.ids.tolist()  # 40 items, fewer than the default k
    assert similarities == sorted(similarities, reverse=True)
    assert all(-1 <= similarity <= 1 and similarity == round(similarity, 6) for similarity in similarities)
    assert 0 < answer.json["retrieval_times"] < 600


def test_submit_by_path_and_by_form_give_the_same_ranking(client: FlaskClient, photo: Path) -> None:
    answers = [
        submit(client, {"img_path": str(photo), "attrs": ATTRS, "k": 7}),
        submit(client, {"img_path": photo.name, "attrs": "Độ dài tay; Thiết kế cổ áo", "k": 7, "collection": "tiny"}),
        upload(client, photo.read_bytes(), attrs="袖长, collar design", k="7"),
        upload(client, photo.read_bytes(), attrs=ATTRS, k="7", collection="tiny"),
    ]
    assert [answer.status_code for answer in answers] == [200] * 4
    rankings = [(answer.json["ids"], answer.json["similarities"]) for answer in answers if answer.json]
    assert len(rankings[0][0]) == 7
    assert rankings == [rankings[0]] * 4


def test_submit_with_other_attributes_gives_other_similarities(client: FlaskClient, photo: Path) -> None:
    answers = [
        submit(client, {"img_path": photo.name, "attrs": attrs}).json for attrs in ("sleeve length", "skirt length")
    ]
    assert answers[0] is not None and answers[1] is not None
    assert answers[0]["similarities"] != answers[1]["similarities"]


def test_submit_an_image_from_elsewhere_ranks_the_whole_collection(client: FlaskClient) -> None:
    drawn = io.BytesIO()
    Image.radial_gradient("L").save(drawn, "PNG")
    answer = upload(client, drawn.getvalue(), attrs=ATTRS, k="1000")
    assert answer.status_code == 200
    assert answer.json is not None
    assert len(answer.json["ids"]) == 40


@pytest.mark.parametrize("k", [0, -1, 1001, 10**30, 2.0, "10", True, None, [], {}])
def test_submit_k_out_of_range_is_refused(client: FlaskClient, photo: Path, k: object) -> None:
    assert_problem(submit(client, {"img_path": str(photo), "attrs": ATTRS, "k": k}), 422, "k", "1 to 1000")


@pytest.mark.parametrize("k", ["0", "1001", "", "ten", "1.5", "-3", "9" * 5000, "٣", " 7"])
def test_submit_form_k_out_of_range_is_refused(client: FlaskClient, photo: Path, k: str) -> None:
    assert_problem(upload(client, photo.read_bytes(), attrs=ATTRS, k=k), 422, "k", "1 to 1000")


@pytest.mark.parametrize("k", [1, 1000])
def test_submit_k_at_its_bounds_is_accepted(client: FlaskClient, photo: Path, k: int) -> None:
    answer = submit(client, {"img_path": str(photo), "attrs": ATTRS, "k": k})
    assert answer.json is not None
    assert len(answer.json["ids"]) == min(k, 40)


def test_submit_missing_and_unknown_fields_are_named(client: FlaskClient, photo: Path) -> None:
    assert_problem(submit(client, {"attrs": ATTRS}), 422, "img_path", "img_path is missing")
    assert_problem(submit(client, {"img_path": str(photo)}), 422, "attrs", "attrs is missing")
    assert_problem(submit(client, {}), 422, "img_path")
    more = {"img_path": str(photo), "attrs": ATTRS, "colour": "red"}
    assert_problem(submit(client, more), 422, "colour", "no field colour")
    assert_problem(submit(client, {"image": "x", "attrs": ATTRS}), 422, "image", "img_path")
    assert_problem(upload(client, photo.read_bytes()), 422, "attrs", "attrs is missing")
    assert_problem(upload(client, photo.read_bytes(), attrs=ATTRS, img_path=str(photo)), 422, "img_path")
    assert_problem(client.post("/submit", data={"attrs": ATTRS}, content_type="multipart/form-data"), 422, "image")


@pytest.mark.parametrize("field", ["img_path", "attrs", "collection"])
@pytest.mark.parametrize("value", [None, 5, True, ["a"], {"a": "b"}])
def test_submit_fields_of_the_wrong_type_are_named(client: FlaskClient, photo: Path, field: str, value: object) -> None:
    body = {"img_path": str(photo), "attrs": ATTRS, field: value}
    assert_problem(submit(client, body), 422, field, f"{field} must be a text")


def test_submit_form_fields_of_the_wrong_kind_are_named(client: FlaskClient, photo: Path) -> None:
    text = {"image": "photo.jpg", "attrs": ATTRS}
    assert_problem(client.post("/submit", data=text, content_type="multipart/form-data"), 422, "image", "a file")
    file = {"image": (io.BytesIO(photo.read_bytes()), "a.jpg"), "attrs": (io.BytesIO(b"sleeve length"), "a.txt")}
    assert_problem(client.post("/submit", data=file, content_type="multipart/form-data"), 422, "attrs", "a text")
    assert_problem(upload(client, photo.read_bytes(), attrs=[ATTRS, ATTRS]), 422, "attrs", "more than once")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"img_path=a.jpg",
        b'{"img_path": "a.jpg",}',
        b"\xff\xfe\x00",
        b"[" * 50_000,
        b"1" * 5000,
        b"null",
        b"[]",
        b'"a"',
    ],
)
def test_submit_body_that_is_no_json_object_is_refused(client: FlaskClient, body: bytes) -> None:
    assert_problem(client.post("/submit", data=body, content_type="application/json"), 400)


@pytest.mark.parametrize("kind", [None, "", "text/plain", "application/x-www-form-urlencoded", "application/xml"])
def test_submit_other_content_types_are_refused(client: FlaskClient, photo: Path, kind: str | None) -> None:
    body = json.dumps({"img_path": str(photo), "attrs": ATTRS})
    assert_problem(client.post("/submit", data=body, content_type=kind), 415, says="application/json")


def test_submit_content_type_with_parameters_is_accepted(client: FlaskClient, photo: Path) -> None:
    body = json.dumps({"img_path": str(photo), "attrs": ATTRS})
    assert client.post("/submit", data=body, content_type="Application/JSON; charset=utf-8").status_code == 200


@pytest.mark.parametrize("attrs", ["", " ; ", "number of wheels", "sleeve length; number of wheels", "\0", "\ud800"])
def test_submit_unknown_attributes_are_refused(client: FlaskClient, photo: Path, attrs: str) -> None:
    assert_problem(submit(client, {"img_path": str(photo), "attrs": attrs}), 422, "attrs")


@pytest.mark.parametrize("name", ["no-such", "", "..", "../tiny", "tiny/", "/etc", "tiny\0", "\ud800", "x" * 5000])
def test_submit_unknown_collection_is_not_found(client: FlaskClient, photo: Path, name: str) -> None:
    body = {"img_path": str(photo), "attrs": ATTRS, "collection": name}
    assert_problem(submit(client, body), 404, "collection")


def test_submit_paths_outside_the_roots_are_forbidden_in_the_same_words(
    client: FlaskClient, photo: Path, tmp_path: Path
) -> None:
    (tmp_path / "there.jpg").write_bytes(photo.read_bytes())
    outside = [
        str(tmp_path / "there.jpg"),
        str(tmp_path / "not-there.jpg"),
        f"../{photo.parent.name}/{photo.name}",
        f"{photo.parent}/../{photo.parent.name}/{photo.name}",
        "/etc/passwd",
        "/no/such/file",
        "~/photo.jpg",
        f"file://{photo}",
        f"{photo.name}\0",
        "\ud800",
    ]
    answers = [submit(client, {"img_path": path, "attrs": ATTRS}) for path in outside]
    for answer in answers:
        assert_problem(answer, 403, "img_path")
    assert len({answer.data for answer in answers}) == 1


@pytest.mark.parametrize("address", ["http://localhost:8000/healthz", "https://example.org/a.jpg", "HTTP://x"])
def test_submit_web_address_while_they_are_off_is_forbidden(client: FlaskClient, address: str) -> None:
    answer = submit(client, {"img_path": address, "attrs": ATTRS})
    assert_problem(answer, 403, "img_path", "Addresses are not fetched here")


@pytest.mark.parametrize("path", ["/submit/", "/healthz/", "/openapi.json/"])
def test_api_path_with_a_trailing_slash_is_a_json_404(client: FlaskClient, path: str) -> None:
    assert_problem(client.post(path), 404)


@pytest.mark.parametrize("path", ["", ".", "no-such.jpg", "no/such.jpg"])
def test_submit_path_without_a_file_is_not_found(client: FlaskClient, path: str) -> None:
    assert_problem(submit(client, {"img_path": path, "attrs": ATTRS}), 404, "img_path")


def test_submit_link_that_leads_out_and_text_file_are_refused(client: FlaskClient, photo: Path, tmp_path: Path) -> None:
    (tmp_path / "there.jpg").write_bytes(photo.read_bytes())
    link, text = photo.parent / "link-out.jpg", photo.parent / "notes.txt"
    link.symlink_to(tmp_path / "there.jpg")
    text.write_text("no image")
    try:
        assert_problem(submit(client, {"img_path": link.name, "attrs": ATTRS}), 403, "img_path")
        assert_problem(submit(client, {"img_path": text.name, "attrs": ATTRS}), 422, "img_path")
    finally:
        link.unlink()
        text.unlink()


def test_submit_reads_further_image_roots(settings: Settings, app: Flask, photo: Path, tmp_path: Path) -> None:
    (tmp_path / "more.jpg").write_bytes(photo.read_bytes())
    site = create_app(settings.model_copy(update={"image_roots": (tmp_path,)}))
    site.extensions["rpf"].start()
    site.extensions["rpf"].wait()
    client = site.test_client()
    for path in ("more.jpg", str(tmp_path / "more.jpg"), str(photo)):
        assert submit(client, {"img_path": path, "attrs": ATTRS}).status_code == 200


@pytest.mark.parametrize("image", [b"", b"no image", b"\xff\xd8\xff\xe0", b"GIF89a"])
def test_submit_file_that_is_no_image_is_refused(client: FlaskClient, image: bytes) -> None:
    assert_problem(upload(client, image, attrs=ATTRS), 422, "image")


def test_submit_damaged_image_is_refused(client: FlaskClient, photo: Path) -> None:
    assert_problem(upload(client, photo.read_bytes()[:1000], attrs=ATTRS), 422, "image")


def test_submit_file_above_the_limit_is_too_large(client: FlaskClient, photo: Path) -> None:
    limit = 16 * 2**20
    padded = photo.read_bytes().ljust(limit, b"\0")  # what follows a JPEG's end is not looked at
    assert upload(client, padded, attrs=ATTRS).status_code == 200
    assert_problem(upload(client, padded + b"\0", attrs=ATTRS), 413, "image", "16 MB")
    assert_problem(upload(client, padded + b"\0" * 2**20, attrs=ATTRS), 413, "image", "16 MB")
    large = photo.parent / "large.jpg"
    large.write_bytes(padded + b"\0")
    try:
        assert_problem(submit(client, {"img_path": large.name, "attrs": ATTRS}), 413, "img_path", "16 MB")
    finally:
        large.unlink()


def test_submit_body_above_the_limit_is_too_large(client: FlaskClient, photo: Path) -> None:
    assert_problem(submit(client, {"img_path": str(photo), "attrs": "x" * 100_000}), 413)
    assert_problem(upload(client, photo.read_bytes(), attrs="x" * 100_000), 413)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_submit_takes_post_only(client: FlaskClient, method: str) -> None:
    answer = client.open("/submit", method=method)
    assert_problem(answer, 405)
    assert "POST" in answer.headers["Allow"]


def test_submit_alone_needs_no_csrf_token(settings: Settings, app: Flask, photo: Path) -> None:
    site = create_app(settings)
    site.extensions["rpf"].start()
    site.extensions["rpf"].wait()
    assert submit(site.test_client(), {"img_path": str(photo), "attrs": ATTRS}).status_code == 200
    assert site.test_client().post("/c/tiny/search").status_code == 400
    posting = {
        rule.rule
        for rule in site.url_map.iter_rules()
        if "POST" in (rule.methods or ()) and rule.endpoint.startswith(f"{bp.name}.")
    }
    assert posting == {"/submit"}


def test_probes_of_a_ready_site_are_ok(client: FlaskClient) -> None:
    assert (client.get("/healthz").status_code, client.get("/healthz").json) == (200, {"status": "ok"})
    assert (client.get("/readyz").status_code, client.get("/readyz").json) == (200, {"status": "ready"})


def test_readyz_before_the_engine_is_loaded_starts_it_and_reports_progress(settings: Settings) -> None:
    site = create_app(settings)  # not started
    client = site.test_client()
    assert client.get("/healthz").json == {"status": "ok"}
    answer = client.get("/readyz")  # this starts it
    assert_problem(answer, 503)
    assert answer.json is not None
    assert {"phase", "done", "total"} <= set(answer.json)
    assert int(answer.headers["Retry-After"]) > 0
    site.extensions["rpf"].wait()
    assert client.get("/readyz").status_code == 200


def test_submit_before_the_engine_is_loaded_says_when_to_retry(settings: Settings, photo: Path) -> None:
    site = create_app(settings)
    answer = submit(site.test_client(), {"img_path": str(photo), "attrs": ATTRS})
    assert_problem(answer, 503)
    assert "Retry-After" in answer.headers
    site.extensions["rpf"].wait()
