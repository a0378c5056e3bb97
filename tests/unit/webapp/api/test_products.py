"""PUT and DELETE /api/v1/products/{id}: what they change, what they refuse, and requests that are sent again."""

import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, Response
from flask.testing import FlaskClient
from PIL import Image
from werkzeug.test import TestResponse

from rpf.collection import Collection
from rpf.engine import SearchEngine
from rpf.errors import IdempotencyConflict
from rpf.products.product import Product
from rpf.products.table import read_products
from rpf.utils.locks import locked
from tests.support.shop import product
from tests.unit.webapp.api.test_search import searched, validate
from webapp.api import idempotency, products

Embedded = list[int]


@pytest.fixture
def folder(site: Flask) -> Path:
    shop: Path = site.extensions["rpf"].settings.collections / "shop"
    return shop


@pytest.fixture
def embedded(site: Flask, monkeypatch: pytest.MonkeyPatch) -> Embedded:
    """Return the sizes of the batches that are embedded."""
    engine: SearchEngine = site.extensions["rpf"].engine
    sizes: Embedded = []
    embed: Callable[[Any], Any] = engine._batcher.embed_in_background
    monkeypatch.setattr(
        engine._batcher, "embed_in_background", lambda images: (sizes.append(len(images)), embed(images))[1]
    )
    return sizes


def put(client: FlaskClient, body: dict[str, Any], address: str = "", **headers: str) -> dict[str, Any]:
    response = client.put(f"/api/v1/products/{address or body['id']}", json=body, headers=headers)
    assert response.status_code == 200, response.text
    return validate(response, "PutResponse")


def refused(response: TestResponse, status: int, field: str = "") -> str:
    assert (response.status_code, response.content_type) == (status, "application/problem+json"), response.text
    assert [error["field"] for error in response.get_json().get("errors", [])] == ([field] if field else [])
    text: str = response.get_json()["detail"]
    return text


def test_put_of_a_price_reads_no_image_and_is_searched_at_once(
    writer: FlaskClient, folder: Path, embedded: Embedded
) -> None:
    shutil.rmtree(folder / "images")
    ids = Collection.open(folder).ids.tolist()
    assert put(writer, product("P1", 9)) == {"id": "P1", "change": "changed", "photos": 4, "problems": []}
    assert put(writer, product("P1", 9))["change"] == "unchanged"
    assert Collection.open(folder).ids.tolist() == ids and not embedded
    body = searched(writer, item=ids[0], product_filters={"price": {"high": 10}})
    assert [one["product"]["price"] for one in body["results"]] == [9]


def test_put_of_a_new_product_embeds_its_photos_in_small_batches(
    writer: FlaskClient, folder: Path, embedded: Embedded, wardrobe: dict[Path, dict[str, int]]
) -> None:
    for number, path in enumerate(list(wardrobe)[20:32]):
        shutil.copy(path, folder / "images" / f"new-{number}.jpg")
    photos = [{"source": f"new-{number}.jpg"} for number in range(12)] + [{"source": "not-there.jpg"}]
    answer = put(writer, {"title": "New", "photos": photos, "url": "https://shop.example/new"}, "new/shirt 1")
    assert (answer["id"], answer["change"], answer["photos"]) == ("new/shirt 1", "added", 12)
    assert [(one["source"], "no such file" in one["detail"]) for one in answer["problems"]] == [("not-there.jpg", True)]
    assert sum(embedded) == 12 and max(embedded) <= 8
    product_body = validate(writer.get("/api/v1/products/new/shirt%201"), "ProductDetails")
    assert [photo["item"] is None for photo in product_body["photos"]] == [False] * 12 + [True]
    assert product_body["photos"][0]["source"] == "new-0.jpg"  # with a write key
    body = searched(writer, img_path="new-3.jpg", fold="photo", limit=1)
    assert body["results"][0]["product"]["id"] == "new/shirt 1" and body["total"] == 32


