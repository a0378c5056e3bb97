"""Command `download` against a server on loopback, which cuts, refuses, answers with pages, and changes its file."""

import hashlib
import json
import os
import random
import re
import resource
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests

from rpf.models import published
from rpf.models.published import PublishedFile, published_files
from rpf.settings import Settings
from tests.support.collection_builder import fork
from tests.support.commands import Run

CONTENT = random.Random(0).randbytes(3_000_000)
QUOTA = b'<!DOCTYPE html><p class="uc-error-subcaption">Too many users have viewed or downloaded this file.</p>'
FILE = Path("pretrained", "weights.npz")


@dataclass
class Server:
    """A file server whose behaviour a test sets."""

    address: str = ""
    content: bytes = CONTENT
    status: int = 200
    page: bytes = b""  # answered in place of the file
    cut: int = 0  # bytes after which it closes the connection
    ranges: bool = True
    requests: list[str] = field(default_factory=list)  # path and Range of each


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            wanted = self.headers.get("Range", "")
            state.requests.append(f"{self.path} {wanted}".strip())
            if self.path.startswith("/uc") or state.page or state.status != 200:  # Google Drive's first answer
                confirm = f'<form id="download-form" action="{state.address}/drive"></form>'
                self.answer(state.status, state.page or confirm.encode(), {"Content-Type": "text/html"})
                return
            start = int(wanted[6:-1]) if wanted and state.ranges else 0
            headers = {"ETag": f'"{hash(state.content)}"'}
            if self.path == "/drive":
                headers["Content-Disposition"] = 'attachment; filename="other.bin"'
            if start:
                headers["Content-Range"] = f"bytes {start}-{len(state.content) - 1}/{len(state.content)}"
            self.answer(206 if start else 200, state.content[start:], headers)

        def answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in ({"Content-Type": "application/octet-stream"} | headers).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            cut = state.cut and len(body) > state.cut
            self.wfile.write(body[: state.cut] if cut else body)
            self.close_connection = bool(cut)

        def handle(self) -> None:
            with suppress(ConnectionError):  # the client has gone
                super().handle()

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        state.address = f"http://127.0.0.1:{running.server_port}"
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield state
        running.shutdown()
        thread.join()


