"""The site below a path of another site; tests/e2e/test_deploy.py checks the same behind nginx."""

from pathlib import Path

import pytest
import urllib3

from benchmarks.serving.test_server import serve
from rpf.settings import Settings
from tests.conftest import with_instance
from tests.e2e.test_guards import Make, make  # noqa: F401


@pytest.mark.parametrize(
    ("proxies", "prefix", "home"),
    [
        (1, "/shop/search", "/shop/search/c/tiny/"),
        (1, "/shop/search/", "/shop/search/c/tiny/"),
        (1, "", "/c/tiny/"),
        (0, "/shop/search", "/c/tiny/"),
        (1, "//evil.example", "/c/tiny/"),
        (1, "https://evil.example", "/c/tiny/"),
        (1, "/a/../b?c", "/c/tiny/"),
        (1, "/evil, /shop", "/shop/c/tiny/"),
    ],
)
def test_forwarded_prefix_counts_from_trusted_proxies_only(make: Make, proxies: int, prefix: str, home: str) -> None:  # noqa: F811
    client = make(csrf=True, proxies=proxies)
    assert client.get("/", headers={"X-Forwarded-Prefix": prefix}).location == home
    page = client.get("/c/tiny/", headers={"X-Forwarded-Prefix": prefix})
    assert f"; Path={home.removesuffix('c/tiny/')}" in page.headers["Set-Cookie"]
    assert f'href="{home}about"' in page.text


def test_script_name_from_the_environment_is_the_sites_path(settings: Settings, tmp_path: Path) -> None:
    with serve(
        with_instance(settings, tmp_path), tmp_path / "log", path="/shop/search", SCRIPT_NAME="/shop/search"
    ) as site:
        page = urllib3.request("GET", site.address + "/shop/search/c/tiny/", retries=False)
        assert page.status == 200
        assert 'href="/shop/search/c/tiny/about"' in page.data.decode()
        assert site.status("/shop/search/healthz") == 200
