"""`gunicorn wsgi:app` in another folder, below a path, with the app loaded by the master, and without its settings."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3

from benchmarks.common.site_server import Site, free_port, serve
from rpf.settings import Settings
from tests.conftest import with_instance
from tests.support import ROOT
from tests.support.commands import environment

BELOW = "/shop/search"


@pytest.fixture(scope="module")
def elsewhere(settings: Settings, photo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Start the site from a folder with a collection, an image and no files of the program.

    It is preloaded: the master loads the app too, and an engine created there would hang in the worker. And it is
    served below a path.
    """
    folder = tmp_path_factory.mktemp("elsewhere")
    shutil.copytree(settings.collections / "tiny", folder / "catalogues" / "tiny")
    shutil.copy(photo, folder / "query.jpg")
    with_instance(settings, folder / "state")
    variables = {"RPF_COLLECTIONS": "catalogues", "RPF_INSTANCE": "state", "RPF_IMAGE_ROOTS": ".", "SCRIPT_NAME": BELOW}
    args = ("-c", str(ROOT / "gunicorn.conf.py"), "--preload")
    with serve(settings, folder / "log", args=args, folder=folder, path=BELOW, **variables) as site:
        yield site


def test_engine_is_loaded_in_the_worker_with_preload(elsewhere: Site) -> None:
    assert elsewhere.status(BELOW + "/c/tiny/") == 200
    assert elsewhere.status(BELOW + "/c/tiny/results?item=1&a=sleeve_length") == 200


def test_script_name_of_the_environment_is_the_sites_path(elsewhere: Site) -> None:
    page = urllib3.request("GET", elsewhere.address + BELOW + "/c/tiny/", retries=False)
    assert page.status == 200
    assert f'href="{BELOW}/c/tiny/about"' in page.data.decode()
    assert elsewhere.status(BELOW + "/healthz") == 200


def test_gunicorn_in_another_folder_takes_its_settings_and_relative_paths(elsewhere: Site) -> None:
    body = {"img_path": "query.jpg", "attrs": "sleeve length"}
    answer = urllib3.request("POST", elsewhere.address + BELOW + "/submit", json=body)
    assert (answer.status, answer.json()["ids"][0]) == (200, 1)
    log = elsewhere.log.read_text()
    assert "Using worker: RequestTimeoutWorker" in log
    assert "Warning" not in log
    assert (elsewhere.log.parent / "state" / "secret_key").is_file()


def test_gunicorn_without_its_settings_says_how_to_start(settings: Settings, tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "gunicorn", "--chdir", ROOT, "--bind", address, "wsgi:app"]
    env = {**os.environ, **environment(settings)}
    process = subprocess.Popen(command, cwd=tmp_path, env=env, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    warnings = [next(line for line in process.stderr if line.startswith("Warning"))]
    process.send_signal(signal.SIGQUIT)
    warnings += [line for line in process.communicate()[1].splitlines() if line.startswith("Warning")]
    conf = ROOT / "gunicorn.conf.py"
    assert warnings == [f"Warning: gunicorn has not read its settings; start it with -c {conf}\n"]


def test_gunicorns_master_loads_no_torch_and_keeps_no_code_for_a_reload(tmp_path: Path) -> None:
    program = (
        "import runpy, sys; settings = runpy.run_path(sys.argv[1]);"
        "print(settings['bind'], settings['worker_class'].__name__,"
        " [name for name in sys.modules if name.partition('.')[0] in ('rpf', 'webapp', 'torch')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(ROOT / "gunicorn.conf.py")],
        cwd=tmp_path, env={**os.environ, "PORT": "90"}, capture_output=True, text=True,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("0.0.0.0:90 RequestTimeoutWorker []\n", "")
