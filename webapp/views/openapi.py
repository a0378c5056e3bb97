"""OpenAPI document of the JSON API, as JSON for programs and as a page for people."""

from contextlib import suppress
from functools import cache
from typing import Any

from flask import Blueprint, jsonify, render_template, request
from flask.wrappers import Response
from pydantic.json_schema import models_json_schema

from rpf.errors import RPFError
from webapp import extensions
from webapp.api.blueprint import PREFIX
from webapp.api.document import MODELS as API_MODELS
from webapp.api.document import SECURITY_SCHEMES, api_paths
from webapp.openapi_parts import REF, failures, image_body, response
from webapp.schemas import (
    DescribePath,
    DescribeResponse,
    DescribeUpload,
    ProblemDetails,
    SubmitPath,
    SubmitResponse,
    SubmitUpload,
)

MODELS = (
    SubmitPath, SubmitUpload, SubmitResponse, DescribePath, DescribeUpload, DescribeResponse, ProblemDetails,
    *API_MODELS,
)  # fmt: skip
EXAMPLE_IMAGE = "00001.jpg"
STATUS = {
    "type": "object",
    "required": ["status"],
    "properties": {"status": {"enum": ["ok", "ready"], "description": "ok from /healthz, ready from /readyz."}},
}

bp = Blueprint("openapi", __name__)


@cache
def document(image_path: str = EXAMPLE_IMAGE) -> dict[str, Any]:
    """Return the document, an OpenAPI 3.1 object.

    image_path: of an image that the server can read, for the examples.
    """
    _, schemas = models_json_schema([(model, "validation") for model in MODELS], ref_template=REF)
    refused = failures("400", "403", "404", "409", "413", "415", "422")
    submit = {
        "operationId": "submit",
        "summary": "Search with an image",
        "description": "Ranks the items of a collection by their mean similarity to the image in the named attributes. "
        "Send JSON with the path of an image that the server can read, or a form with the image itself. Wanted values "
        "take the place of the image's, and filters leave only items that are recognised to have certain values.",
        "requestBody": image_body(
            ("SubmitPath", {"img_path": image_path, "attrs": "sleeve length", "k": 5}),
            ("SubmitUpload", {"image": "photo.jpg", "attrs": "sleeve length; collar design"}),
        ),
        "responses": {"200": response("Ranking, best first.", "SubmitResponse"), **refused},
    }
    describe = {
        "operationId": "describe",
        "summary": "Describe an image",
        "description": "Tells which parts the garment has, recognises the value of each attribute of the model, and "
        "finds the garments in the image.",
        "requestBody": image_body(
            ("DescribePath", {"img_path": image_path}), ("DescribeUpload", {"image": "photo.jpg", "language": "en"})
        ),
        "responses": {"200": response("Presence, values and garments.", "DescribeResponse"), **refused},
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "RPF Fashion Search",
            "version": "1.0.0",
            "summary": "Rank a catalogue by similarity to a photo in the details that matter.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "paths": {
            "/submit": {"post": submit},
            "/describe": {"post": describe},
            **api_paths(image_path),
            "/healthz": {
                "get": {
                    "operationId": "healthz",
                    "summary": "Whether the server runs",
                    "responses": {"200": response("It runs.", "Status")},
                }
            },
            "/readyz": {
                "get": {
                    "operationId": "readyz",
                    "summary": "Whether the server can search",
                    "responses": {"200": response("It can search.", "Status"), "503": failures()["503"]},
                }
            },
        },
        "components": {"schemas": {**schemas["$defs"], "Status": STATUS}, "securitySchemes": SECURITY_SCHEMES},
    }


@bp.get("/openapi.json")
def as_json() -> Response:
    """Return the document for programs, with the address that the site is served at."""
    return jsonify({**document(_example_image()), "servers": [{"url": request.root_url.rstrip("/")}]})


@bp.get("/api")
def page() -> str:
    """Show the document to people, in English like itself: of /api/v1 a line for each route, of the others all."""
    whole = document(_example_image())
    paths: dict[str, Any] = whole["paths"]
    shop_paths = {path.removeprefix(PREFIX): methods for path, methods in paths.items() if path.startswith(PREFIX)}
    others = {path: methods for path, methods in paths.items() if not path.startswith(PREFIX)}
    shown = {**whole, "paths": others}
    return render_template("api.html", document=shown, shop_paths=shop_paths, prefix=PREFIX, resolve=resolve)


def _example_image() -> str:
    """Return the path of an image of the default collection, so that the examples can be tried as they are."""
    loader = extensions.engine_loader
    with suppress(RPFError):  # a collection that cannot be opened is reported where it is used
        collection = loader.engine.collection(loader.engine.default)
        if len(collection):
            return collection.item(int(collection.ids[0])).path
    return EXAMPLE_IMAGE


def resolve(node: dict[str, str]) -> dict[str, Any]:
    """Return the schema that a node refers to."""
    return dict(document()["components"]["schemas"][node["$ref"].rpartition("/")[2]])
