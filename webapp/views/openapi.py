"""OpenAPI document of the JSON API, as JSON for programs and as a page for people."""

from functools import cache
from typing import Any

from flask import Blueprint, jsonify, render_template, request
from flask.wrappers import Response
from pydantic.json_schema import models_json_schema

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
STATUS = {
    "type": "object",
    "required": ["status"],
    "properties": {"status": {"enum": ["ok", "ready"], "description": "ok from /healthz, ready from /readyz."}},
}

bp = Blueprint("openapi", __name__)


@cache
def document() -> dict[str, Any]:
    """Return the document, an OpenAPI 3.1 object."""
    _, schemas = models_json_schema([(model, "validation") for model in MODELS], ref_template=REF)
    refused = failures("400", "403", "404", "409", "413", "415", "422")
    submit = {
        "operationId": "submit",
        "summary": "Search with an image",
        "description": "Ranks the items of a collection by their mean similarity to the image in the named attributes. "
        "Send JSON with the path of an image that the server can read, or a form with the image itself. Wanted values "
        "take the place of the image's, and filters leave only items that are recognised to have certain values.",
        "requestBody": image_body(
            ("SubmitPath", {"img_path": "00001.jpg", "attrs": "sleeve length", "k": 5}),
            ("SubmitUpload", {"image": "photo.jpg", "attrs": "sleeve length; collar design"}),
        ),
        "responses": {"200": response("Ranking, best first.", "SubmitResponse"), **refused},
    }
    describe = {
        "operationId": "describe",
        "summary": "Describe an image",
        "description": "Tells which parts the garment has, and recognises the value of each attribute of the model.",
        "requestBody": image_body(
            ("DescribePath", {"img_path": "00001.jpg"}), ("DescribeUpload", {"image": "photo.jpg", "language": "en"})
        ),
        "responses": {"200": response("Presence and values.", "DescribeResponse"), **refused},
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
            **api_paths(),
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
    return jsonify({**document(), "servers": [{"url": request.root_url.rstrip("/")}]})


@bp.get("/api")
def page() -> str:
    """Show the document to people, in English like itself: of /api/v1 a line for each route, of the others all."""
    paths: dict[str, Any] = document()["paths"]
    shop_paths = {path.removeprefix(PREFIX): methods for path, methods in paths.items() if path.startswith(PREFIX)}
    others = {path: methods for path, methods in paths.items() if not path.startswith(PREFIX)}
    shown = {**document(), "paths": others}
    return render_template("api.html", document=shown, shop_paths=shop_paths, prefix=PREFIX, resolve=resolve)


def resolve(node: dict[str, str]) -> dict[str, Any]:
    """Return the schema that a node refers to."""
    return dict(document()["components"]["schemas"][node["$ref"].rpartition("/")[2]])
