"""Running site that the end-to-end tests share."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from benchmarks.common.site_server import Site, serve
from rpf.settings import Settings
from tests.conftest import with_instance
from tests.support.browser import FLAGS, MISSING, find


@pytest.fixture(scope="session")
def site(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Start a site over the collection "tiny", for tests that neither stop it nor change its files."""
    folder = tmp_path_factory.mktemp("shared-site")
    with serve(with_instance(settings, folder), folder / "log") as running:
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Launch Debian's Chromium, or else Playwright's."""
    path = find()
    if path is None:
        pytest.skip(MISSING)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield launched
        launched.close()
