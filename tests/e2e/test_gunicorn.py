"""`gunicorn wsgi:app`, while the site prepares itself and with the app loaded by the master."""

import json
import urllib.request
from dataclasses import replace
from pathlib import Path
from urllib.error import HTTPError

import pytest

from benchmarks.serving.test_server import serve
from rpf.settings import Settings
from tests.conftest import with_instance


def get(address: str, accept: str) -> tuple[int, str, str]:
    """Return status, Retry-After and text of a GET."""
    request = urllib.request.Request(address, headers={"Accept": accept})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, "", answer.read().decode()
    except HTTPError as error:
        return error.code, error.headers.get("Retry-After", ""), error.read().decode()


def test_site_while_the_default_collection_is_drawn_shows_progress(settings: Settings, tmp_path: Path) -> None:
    fresh = replace(with_instance(settings, tmp_path), collections=tmp_path / "collections", collection="wardrobe")
    with serve(fresh, tmp_path / "log", ready=False) as site:
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
def test_engine_is_made_in_the_worker_with_and_without_preload(
    settings: Settings, tmp_path: Path, args: tuple[str, ...]
) -> None:
    """Load the app in the master too: an engine made there would hang in the worker."""
    with serve(with_instance(settings, tmp_path), tmp_path / "log", args=args) as site:
        for path in ("/c/tiny/", "/c/tiny/results?item=1&a=sleeve_length"):
            status, _, _ = get(site.address + path, "text/html")
            assert status == 200, path
