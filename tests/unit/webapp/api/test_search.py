"""POST /api/v1/search and /describe: results with products, weights, changes, filters, pages, facets."""

import io
import json
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator
from werkzeug.test import TestResponse

from rpf.access.click_through import read_statistics
from rpf.engine import Results, SearchEngine
from rpf.products.table import ProductTable
from webapp.views.openapi import document

SEARCH = "/api/v1/search"


def validate(response: TestResponse, model: str) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{model}", **document()}
    Draft202012Validator(schema).validate(response.get_json())
    body: dict[str, Any] = response.get_json()
    return body


def searched(client: FlaskClient, **body: Any) -> dict[str, Any]:
    response = client.post(SEARCH, json=body)
    assert response.status_code == 200, response.text
    return validate(response, "SearchResponse")


def present(client: FlaskClient, path: str) -> list[str]:
    """Return the attributes whose part the garment surely has, in which it is the nearest to itself."""
    described = client.post("/api/v1/describe", json={"img_path": path}).get_json()["attributes"]
    return [key for key, one in described.items() if one["presence"] > 0.9][:2]


def refused(client: FlaskClient, status: int, field: str | None, says: str, **body: Any) -> None:
    response = client.post(SEARCH, json=body)
    assert (response.status_code, response.content_type) == (status, "application/problem+json"), response.text
    problem = response.get_json()
    assert says in problem["detail"]
    assert [error["field"] for error in problem.get("errors", [])] == ([field] if field else [])


def test_search_by_an_image_folds_by_product_with_its_best_photo(reader: FlaskClient) -> None:
    keys = present(reader, "P2-blue-1.jpg")
    body = searched(reader, img_path="P2-blue-1.jpg", attributes=keys)
    assert body["total"] == 5 and UUID(body["query_id"]) and 0 < body["seconds"] < 60
    assert sorted(one["product"]["id"] for one in body["results"]) == ["P0", "P1", "P2", "P3", "P4"]
    first = body["results"][0]
    assert first["rank"] == 1 and first["similarity"] > 0.9
    assert list(first["similarities"]) == keys
    assert first["product"] == {
        "id": "P2", "title": "Shirt P2", "url": "https://shop.example/P2", "price": 22, "currency": "EUR",
        "available": True, "colour": "blue", "colours": 2, "photos": 4, "duplicates": [],
    }  # fmt: skip
    assert first["values"] and all(one["name"] for one in first["values"].values())
    image = reader.get(first["item"]["thumbnail"])
    assert (image.status_code, image.mimetype) == (200, "image/webp")


def test_search_folded_by_colour_has_the_price_and_stock_of_the_colour(reader: FlaskClient) -> None:
    keys = present(reader, "P2-blue-1.jpg")
    body = searched(reader, img_path="P2-blue-1.jpg", attributes=keys, fold="colour")
    assert body["total"] == 10
    product = body["results"][0]["product"]
    assert (product["colour"], product["price"], product["available"], product["photos"]) == ("blue", 27, False, 2)
    assert searched(reader, img_path="P2-blue-1.jpg", attributes="; ".join(keys), fold="photo")["total"] == 20


def test_search_by_upload_address_item_product_and_values(reader: FlaskClient, shop_site: Flask, photo: Path) -> None:
    keys = present(reader, "P0-red-0.jpg")
    weights = {keys[0]: 2, keys[1]: 0.5}
    upload = reader.post(
        SEARCH,
        data={
            "image": (io.BytesIO(photo.read_bytes()), "a.jpg"),
            "attributes": json.dumps(weights),
            "limit": "3",
            "product_filters": '{"available": true}',
            "facets": "false",
        },
    )
    assert upload.status_code == 200, upload.text
    uploaded = validate(upload, "SearchResponse")
    assert uploaded["results"][0]["product"]["id"] == "P0" and len(uploaded["results"]) == 3
    weighted = searched(reader, img_path="P0-red-0.jpg", attributes=weights, limit=3)
    assert [one["product"]["id"] for one in weighted["results"]] == [
        one["product"]["id"] for one in uploaded["results"]
    ]
    engine = shop_site.extensions["rpf"].engine
    item = engine.products("shop", ["P3"])["P3"].items["P3-red-0.jpg"]
    by_item = searched(reader, item=item, attributes=["sleeve length"])
    by_product = searched(reader, product="P3", attributes=["sleeve length"])
    assert by_item["results"] == by_product["results"] and by_item["total"] == 4
    key, values = next((key, values) for key, values in engine.wanted_values.items() if values)
    name = engine.vocabulary[key].value_name(values[0])
    by_value = searched(reader, values={key: name})
    assert by_value["results"] == searched(reader, values={key: values[0]})["results"] and by_value["total"] == 5
    assert searched(reader, img_path="P1-red-0.jpg")["results"][0]["similarities"].keys() == set(engine.vocabulary.keys)


