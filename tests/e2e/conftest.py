"""Running site that the end-to-end tests share."""

from collections.abc import Iterator

import pytest

from benchmarks.common.site_server import Site, serve
from rpf.settings import Settings
from tests.conftest import with_instance


@pytest.fixture(scope="session")
def site(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Start a site over the collection "tiny", for tests that neither stop it nor change its files."""
    folder = tmp_path_factory.mktemp("shared-site")
    with serve(with_instance(settings, folder), folder / "log") as running:
        yield running
