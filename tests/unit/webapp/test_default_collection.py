"""Default collection of the site, and its failure as reported by /readyz."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from rpf.settings import Settings
from tests.conftest import with_instance
from webapp import create_app


@pytest.fixture(scope="module")
def site(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """Create a site whose default collection lies beside "wardrobe", which is of another checkpoint."""
    base = tmp_path_factory.mktemp("default")
    site_settings = with_instance(settings, base / "instance").model_copy(
        update={"collections": base / "collections", "collection": "wardrobe"}
    )
    shutil.copytree(settings.collections / "tiny", site_settings.collections / "wardrobe")
    manifest = site_settings.collections / "wardrobe" / "manifest.json"
    checkpoint_hash = made_with(manifest, "0" * 64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rpf.ingest.default_collection.GARMENTS", 2)
        app = create_app(site_settings, TESTING=True, WTF_CSRF_ENABLED=False)
        loader = app.extensions["rpf"]
        loader.start()
        loader.wait()
        assert loader.ready, loader.failure
        assert loader.default == f"wardrobe-{checkpoint_hash[:8]}"
        yield app


def made_with(manifest: Path, checkpoint_hash: str) -> str:
    """Change the checkpoint of a manifest, and return the previous one."""
    text = manifest.read_text()
    before = text.partition('"checkpoint": "')[2][:64]
    manifest.write_text(text.replace(before, checkpoint_hash))
    return before


def test_pages_open_with_the_collection_of_the_checkpoint(site: Flask) -> None:
    client, name = site.test_client(), site.extensions["rpf"].default
    assert client.get("/").location == f"/c/{name}/"
    page = client.get(f"/c/{name}/")
    assert page.status_code == 200
    assert f'href="/c/{name}/about"' in page.text
    assert 'href="/c/wardrobe/' not in page.text
    refused = client.get("/c/wardrobe/", headers={"Accept": "application/json"})
    assert refused.status_code == 409
    assert "made with another checkpoint" in refused.text


def test_submit_without_a_collection_searches_that_of_the_checkpoint(site: Flask, photo: Path) -> None:
    client = site.test_client()
    with photo.open("rb") as image:
        answer = client.post("/submit", data={"image": (image, "photo.jpg"), "attrs": "sleeve length"})
    assert answer.status_code == 200, answer.text
    assert sorted(answer.json["ids"]) == [1, 2]


def test_readyz_reports_a_default_collection_that_cannot_be_opened(site: Flask) -> None:
    client, loader = site.test_client(), site.extensions["rpf"]
    folder = loader.settings.collections / loader.default
    assert client.get("/readyz").status_code == 200
    before = made_with(folder / "manifest.json", "f" * 64)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")
    assert "made with another checkpoint" in answer.json["detail"]
    made_with(folder / "manifest.json", before)
    assert client.get("/readyz").status_code == 200
    folder.rename(folder.with_name("away"))
    assert client.get("/readyz").status_code == 503
    folder.with_name("away").rename(folder)
    assert client.get("/readyz").status_code == 200


def test_home_waits_until_the_default_collection_is_known(settings: Settings, tmp_path: Path) -> None:
    app = create_app(with_instance(settings, tmp_path))
    answer = app.test_client().get("/")
    assert (answer.status_code, "http-equiv" in answer.text) == (503, True)
    app.extensions["rpf"].wait()
    assert app.test_client().get("/").location == "/c/tiny/"
