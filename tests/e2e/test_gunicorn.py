"""`gunicorn wsgi:app`, while the site prepares itself and with the app loaded by the master."""

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path
from urllib.error import HTTPError

import pytest
import urllib3

from benchmarks.common.site_server import serve
from rpf.settings import Settings
from tests.conftest import with_instance
from tests.support import ROOT


def get(address: str, accept: str) -> tuple[int, str, str]:
    """Send a GET; return status, Retry-After and text."""
    request = urllib.request.Request(address, headers={"Accept": accept})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, "", answer.read().decode()
    except HTTPError as error:
        return error.code, error.headers.get("Retry-After", ""), error.read().decode()


def test_site_while_the_default_collection_is_drawn_is_503_with_progress(settings: Settings, tmp_path: Path) -> None:
    site_settings = with_instance(settings, tmp_path).model_copy(
        update={"collections": tmp_path / "collections", "collection": "wardrobe"}
    )
    with serve(site_settings, tmp_path / "log", ready=False) as site:
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


@pytest.mark.parametrize("args", [(), ("--preload",)])
def test_engine_is_loaded_in_the_worker_with_and_without_preload(
    settings: Settings, tmp_path: Path, args: tuple[str, ...]
) -> None:
    """Load the app in the master too: an engine created there would hang in the worker."""
    with serve(with_instance(settings, tmp_path), tmp_path / "log", args=args) as site:
        first = get(site.address + "/c/tiny/", "text/html")
        assert first[0] == 200
        results = get(site.address + "/c/tiny/results?item=1&a=sleeve_length", "text/html")
        assert results[0] == 200


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


def test_script_name_of_the_environment_is_the_sites_path(settings: Settings, tmp_path: Path) -> None:
    site_settings = with_instance(settings, tmp_path)
    with serve(site_settings, tmp_path / "log", path="/shop/search", SCRIPT_NAME="/shop/search") as site:
        page = urllib3.request("GET", site.address + "/shop/search/c/tiny/", retries=False)
        assert page.status == 200
        assert 'href="/shop/search/c/tiny/about"' in page.data.decode()
        assert site.status("/shop/search/healthz") == 200
