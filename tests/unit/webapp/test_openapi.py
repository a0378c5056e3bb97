"""The document, the page, and what schemathesis finds when it takes the document at its word."""

import io

import schemathesis
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from openapi_spec_validator import validate

from webapp.views.api import DEFAULT_K, MAX_K
from webapp.views.openapi import document


def test_it_is_an_openapi_document() -> None:
    validate(document())


def test_it_says_what_the_code_says(client: FlaskClient) -> None:
    assert client.get("/openapi.json").json == {**document(), "servers": [{"url": "http://localhost"}]}
    count = document()["components"]["schemas"]["Count"]
    assert (count["default"], count["maximum"]) == (DEFAULT_K, MAX_K)


def test_the_page_names_every_field(client: FlaskClient) -> None:
    page = client.get("/api").text
    for name in (
        "/submit",
        "/healthz",
        "/readyz",
        "img_path",
        "image",
        "attrs",
        "lacking_last",
        "retrieval_times",
        "Retry-After",
    ):
        assert f"<code>{name}</code>" in page or name in page
    assert "curl http://localhost/submit" in page


def test_it_keeps_its_word(app: Flask) -> None:
    """Requests that fit the document and such that do not, all checks that schemathesis has."""
    # The document cannot say which attributes and pictures there are.
    unsaid = [schemathesis.checks.positive_data_acceptance]
    for operation in schemathesis.openapi.from_wsgi("/openapi.json", app).get_all_operations():

        @given(case=operation.ok().as_strategy(generation_mode=schemathesis.GenerationMode.POSITIVE))
        @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
        def keeps(case: schemathesis.Case) -> None:
            case.call_and_validate(excluded_checks=unsaid)

        keeps()


def test_a_picture_by_form_keeps_it_too(client: FlaskClient, photo) -> None:  # type: ignore[no-untyped-def]
    from jsonschema import Draft202012Validator

    answer = client.post(
        "/submit",
        data={"image": (io.BytesIO(photo.read_bytes()), "a.jpg"), "attrs": "sleeve length", "lacking_last": "true"},
    )
    assert answer.status_code == 200
    schemas = document()["components"]["schemas"]
    Draft202012Validator(schemas["Ranking"]).validate(answer.json)