@pytest.fixture
def work(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a work folder; the published files are one at a plain address, one on Google Drive, and one on both."""
    plain, drive = f"{server.address}/weights.npz", "https://drive.google.com/uc?id=1N2rdQcbhegIOB4fHpifi92w1Lp86umN1"
    urls = {"plain": [plain], "drive": [drive], "both": ["http://127.0.0.1:1/weights.npz", plain]}
    files = {
        name: PublishedFile(title="", source="", path=str(FILE), urls=tuple(places)) for name, places in urls.items()
    }
    get: Callable[..., requests.Response] = requests.Session.get

    def on_loopback(session: requests.Session, url: str, **options: object) -> requests.Response:
        return get(session, url.replace("https://drive.google.com", server.address), **options)

    monkeypatch.setattr(requests.Session, "get", on_loopback)
    monkeypatch.setattr(published, "WORK_FOLDER", tmp_path)
    monkeypatch.setattr(published, "published_files", lambda: files)
    monkeypatch.setattr(published, "RETRIES", 0)
    return tmp_path


@pytest.fixture
def download(work: Path) -> Run:
    return Run(Settings(instance=work / "instance"))


def files(work: Path) -> set[str]:
    """Return the names of the files in the work folder, those of parts without what is random in them."""
    return {re.sub(r"\w{8}\.part", ".part", path.name) for path in work.rglob("*") if path.is_file()}


DONE = {"weights.npz", "weights.npz.download.json"}
PART = {".weights.npz.download0.part"}


@pytest.mark.parametrize("name", ["plain", "drive", "both"])
def test_download_puts_the_file_and_its_hash_in_place(download: Run, work: Path, server: Server, name: str) -> None:
    digest = hashlib.sha256(CONTENT).hexdigest()
    assert f"weights.npz: 3.0 MB, sha256 {digest}" in download("download", name)
    assert (work / FILE).read_bytes() == CONTENT and files(work) == DONE
    record = json.loads((work / "pretrained" / "weights.npz.download.json").read_text())
    assert (record["size"], record["sha256"]) == (len(CONTENT), digest)
    server.requests.clear()
    assert digest in download("download", name) and server.requests == []


@pytest.mark.parametrize("name", ["plain", "drive"])
def test_download_that_is_cut_resumes(download: Run, work: Path, server: Server, name: str) -> None:
    server.cut = 1_600_000
    error = download("download", name, status=2).splitlines()[-1]
    assert re.search(r"cannot be downloaded: Download is incomplete.*\. Run the same command again to resume\.$", error)
    assert files(work) == PART
    server.cut = 0
    download("download", name)
    (resumed,) = [int(line.split("=")[-1][:-1]) for line in server.requests if "bytes=" in line]
    assert 500_000 < resumed <= 1_600_000
    assert (work / FILE).read_bytes() == CONTENT and files(work) == DONE


def test_download_goes_on_by_itself_where_the_connection_was_cut(
    download: Run, work: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(published, "RETRIES", 4)
    monkeypatch.setattr("random.uniform", lambda low, high: 0.0)  # seconds between tries
    server.cut = 1_600_000
    download("download", "plain")
    assert (work / FILE).read_bytes() == CONTENT and len(server.requests) > 1


def test_download_starts_again_where_the_server_cannot_resume(download: Run, work: Path, server: Server) -> None:
    server.cut = 1_600_000
    download("download", "plain", status=2)
    server.cut, server.ranges = 0, False
    download("download", "plain")
    assert (work / FILE).read_bytes() == CONTENT and files(work) == DONE


def test_part_survives_a_server_that_is_away(download: Run, work: Path, server: Server) -> None:
    server.cut = 1_600_000
    download("download", "drive", status=2)
    for status, page in ((200, QUOTA), (503, b"busy")):
        server.cut, server.status, server.page = 0, status, page
        download("download", "drive", status=2)
        assert files(work) == PART


@pytest.mark.parametrize(
    ("name", "status", "page", "why"),
    [
        ("plain", 200, b"\n<!doctype HTML><title>Sign in</title>", "it answers with a web page"),
        ("plain", 403, b"<html>no</html>", "403"),
        ("plain", 404, b"gone", "404"),
        ("drive", 200, QUOTA, "Too many users have viewed or downloaded this file."),
        ("drive", 200, b"<html>Sign in</html>", "Anyone with the link"),
        ("drive", 404, b"<html>no such file</html>", "cannot be downloaded"),
        ("both", 403, b"no", "403"),
    ],
)
def test_refusal_is_one_line_and_leaves_nothing(
    download: Run, work: Path, server: Server, name: str, status: int, page: bytes, why: str
) -> None:
    server.status, server.page = status, page
    assert why in download("download", name, status=2).splitlines()[-1]
    assert files(work) == set()


def test_other_content_than_at_the_first_download_is_refused(download: Run, work: Path, server: Server) -> None:
    download("download", "plain")
    (work / FILE).write_bytes(CONTENT[:-1])
    assert "is not the file that was first downloaded" in download("download", "plain", status=2)
    (work / FILE).unlink()
    server.content = CONTENT[::-1]
    assert "another content than at the first download" in download("download", "plain", status=2)
    assert files(work) == DONE - {FILE.name}
    server.content = CONTENT
    download("download", "plain")
    assert (work / FILE).read_bytes() == CONTENT and files(work) == DONE


def test_file_of_another_size_than_listed_is_refused(download: Run, work: Path, server: Server) -> None:
    listed = published.published_files()["plain"].model_copy(update={"size": 2_000_000})
    published.published_files()["plain"] = listed
    assert "it has 3000000 bytes, not 2000000" in download("download", "plain", status=2)
    assert files(work) == set()


def test_file_that_was_put_there_by_hand_stays(download: Run, work: Path, server: Server) -> None:
    (work / FILE).parent.mkdir()
    (work / FILE).write_bytes(b"mine")
    download("download", "plain")
    assert (work / FILE).read_bytes() == b"mine" and files(work) == DONE and server.requests == []


def test_download_on_a_full_disk_keeps_the_part(download: Run, work: Path, server: Server) -> None:
    def fill() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))  # the kernel refuses larger files
        assert "File too large" in download("download", "plain", status=2)

    assert os.waitpid(fork(fill), 0)[1] == 0
    assert files(work) == PART
    download("download", "plain")
    assert (work / FILE).read_bytes() == CONTENT and files(work) == DONE


def test_download_without_a_name_lists_the_published_files() -> None:
    run = Run(Settings())
    output = run("download")
    for name, file in published_files().items():
        assert name in output and f"goes to {file.path}" in output and file.source in output
        assert file.path.startswith(("runs/", "pretrained/"))
    assert output.count("no licence stated") == 4
    assert "rpf-fashionai, rpf-darn" in run("download", "none", status=2)


def test_published_vit_goes_where_training_looks_for_it() -> None:
    from rpf.models.pretrained import VIT_FILE

    assert published_files()["vit-google"].path == f"pretrained/{VIT_FILE}"
