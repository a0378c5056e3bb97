"""The site on disks that it cannot write, and its error line where it cannot start."""

import errno
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import urllib3

from benchmarks.common.site_server import Site, free_port, serve
from rpf.settings import Settings
from tests.conftest import with_instance
from tests.support import ROOT
from tests.support.commands import environment
from tests.support.hostile import form
from tests.support.read_only import read_only
from webapp import create_app
from webapp.images.thumbnails import Thumbnails
from webapp.images.uploads import Uploads, UploadsUnwritable


def get(site: Site, path: str) -> urllib3.BaseHTTPResponse:
    return urllib3.request("GET", site.address + path, retries=False, redirect=False)


def search_page(site: Site, photo: bytes) -> urllib3.BaseHTTPResponse:
    """Send the page's form with a photo."""
    first = get(site, "/c/tiny/")
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', first.data.decode())
    assert token
    body, headers = form(photo, a="sleeve_length", csrf_token=token[1])
    headers |= {"Cookie": first.headers["Set-Cookie"].partition(";")[0]}
    return urllib3.request("POST", site.address + "/c/tiny/search", body=body, headers=headers, retries=False)


def test_site_on_read_only_disks_refuses_uploads_and_nothing_else(
    settings: Settings, tmp_path: Path, photo: Path
) -> None:
    """Make all disks read-only, including the folder of temporary files and the files of a killed writer."""
    if not os.access("/dev/shm", os.W_OK):
        pytest.skip("needs /dev/shm for temporary files")
    site_settings = settings.model_copy(update={"instance": tmp_path / "instance"})
    prefix = read_only(Path("/"), tmp_path)
    environment = {"SECRET_KEY": "k" * 64, "TMPDIR": str(tmp_path)}
    with serve(site_settings, tmp_path / "log", prefix=prefix, **environment) as site:
        for padding in (0, 1_000_000):  # the larger one goes to a temporary file first
            answer = search_page(site, photo.read_bytes() + bytes(padding))
            assert answer.status == 503
            assert int(answer.headers["Retry-After"]) > 0
            assert "cannot be saved at the moment" in answer.data.decode()
        for _ in range(2):
            thumb = get(site, "/c/tiny/thumb/1")
            assert (thumb.status, thumb.data[:4]) == (200, b"RIFF")
        body, headers = form(photo.read_bytes() + bytes(1_000_000), attrs="sleeve length")
        answer = urllib3.request("POST", site.address + "/submit", body=body, headers=headers, retries=False)
        assert (answer.status, answer.json()["ids"][0]) == (200, 1)
        page = urllib3.request("GET", site.address + "/c/tiny/", headers={"Accept-Language": "vi"})
        assert "Tìm" in page.data.decode()
    log = (tmp_path / "log").read_text()
    assert "Traceback" not in log
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    warnings = [line["message"] for line in lines if line["level"] == "WARNING"]
    assert len(warnings) == 2
    assert "(RPF_INSTANCE) cannot be written: Read-only file system" in warnings[0]
    assert warnings[1].startswith("Thumbnails cannot be saved")


def start(settings: Settings, *prefix: str, **more: str) -> "subprocess.CompletedProcess[str]":
    """Start gunicorn, which is expected to end by itself."""
    env = {**os.environ, **environment(settings), "RPF_BIND": f"127.0.0.1:{free_port()}", **more}
    command = [*prefix, sys.executable, "-m", "gunicorn", "wsgi:app"]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120)


def test_start_without_a_writable_instance_folder_names_the_settings(settings: Settings, tmp_path: Path) -> None:
    site_settings = settings.model_copy(update={"instance": tmp_path / "instance"})
    done = start(site_settings, *read_only(tmp_path))
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    errors = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1
    assert str(site_settings.instance) in errors[0]
    assert "Read-only file system" in errors[0]
    assert "RPF_INSTANCE" in errors[0]
    assert "SECRET_KEY" in errors[0]


@pytest.mark.parametrize(("name", "value"), [("RPF_THREADS", "two"), ("RPF_REQUEST_TIMEOUT", "a while")])
def test_start_with_an_unusable_setting_names_it(settings: Settings, name: str, value: str) -> None:
    done = start(settings, **{name: value})
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    errors = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1
    assert name in errors[0]
    assert value in errors[0]


def test_read_only_collections_without_the_default_one_name_the_setting(settings: Settings, tmp_path: Path) -> None:
    site_settings = settings.model_copy(update={"collections": tmp_path / "collections", "collection": "wardrobe"})
    with serve(site_settings, tmp_path / "log", ready=False, prefix=read_only(tmp_path)) as site:
        while (answer := get(site, "/readyz")).json().get("phase"):
            time.sleep(0.05)
        assert answer.status == 503
        assert "Read-only file system" in answer.json()["detail"]
        assert "RPF_COLLECTIONS" in answer.json()["detail"]
    assert "Traceback" not in (tmp_path / "log").read_text()


@contextmanager
def closed(folder: Path) -> Iterator[None]:
    """Deny access to the folder, also where the user is root."""
    folder.mkdir(parents=True)
    if os.geteuid() != 0:
        folder.chmod(0)
        yield
        folder.chmod(0o700)
        return
    folder.chmod(0o700)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_thumbnails_in_a_closed_folder_are_encoded_each_time(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    calls: list[int] = []

    def make() -> bytes:
        calls.append(1)
        return b"webp %d" % len(calls)

    with closed(tmp_path / "instance"):
        thumbnails = Thumbnails(tmp_path / "instance" / "thumbnails")
        assert [thumbnails.get("0" * 64, 100, make) for _ in range(2)] == [b"webp 1", b"webp 2"]
    assert [record.message for record in caplog.records] == [
        f"Thumbnails cannot be saved in {thumbnails.folder}: Permission denied"
    ]
    with pytest.raises(PermissionError):  # an image that cannot be read is another matter
        Thumbnails(tmp_path).get("0" * 64, 100, lambda: (_ for _ in ()).throw(PermissionError(errno.EACCES, "image")))


def test_uploads_in_a_closed_folder_are_refused(tmp_path: Path) -> None:
    with closed(tmp_path / "instance"):
        uploads = Uploads(tmp_path / "instance" / "uploads")
        with pytest.raises(UploadsUnwritable) as refused:
            uploads.save(b"an image")
    assert refused.value.errno == errno.EACCES


@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS, errno.ENOSPC, errno.EIO])
def test_only_unwritable_disks_are_explained(settings: Settings, tmp_path: Path, code: int) -> None:
    """Leave other errors unexpected, such as an unreadable image of a catalogue."""
    app = create_app(with_instance(settings, tmp_path))

    def view() -> str:
        raise OSError(code, os.strerror(code))

    app.add_url_rule("/fails", "fails", view)
    expected = 503 if code in (errno.EROFS, errno.ENOSPC) else 500
    assert app.test_client().get("/fails").status_code == expected