def test_put_without_a_photo_removes_its_item_and_refresh_reads_changed_ones(
    writer: FlaskClient, folder: Path, embedded: Embedded, wardrobe: dict[Path, dict[str, int]]
) -> None:
    shirt = product("P1")
    assert put(writer, {**shirt, "photos": shirt["photos"][:2]})["photos"] == 2
    assert len(Collection.open(folder)) == 18
    shutil.copy(list(wardrobe)[30], folder / "images" / "P1-red-0.jpg")
    assert put(writer, {**shirt, "photos": shirt["photos"][:2]})["change"] == "unchanged" and not embedded
    answer = put(writer, {**shirt, "photos": shirt["photos"][:2]}, "P1?refresh_photos=true")
    assert answer["change"] == "changed" and embedded == [1]
    assert len(Collection.open(folder)) == 18
    assert put(writer, shirt)["photos"] == 4


def test_put_keeps_the_item_of_a_photo_that_is_gone_and_says_so(writer: FlaskClient, folder: Path) -> None:
    (folder / "images" / "P1-red-0.jpg").unlink()
    answer = put(writer, product("P1"), "P1?refresh_photos=true")
    assert answer["photos"] == 4 and [one["source"] for one in answer["problems"]] == ["P1-red-0.jpg"]
    (folder / "images" / "P1-red-0.jpg").write_bytes(b"no image")
    answer = put(writer, product("P1"), "P1?refresh_photos=true")
    assert answer["photos"] == 3 and [one["source"] for one in answer["problems"]] == ["P1-red-0.jpg"]


def test_delete_removes_the_product_and_its_photos(writer: FlaskClient, folder: Path) -> None:
    assert validate(writer.delete("/api/v1/products/P1"), "DeleteResponse") == {"id": "P1", "deleted": True}
    assert writer.get("/api/v1/products/P1").status_code == 404
    assert len(Collection.open(folder)) == 16 and "P1" not in read_products(folder)
    assert writer.delete("/api/v1/products/P1").get_json() == {"id": "P1", "deleted": False}


@pytest.mark.parametrize(
    ("field", "body"),
    [
        ("id", {"id": "P2"}),
        ("price", {"price": -1}),
        ("price", {"price": "cheap"}),
        ("currency", {"currency": "euro"}),
        ("url", {"url": "javascript:alert(1)"}),
        ("photos.0.source", {"photos": [{"source": "../../etc/passwd"}]}),
        ("photos.0.source", {"photos": [{"source": "/etc/passwd"}]}),
        ("photos.0.source", {"photos": [{"source": "file:///etc/passwd"}]}),
        ("variants.0.id", {"variants": [{"colour": "red"}]}),
        ("wheels", {"wheels": 4}),
        ("body", {"photos": [{"source": "a.jpg"}, {"source": "a.jpg"}]}),
    ],
)
def test_put_refuses_unusable_products(writer: FlaskClient, folder: Path, field: str, body: dict[str, Any]) -> None:
    before = read_products(folder)
    refused(writer.put("/api/v1/products/P1", json=body), 422, field)
    assert read_products(folder) == before


def test_put_refuses_unusable_requests(writer: FlaskClient) -> None:
    address = "/api/v1/products/P1"
    assert "not valid JSON" in refused(writer.put(address, data=b"{"), 400)
    assert "not a JSON object" in refused(writer.put(address, data=b"[]"), 422, "body")
    assert "1 MB" in refused(writer.put(address, data=b'{"title": "' + b"x" * 2**20), 413)
    refused(writer.put(f"{address}?refresh_photos=yes", json={}), 422, "refresh_photos")
    refused(writer.put(f"{address}?collection=no-such", json={}), 404, "collection")