def test_search_leaves_out_what_the_results_should_not_be_like(reader: FlaskClient) -> None:
    body = {"item": 1, "attributes": ["sleeve length"], "limit": 100}
    first = searched(reader, **body)["results"][0]["product"]["id"]
    left = searched(reader, **body, unlike=[{"product": first}])
    assert first not in [result["product"]["id"] for result in left["results"] if result["product"]]
    assert left["total"] == searched(reader, **body)["total"] - 1


def test_search_filters_by_price_stock_facets_and_values_with_counts(reader: FlaskClient) -> None:
    query = {"img_path": "P0-red-0.jpg", "attributes": ["sleeve length"]}
    priced = searched(reader, **query, product_filters={"price": {"low": 23, "high": 24}}, facets=True)
    assert {one["product"]["id"] for one in priced["results"]} == {"P3", "P4"}  # 23 and 24; their blue is dearer
    assert priced["facets"]["product_filters"]["category"] == {"Men": 2, "Men > Tops": 2}
    assert searched(reader, **query, product_filters={"available": True}, fold="colour")["total"] == 5
    blue = searched(reader, **query, product_filters={"facets": {"colour": ["blue"]}})
    assert {one["product"]["colour"] for one in blue["results"]} == {"blue"}
    counts = searched(reader, **query, facets=True)["facets"]["filters"]
    key, options = next((key, options) for key, options in counts.items() if len(options) > 1)
    filtered = searched(reader, **query, filters={key: [options[0]["name"]]})
    assert filtered["total"] == options[0]["count"] < 5


