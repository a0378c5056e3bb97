"""The site while the default collection is prepared, SIGTERM meanwhile, and commands in another folder."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import urllib3

from benchmarks.common.site_server import Site, serve
from rpf.settings import Settings
from tests.conftest import with_instance
from tests.support import ROOT
from tests.support.commands import Run, environment

STOPPED = "Preparation stopped. Finished work is kept; the next start resumes it."


@pytest.fixture
def fresh(settings: Settings, tmp_path: Path) -> Settings:
    """Return settings over an empty folder of collections, for the default one."""
    return with_instance(settings, tmp_path / "instance").model_copy(
        update={"collections": tmp_path / "collections", "collection": "wardrobe"}
    )


def wait(condition: Callable[[], object]) -> None:
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def get(address: str, accept: str) -> tuple[int, str, str]:
    """Send a GET; return status, Retry-After and text."""
    answer = urllib3.request("GET", address, headers={"Accept": accept}, retries=False)
    return answer.status, answer.headers.get("Retry-After", ""), answer.data.decode()


def phase(site: Site) -> str:
    answer = urllib3.request("GET", site.address + "/readyz", retries=False)
    name: str = answer.json().get("phase", "")
    return name


def terminate(site: Site) -> list[str]:
    """Send SIGTERM, and return what the loader of the engine logged."""
    site.process.terminate()
    assert site.process.wait(60) == 0
    log = site.log.read_text()
    for word in ("terminate called", "SIGABRT", "SIGKILL", "Traceback"):
        assert word not in log
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    return [line["message"] for line in lines if line["logger"] == "webapp.engine_loader"]


def test_sigterm_while_the_model_is_loaded_ends_the_site_normally(fresh: Settings, tmp_path: Path) -> None:
    with serve(fresh, tmp_path / "log", ready=False) as site:
        wait(lambda: phase(site) == "load")
        assert terminate(site) in ([STOPPED], [])  # on a slow machine loading is not waited for


def test_site_while_the_default_collection_is_drawn_is_503_with_progress_and_ends_by_sigterm(
    fresh: Settings, tmp_path: Path
) -> None:
    with serve(fresh, tmp_path / "log", ready=False) as site:
        wait(lambda: phase(site) == "drawing")
        code, again, text = get(site.address + "/readyz", "application/json")
        assert (code, again.isdigit()) == (503, True)
        assert json.loads(text).keys() >= {"phase", "done", "total"}
        code, again, page = get(site.address + "/c/wardrobe/", "text/html")
        assert (code, again.isdigit()) == (503, True)
        assert "<progress" in page
        assert 'http-equiv="refresh"' in page
        code, again, text = get(site.address + "/submit", "application/json")
        assert code == 405
        assert site.status("/healthz") == 200
        assert phase(site) == "drawing"
        assert terminate(site) == [STOPPED]


def test_sigterm_ends_a_command_like_ctrl_c(fresh: Settings, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "rpf", "demo"],
        cwd=ROOT,
        env={**os.environ, **environment(fresh)},
        stderr=subprocess.PIPE,
        text=True,
    )
    wait(lambda: list(fresh.collections.glob("wardrobe/images/*.jpg")))
    process.send_signal(signal.SIGTERM)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    assert stderr.splitlines()[-1] == "Stopped. Finished work is saved; run the same command again to resume."
    assert "terminate called" not in stderr
    assert not list(fresh.collections.glob("wardrobe/images/*.tmp"))


def test_commands_in_another_folder_take_relative_paths(
    settings: Settings, tmp_path: Path, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "photos").mkdir()
    shutil.copy(photo, tmp_path / "photos" / "a.jpg")
    with_instance(settings, tmp_path / "state")
    monkeypatch.chdir(tmp_path)
    run = Run(settings, RPF_COLLECTIONS="catalogues", RPF_INSTANCE="state")
    assert "shop: 1 added" in run("index", "shop", "photos")
    assert json.loads((tmp_path / "catalogues/shop/manifest.json").read_text())["root"] == str(tmp_path / "photos")
