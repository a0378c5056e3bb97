"""Starting from another folder, and SIGTERM while the default collection is prepared."""

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

from benchmarks.common.site_server import Site, free_port, serve
from rpf.settings import Settings
from tests.conftest import with_instance
from tests.support import ROOT
from tests.support.commands import environment


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


def phase(site: Site) -> str:
    answer = urllib3.request("GET", site.address + "/readyz", retries=False)
    name: str = answer.json().get("phase", "")
    return name


@pytest.mark.parametrize("when", ["load", "drawing"])
def test_sigterm_during_preparation_ends_the_site_normally(fresh: Settings, tmp_path: Path, when: str) -> None:
    with serve(fresh, tmp_path / "log", ready=False) as site:
        wait(lambda: phase(site) == when)
        site.process.terminate()
        assert site.process.wait(60) == 0
    log = (tmp_path / "log").read_text()
    for word in ("terminate called", "SIGABRT", "SIGKILL", "Traceback"):
        assert word not in log
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    messages = [line["message"] for line in lines if line["logger"] == "webapp.engine_loader"]
    stopped = "Preparation stopped. Finished work is kept; the next start resumes it."
    assert messages == [stopped] or (when, messages) == ("load", [])  # on a slow machine loading is not waited for


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


@pytest.fixture
def elsewhere(settings: Settings, tmp_path: Path) -> Path:
    """Create a folder with collections and an instance folder, and no files of the program."""
    shutil.copytree(settings.collections / "tiny", tmp_path / "catalogues" / "tiny")
    with_instance(settings, tmp_path / "state")
    return tmp_path


def test_gunicorn_in_another_folder_takes_its_settings_and_relative_paths(
    settings: Settings, elsewhere: Path, photo: Path
) -> None:
    shutil.copy(photo, elsewhere / "query.jpg")
    relative = {"RPF_COLLECTIONS": "catalogues", "RPF_INSTANCE": "state", "RPF_IMAGE_ROOTS": "."}
    args = ("-c", str(ROOT / "gunicorn.conf.py"))
    with serve(settings, elsewhere / "log", args=args, folder=elsewhere, **relative) as site:
        body = {"img_path": "query.jpg", "attrs": "sleeve length"}
        answer = urllib3.request("POST", site.address + "/submit", json=body)
        assert (answer.status, answer.json()["ids"][0]) == (200, 1)
    log = (elsewhere / "log").read_text()
    assert "Using worker: RequestTimeoutWorker" in log
    assert "Warning" not in log
    assert (elsewhere / "state" / "secret_key").is_file()


def test_gunicorn_without_its_settings_says_how_to_start(settings: Settings, elsewhere: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "gunicorn", "--chdir", ROOT, "--bind", address, "wsgi:app"]
    with (elsewhere / "log").open("wb") as log:
        site = subprocess.Popen(command, cwd=elsewhere, env={**os.environ, **environment(settings)}, stderr=log)
    try:
        wait(lambda: "-c " in (elsewhere / "log").read_text() or site.poll() is not None)
    finally:
        site.terminate()
        site.wait()
    warnings = [line for line in (elsewhere / "log").read_text().splitlines() if line.startswith("Warning")]
    conf = ROOT / "gunicorn.conf.py"
    assert warnings == [f"Warning: gunicorn has not read its settings; start it with -c {conf}"]


def test_commands_in_another_folder_take_relative_paths(settings: Settings, elsewhere: Path, photo: Path) -> None:
    (elsewhere / "photos").mkdir()
    shutil.copy(photo, elsewhere / "photos" / "a.jpg")
    env = {**os.environ, **environment(settings), "PYTHONPATH": str(ROOT)}
    env |= {"RPF_COLLECTIONS": "catalogues", "RPF_INSTANCE": "state"}
    command = [sys.executable, "-m", "rpf", "index", "shop", "photos"]
    done = subprocess.run(command, cwd=elsewhere, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "shop: 1 added" in done.stdout
    assert json.loads((elsewhere / "catalogues/shop/manifest.json").read_text())["root"] == str(elsewhere / "photos")