def test_counts_of_a_search_are_of_its_results_though_products_change_meanwhile(
    site: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, search = site.test_client(), SearchEngine.search
    folder = site.extensions["rpf"].settings.collections / "shop"
    deleted = iter(("P1", "P2", "P3"))

    def then_delete(*args: Any) -> Results:
        results = search(*args)
        with ProductTable(folder) as table:
            table.delete([next(deleted)])
        return results

    monkeypatch.setattr(SearchEngine, "search", then_delete)
    for total, count in ((5, 5), (8, 4)):  # the four photos of P1 are results of their own then
        body = searched(client, img_path="P0-red-0.jpg", attributes=["sleeve length"], facets=True)
        assert body["facets"]["product_filters"]["category"]["Men"] == count and body["total"] == total
    page = client.get("/c/shop/results?item=1&a=sleeve_length&anyway=1").text
    assert '<span>Men</span> <span class="count">3</span>' in page


def test_search_pages_and_fields(reader: FlaskClient) -> None:
    query = {"img_path": "P0-red-0.jpg", "attributes": ["sleeve length"]}
    whole = searched(reader, **query)["results"]
    pages = [
        searched(reader, **query, offset=offset, limit=2, fields=["rank", "product"])["results"] for offset in (0, 2, 4)
    ]
    rows = [row for page in pages for row in page]
    assert rows == [{"rank": one["rank"], "product": one["product"]} for one in whole]
    assert searched(reader, **query, offset=100)["results"] == []


def test_search_in_a_collection_without_products_has_items(reader: FlaskClient) -> None:
    body = searched(reader, collection="named", item=1, attributes=["sleeve length"], limit=5)
    assert body["total"] == 39 and {one["product"] for one in body["results"]} == {None}
    assert all(one["item"]["id"] > 1 for one in body["results"])
    refused(reader, 422, None, "no products", collection="named", item=1, product_filters={"available": True})


def test_search_is_recorded_for_events(site: Flask) -> None:
    client = site.test_client()
    body = searched(client, img_path="P0-red-0.jpg", attributes=["sleeve length"], limit=2)
    searched(client, img_path="P0-red-0.jpg", attributes="sleeve length", limit=2, offset=2, query_id=body["query_id"])
    event = {
        "action_name": "click",
        "query_id": body["query_id"],
        "client_id": "somebody",
        "event_attributes": {"object": {"object_id": body["results"][1]["product"]["id"]}},
    }
    response = client.post("/api/v1/events", json=[event, {"action_name": "shout", "query_id": body["query_id"]}])
    assert response.status_code == 202
    accepted = validate(response, "EventsResponse")
    assert accepted["accepted"] == 1 and "action_name" in accepted["problems"][0]
    log = site.extensions["rpf_events"]
    assert log.flush()
    figures = read_statistics(log.path.parent, date(2020, 1, 1), "shop").overall
    assert (figures.searches, figures.clicks, figures.mean_position) == (1, 1, 2.0)


@pytest.mark.parametrize(
    ("status", "field", "says", "body"),
    [
        (422, "attributes", "Name attributes", {}),
        (422, "attributes", "Name attributes", {"item": None}),
        (422, "attributes", "can't compare", {"item": 1, "attributes": ["wheels"]}),
        (422, "attributes", "a list of names", {"item": 1, "attributes": {"sleeve_length": -1}}),
        (422, "attributes", "All weights are 0", {"item": 1, "attributes": {"sleeve_length": 0}}),
        (422, None, "wanted value", {"attributes": ["sleeve length"]}),
        (422, "values", "is not a value", {"values": {"sleeve_length": "plaid"}}),
        (422, "filters", "not an attribute", {"item": 1, "filters": {"wheels": "4"}}),
        (422, "item", "Give one image", {"img_path": "P0-red-0.jpg", "item": 1}),
        (404, "item", "no item", {"item": 999_999}),
        (404, None, "no product", {"product": "P9"}),
        (404, "collection", "no-such", {"collection": "no-such", "item": 1}),
        (404, "img_path", "no file", {"img_path": "no-such.jpg"}),
        (403, "img_path", "not inside", {"img_path": "/etc/passwd"}),
        (403, "image_url", "not fetched", {"image_url": "https://shop.example/a.jpg"}),
        (422, "image_url", "http", {"image_url": "P0-red-0.jpg"}),
        (422, "img_path", "image_url", {"img_path": "https://shop.example/a.jpg"}),
        (422, "limit", "whole number", {"item": 1, "limit": 0}),
        (422, "offset", "whole number", {"item": 1, "offset": 10_000}),
        (422, "fold", "one of", {"item": 1, "fold": "size"}),
        (422, "fields", "a list of", {"item": 1, "fields": ["secret"]}),
        (422, "product_filters", "an object", {"item": 1, "product_filters": {"price": {"low": "cheap"}}}),
        (422, None, "lowest price", {"item": 1, "product_filters": {"price": {"low": 9, "high": 1}}}),
        (422, None, "no facet", {"item": 1, "product_filters": {"facets": {"wheels": ["4"]}}}),
        (422, "attrs", "no field attrs", {"item": 1, "attrs": "sleeve length"}),
    ],
)
def test_search_refuses_with_the_field_at_fault(
    reader: FlaskClient, status: int, field: str | None, says: str, body: dict[str, Any]
) -> None:
    refused(reader, status, field, says, **body)


def test_search_refuses_unusable_bodies(reader: FlaskClient) -> None:
    assert reader.post(SEARCH, data=b"x", content_type="text/plain").status_code == 415
    assert reader.post(SEARCH, data=b"[]", content_type="application/json").status_code == 400
    response = reader.post(SEARCH, data={"image": (io.BytesIO(b"no image"), "a.jpg")})
    assert response.status_code == 422 and response.get_json()["errors"][0]["field"] == "image"
    assert reader.get(SEARCH).status_code == 405 and reader.get(SEARCH).content_type == "application/problem+json"


def test_describe_is_that_of_the_route_without_a_version(reader: FlaskClient, photo: Path) -> None:
    plain = reader.post("/describe", data={"image": photo.open("rb"), "language": "vi"}).get_json()
    for options in (
        {"data": {"image": photo.open("rb"), "language": "vi"}},
        {"json": {"img_path": "P0-red-0.jpg", "language": "vi"}},
    ):
        response = reader.post("/api/v1/describe", **options)
        assert validate(response, "DescribeResponse") == plain
    assert reader.post("/api/v1/describe", json={}).get_json()["errors"][0]["field"] == "img_path"


def test_collections_and_attributes_are_listed(reader: FlaskClient) -> None:
    listed = validate(reader.get("/api/v1/collections"), "CollectionList")["collections"]
    assert [(one["name"], one["items"], one["default"]) for one in listed] == [("shop", 20, True), ("named", 40, False)]
    assert [(one["products"], one["prices"]) for one in listed] == [(5, {"EUR": {"low": 20, "high": 29}}), (0, {})]
    attributes = validate(reader.get("/api/v1/attributes?language=vi"), "AttributeList")["attributes"]
    sleeves = next(one for one in attributes if one["key"] == "sleeve_length")
    assert sleeves["name"] == "Độ dài tay" and any(value["searchable"] for value in sleeves["values"])
    assert reader.get("/api/v1/attributes?language=fr").get_json()["errors"][0]["field"] == "language"
    assert reader.get("/api/v1/attributes?collection=no-such").status_code == 404


def test_product_has_its_variants_and_photos_and_nothing_of_the_shops_own(reader: FlaskClient) -> None:
    product = validate(reader.get("/api/v1/products/P1"), "ProductDetails")
    assert (product["title"], product["price"], len(product["variants"])) == ("Shirt P1", 21, 4)
    assert [photo["colour"] for photo in product["photos"]] == ["red", "red", "blue", "blue"]
    assert all(reader.get(photo["item"]["thumbnail"]).status_code == 200 for photo in product["photos"])
    assert product["columns"] is product["variants"][0]["columns"] is product["photos"][0]["source"] is None
    assert reader.get("/api/v1/products/P9").status_code == 404
    assert reader.get("/api/v1/products/P1?collection=named").status_code == 404
