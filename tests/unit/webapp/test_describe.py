"""POST /describe: presence and values of an image."""

import io
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator

from rpf.engine import Garment, SearchEngine
from rpf.settings import Settings
from tests.conftest import started_site
from webapp.views.openapi import document


@pytest.fixture(scope="module")
def site(named_settings: Settings) -> Flask:
    return started_site(named_settings)


@pytest.fixture
def client(site: Flask) -> FlaskClient:
    return site.test_client()


def test_describe_finds_the_garments_in_the_whole_image(
    client: FlaskClient, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    garments = [Garment("skirt", (0.3, 0.5, 0.6, 0.90001), 0.8), Garment("upper", (0.3, 0.2, 0.6, 0.5), 0.7)]
    turns: list[int] = []
    monkeypatch.setattr(SearchEngine, "find_garments", lambda _, data, digest, turn: turns.append(turn) or garments)
    response = client.post("/describe", json={"img_path": photo.name, "crop": "0,0,1,0.5", "turn": 90}).get_json()
    box = {"left": 0.3, "top": 0.5, "width": 0.3, "height": 0.4}
    assert response["garments"][0] == {"kind": "skirt", "box": box, "probability": 0.8}
    assert [garment["kind"] for garment in response["garments"]] == ["skirt", "upper"] and turns == [90]


def described(client: FlaskClient, **request: Any) -> dict[str, dict[str, Any]]:
    response = client.post("/describe", **request)
    assert response.status_code == 200, response.text
    schema = {"$ref": "#/components/schemas/DescribeResponse", **document()}
    Draft202012Validator(schema).validate(response.get_json())
    attributes: dict[str, dict[str, Any]] = response.get_json()["attributes"]
    return attributes


def test_describe_tells_presence_and_values_of_every_attribute(client: FlaskClient, site: Flask, photo: Path) -> None:
    engine: SearchEngine = site.extensions["rpf"].engine
    attributes = described(client, json={"img_path": photo.name})
    assert list(attributes) == list(engine.model.attributes)
    query = engine.embed(photo)
    assert query.presence is not None and query.values is not None
    likeliest, probabilities = query.values.argmax(axis=1), query.values.max(axis=1)
    for key, one in attributes.items():
        attribute, presence = engine.vocabulary[key], query.presence[key]
        assert list(one) == ["name", "presence", "value", "value_name", "probability", "values"]
        assert (one["name"], one["presence"]) == (attribute.name(), pytest.approx(presence, abs=1e-4))
        if presence < 0.5:
            assert {one[field] for field in ("value", "value_name", "probability", "values")} == {None}
        else:
            assert sum(one["values"].values()) == pytest.approx(1, abs=2e-3)
            assert list(one["values"]) == [attribute.value_name(value) for value, _ in attribute.wanted_names()]
            position = engine.model.attributes.index(key)
            assert one["value"] == likeliest[position]
            assert one["value_name"] == attribute.value_name(one["value"])
            assert one["probability"] == pytest.approx(presence * probabilities[position], abs=1e-4)
    assert len({attribute["value"] is None for attribute in attributes.values()}) == 2


def test_describe_by_path_and_by_form_and_in_other_languages_is_the_same(client: FlaskClient, photo: Path) -> None:
    by_path = described(client, json={"img_path": str(photo), "collection": "named"})
    by_form = described(client, data={"image": photo.open("rb"), "language": "vi"})
    assert by_form["sleeve_length"]["name"] == "Độ dài tay"
    names = [attribute["value_name"] for attribute in by_form.values() if attribute["value_name"]]
    assert names and not {*names} & {attribute["value_name"] for attribute in by_path.values()}
    for key, attribute in by_path.items():
        for field in ("presence", "value", "probability"):
            assert by_form[key][field] == attribute[field]
        assert list((by_form[key]["values"] or {}).values()) == list((attribute["values"] or {}).values())


def test_describe_without_a_value_classifier_tells_presence_only(parts_settings: Settings, photo: Path) -> None:
    attributes = described(started_site(parts_settings).test_client(), data={"image": photo.open("rb")})
    for attribute in attributes.values():
        assert 0 <= attribute["presence"] <= 1
        assert all(attribute[field] is None for field in ("value", "value_name", "probability", "values"))


def test_describe_without_a_presence_head_tells_nothing(app: Flask, photo: Path) -> None:
    attributes = described(app.test_client(), data={"image": photo.open("rb")})
    assert {attribute["presence"] for attribute in attributes.values()} == {None}


@pytest.mark.parametrize(
    ("body", "status", "field", "says"),
    [
        ({}, 422, "img_path", "img_path is missing"),
        ({"img_path": 5}, 422, "img_path", "must be a text"),
        ({"img_path": "/etc/passwd"}, 403, "img_path", "not inside the folders"),
        ({"img_path": "no-such.jpg"}, 404, "img_path", "no file"),
        ({"img_path": "https://example.org/a.jpg"}, 403, "img_path", "Addresses are not fetched"),
        ({"img_path": "000.jpg", "collection": "no-such"}, 404, "collection", "no-such"),
        ({"img_path": "000.jpg", "language": "fr"}, 422, "language", "must be one of en, vi, zh"),
        ({"img_path": "000.jpg", "attrs": "sleeves"}, 422, "attrs", "no field attrs"),
    ],
)
def test_describe_refuses_as_submit_does(
    client: FlaskClient, body: dict[str, object], status: int, field: str, says: str
) -> None:
    response = client.post("/describe", json=body)
    assert (response.status_code, response.content_type) == (status, "application/problem+json")
    problem = response.get_json()
    assert says in problem["detail"] and [error["field"] for error in problem["errors"]] == [field]


def test_describe_refuses_forms_without_a_usable_image(client: FlaskClient, photo: Path) -> None:
    for data, status, field in (
        ({"language": "en"}, 422, "image"),
        ({"image": (io.BytesIO(b"no image"), "a.jpg")}, 422, "image"),
        ({"image": (io.BytesIO(photo.read_bytes().ljust(16 * 2**20 + 1, b"\0")), "a.jpg")}, 413, "image"),
        ({"image": photo.open("rb"), "collection": "named"}, 422, "collection"),
    ):
        response = client.post("/describe", data=data, content_type="multipart/form-data")
        assert response.status_code == status
        assert [error["field"] for error in response.get_json()["errors"]] == [field]
    assert client.post("/describe", data=b"x", content_type="text/plain").status_code == 415
    assert client.get("/describe").status_code == 405


def test_describe_needs_no_csrf_token(named_settings: Settings, site: Flask, photo: Path) -> None:
    assert site.config.get("WTF_CSRF_ENABLED", True)
    described(site.test_client(), data={"image": photo.open("rb")})
