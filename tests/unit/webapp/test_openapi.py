"""The OpenAPI document, its page, and responses that fit it."""

import io
from pathlib import Path

import schemathesis
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from webapp.api.document import WRITE, api_paths
from webapp.schemas import DEFAULT_K, MAX_K
from webapp.views.openapi import document


@schemathesis.serializer("application/x-ndjson")
def as_lines(_: object, value: object) -> bytes:
    return str(value).encode()


def test_openapi_document_is_valid() -> None:
    validate(document())


def test_openapi_json_is_the_document_with_the_address_of_the_site(client: FlaskClient) -> None:
    assert client.get("/openapi.json").json == {**document("000.jpg"), "servers": [{"url": "http://localhost"}]}


def test_openapi_examples_name_an_image_of_the_default_collection(client: FlaskClient) -> None:
    operation = client.get("/openapi.json").json["paths"]["/submit"]["post"]
    example = operation["requestBody"]["content"]["application/json"]["example"]
    assert client.post("/submit", json=example).status_code == 200


def test_openapi_document_has_the_fields_bounds_and_descriptions_of_submit() -> None:
    schemas = document()["components"]["schemas"]
    for name, image in (("SubmitPath", "img_path"), ("SubmitUpload", "image")):
        schema = schemas[name]
        assert sorted(schema["properties"]) == sorted(
            [image, "attrs", "k", "collection", "lacking_last", "values", "filters", "minimal", "crop", "turn"]
        )
        assert schema["anyOf"] == [{"required": ["attrs"]}, {"required": ["values"]}]
        assert "required" not in schema and schema["additionalProperties"] is False
        assert all(field["description"] for field in schema["properties"].values())
        count = schema["properties"]["k"]
        assert (count["type"], count["default"], count["minimum"], count["maximum"]) == ("integer", DEFAULT_K, 1, MAX_K)
        assert "default" not in schema["properties"]["collection"]
    assert schemas["SubmitResponse"]["required"] == ["ids", "similarities", "retrieval_times"]
    for name, fields in (("DescribePath", ["img_path", "collection"]), ("DescribeUpload", ["image"])):
        schema = schemas[name]
        assert set(schema["properties"]) == {*fields, "language", "crop", "turn"} and schema["required"] == fields[:1]
        assert all(field["description"] for field in schema["properties"].values())
    assert set(schemas["ProblemDetails"]["required"]) == {"type", "title", "status", "detail"}


def test_api_page_names_every_field(client: FlaskClient) -> None:
    page = client.get("/api").text
    for name in (
        "/submit",
        "/describe",
        "/healthz",
        "/readyz",
        "img_path",
        "image",
        "attrs",
        "lacking_last",
        "filters",
        "attributes.*.value_name",
        "retrieval_times",
        "Retry-After",
    ):
        assert f"<code>{name}</code>" in page or name in page
    assert "curl http://localhost/submit" in page and "curl http://localhost/describe -F image=@photo.jpg" in page


def test_api_page_lists_each_route_for_shops_with_its_key(client: FlaskClient) -> None:
    page = client.get("/api").text
    for path, methods in api_paths("").items():
        for method, operation in methods.items():
            key = "write" if operation["security"] == WRITE else "search"
            line = f"<dt><code>{method.upper()} {path.removeprefix('/api/v1')}</code></dt><dd>{operation['summary']}"
            assert f"{line} ({key} key)</dd>" in page
    assert page.count("(write key)") == 4 and page.count("<pre ") == page.count('<pre tabindex="0">') == 4


def test_api_responds_as_the_document_says(app: Flask) -> None:
    """Run all checks of schemathesis, with requests that fit the document."""
    # The document cannot say which attributes and images exist.
    unchecked = [schemathesis.checks.positive_data_acceptance]
    for operation in schemathesis.openapi.from_wsgi("/openapi.json", app).get_all_operations():

        @given(case=operation.ok().as_strategy(generation_mode=schemathesis.GenerationMode.POSITIVE))
        @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
        def check(case: schemathesis.Case) -> None:
            case.call_and_validate(excluded_checks=unchecked, headers={"Accept-Encoding": "identity"})

        check()


def test_submit_form_responds_as_the_document_says(client: FlaskClient, photo: Path) -> None:
    response = client.post(
        "/submit",
        data={"image": (io.BytesIO(photo.read_bytes()), "a.jpg"), "attrs": "sleeve length", "lacking_last": "true"},
    )
    assert response.status_code == 200
    Draft202012Validator(document()["components"]["schemas"]["SubmitResponse"]).validate(response.json)
