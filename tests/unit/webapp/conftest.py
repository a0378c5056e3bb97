"""A site over a small shop, whose model names values, and keys for it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from rpf.access.keys import KeyStore
from rpf.settings import Settings
from tests.conftest import started_site, with_instance
from webapp import create_app


@pytest.fixture(scope="session")
def shop_site(shop_settings: Settings) -> Flask:
    """Start a site without keys, which no test changes."""
    site = started_site(shop_settings)
    assert site.extensions["rpf"].ready, site.extensions["rpf"].failure
    return site


@pytest.fixture
def reader(shop_site: Flask) -> FlaskClient:
    return shop_site.test_client()


@pytest.fixture
def site(tmp_path: Path, shop_settings: Settings, shop_site: Flask) -> Iterator[Flask]:
    """Make a site over a copy of the shop that the test may change; it shares the engine's model."""
    from rpf.engine import SearchEngine

    shutil.copytree(shop_settings.collections, tmp_path / "collections")
    settings = with_instance(shop_settings, tmp_path / "instance").model_copy(
        update={"collections": tmp_path / "collections"}
    )
    app = create_app(settings, TESTING=True)
    loader = app.extensions["rpf"]
    loader._engine = SearchEngine(settings, shop_site.extensions["rpf"].engine.model, default="shop")
    yield app
    assert app.extensions["rpf_job_worker"].stop()
    app.extensions["rpf_events"].close()


@pytest.fixture
def keys(site: Flask) -> KeyStore:
    """Return the keys as commands see them; a change is known to the site at once."""
    store: KeyStore = site.extensions["rpf_keys"]
    return store


@pytest.fixture
def writer(site: Flask, keys: KeyStore) -> FlaskClient:
    """Return a client with a write key."""
    client = site.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {keys.create('write', 'sync')[1]}"
    return client
