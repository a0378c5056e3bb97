"""Imported collection of the earlier system: its vectors, no checkpoint, and perhaps no images."""

from pathlib import Path

import numpy as np
import pytest
from flask.testing import FlaskClient

from rpf.collection import CollectionSpec, NewItem, Writer
from rpf.settings import Settings
from tests.conftest import with_instance
from webapp import create_app


@pytest.fixture
def client(settings: Settings, tmp_path: Path) -> FlaskClient:
    vectors = np.random.default_rng(0).standard_normal((5, 2, 64)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=-1, keepdims=True)
    with Writer.open(tmp_path / "tiny", CollectionSpec("", ("sleeve_length", "hat"), 64, "images")) as writer:
        items = [NewItem(f"{number}.jpg", "", 0, 0, 0, {}) for number in range(5)]
        writer.append(items, vectors, None, ids=[3, 8, 11, 12, 40])
    app = create_app(
        with_instance(settings, tmp_path / "instance").model_copy(update={"collections": tmp_path}),
        WTF_CSRF_ENABLED=False,
    )
    app.extensions["rpf"].start()
    app.extensions["rpf"].wait()
    return app.test_client()


@pytest.mark.parametrize("page", ["", "item/8", "results?item=8&a=hat", "results.csv?item=8&a=hat", "about"])
def test_imported_collection_has_its_pages(client: FlaskClient, page: str) -> None:
    assert client.get(f"/c/tiny/{page}").status_code == 200


def test_imported_item_without_an_image_has_no_thumbnail(client: FlaskClient) -> None:
    assert client.get("/c/tiny/thumb/8").status_code == 404


def test_imported_collection_refuses_an_image_as_the_query(client: FlaskClient, photo: Path) -> None:
    answer = client.post("/submit", data={"image": photo.open("rb"), "attrs": "hat"})
    assert answer.status_code == 422
    assert "imported without its checkpoint" in answer.get_json()["detail"]