def test_collection_that_another_process_writes_is_answered_with_retry_after(
    writer: FlaskClient, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(products, "WRITE_WAIT_SECONDS", 0.2)
    with locked(folder, 0):
        response = writer.put("/api/v1/products/P1", json=product("P1", 5))
        assert "being written" in refused(response, 503) and int(response.headers["Retry-After"]) > 0
        assert writer.delete("/api/v1/products/P1").status_code == 503
    assert put(writer, product("P1", 5))["change"] == "changed"


def test_request_with_an_idempotency_key_is_done_once(writer: FlaskClient, folder: Path) -> None:
    key = {"Idempotency-Key": '"8e03978e-40d5-43dd-bc93-6894a57f9324"'}
    first = put(writer, product("P9", photos=[]), **key)
    assert first["change"] == "added"
    assert put(writer, product("P9", photos=[]), **key) == first  # and not "unchanged"
    answer = writer.put("/api/v1/products/P9", json=product("P9", 3), headers=key)
    assert "another request" in refused(answer, 422, "Idempotency-Key")
    refused(writer.delete("/api/v1/products/P9", headers=key), 422, "Idempotency-Key")
    bare = {"Idempotency-Key": "delete-1"}
    assert writer.delete("/api/v1/products/P9", headers=bare).get_json()["deleted"] is True
    assert writer.delete("/api/v1/products/P9", headers=bare).get_json()["deleted"] is True
    assert writer.delete("/api/v1/products/P9").get_json()["deleted"] is False
    refused(writer.delete("/api/v1/products/P9", headers={"Idempotency-Key": "x" * 300}), 422, "Idempotency-Key")


def test_idempotency_key_of_a_failed_request_can_be_used_again(
    writer: FlaskClient, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(products, "WRITE_WAIT_SECONDS", 0.1)
    key = {"Idempotency-Key": "again"}
    with locked(folder, 0):
        assert writer.put("/api/v1/products/P1", json=product("P1", 5), headers=key).status_code == 503
    assert put(writer, product("P1", 5), **key)["change"] == "changed"


def test_answers_conflict_while_the_first_request_is_in_progress_and_expire(
    site: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = site.extensions["rpf_answers"]
    assert store.begin("key", "a", "fingerprint") is None
    with pytest.raises(IdempotencyConflict):
        store.begin("key", "a", "fingerprint")
    assert store.begin("other key", "a", "fingerprint") is None
    now = idempotency.time.time()
    monkeypatch.setattr(idempotency.time, "time", lambda: now + idempotency.PENDING_SECONDS + 1)
    assert store.begin("key", "a", "fingerprint") is None  # the process that had it was killed
    store.end("key", "a", Response("done", 202))
    answer = store.begin("key", "a", "fingerprint")
    assert (answer.status_code, answer.get_data()) == (202, b"done")
    monkeypatch.setattr(idempotency.time, "time", lambda: now + 2 * idempotency.KEPT_SECONDS)
    assert store.begin("key", "a", "another fingerprint") is None


def test_products_are_sent_back_as_they_were_put(writer: FlaskClient, folder: Path) -> None:
    body = product("P7", photos=[], columns={"material": "Cotton"})
    put(writer, body)
    got = writer.get("/api/v1/products/P7").get_json()
    assert Product.model_validate({**got, "photos": []}) == Product.model_validate(body)


def test_photo_with_a_transparent_background_is_taken(writer: FlaskClient, folder: Path) -> None:
    image = io.BytesIO()
    Image.new("RGBA", (60, 80), (10, 200, 30, 90)).save(image, "PNG")
    (folder / "images" / "clear.png").write_bytes(image.getvalue())
    assert put(writer, {"photos": [{"source": "clear.png"}]}, "clear")["photos"] == 1


def test_photo_at_an_address_is_fetched_from_public_hosts_only(writer: FlaskClient, folder: Path) -> None:
    answer = put(writer, {"photos": [{"source": "http://127.0.0.1:9/a.jpg"}]}, "remote")
    assert (answer["change"], answer["photos"]) == ("added", 0)
    assert "RPF_IMAGE_HOSTS" in answer["problems"][0]["detail"]
