"""The site below a path of another site. (tests/e2e/test_deploy.py has the same behind nginx.)"""

import pytest

from tests.unit.webapp.test_middleware import Make, make  # noqa: F401


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
def test_forwarded_prefix_is_believed_of_trusted_proxies(make: Make, proxies: int, prefix: str, home: str) -> None:  # noqa: F811
    client = make(csrf=True, trusted_proxies=proxies)
    assert client.get("/", headers={"X-Forwarded-Prefix": prefix}).location == home
    page = client.get("/c/tiny/", headers={"X-Forwarded-Prefix": prefix})
    assert f"; Path={home.removesuffix('c/tiny/')}" in page.headers["Set-Cookie"]
    assert f'href="{home}about"' in page.text
