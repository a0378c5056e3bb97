"""OpenAPI document of the JSON API, as JSON for programs and as a page for people."""

from functools import cache
from typing import Any

from flask import Blueprint, jsonify, render_template, request
from flask.wrappers import Response
from pydantic.json_schema import models_json_schema

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
    SubmitPath, SubmitUpload, SubmitResponse, DescribePath, DescribeUpload, DescribeResponse, ProblemDetails
)  # fmt: skip
REF = "#/components/schemas/{model}"
RETRY_AFTER = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}}
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
    refusal = _response("Problem with the request.", "ProblemDetails")
    refusals = dict.fromkeys(("400", "403", "404", "409", "413", "415", "422"), refusal)
    later = {"headers": RETRY_AFTER, **_response("Not now; Retry-After says when.", "ProblemDetails")}
    failures = {**refusals, "429": later, "503": later}
    submit = {
        "operationId": "submit",
        "summary": "Search with an image",
        "description": "Ranks the items of a collection by their mean similarity to the image in the named attributes. "
        "Send JSON with the path of an image that the server can read, or a form with the image itself. Wanted values "
        "take the place of the image's, and filters leave only items that are recognised to have certain values.",
        "requestBody": _body(
            ("SubmitPath", {"img_path": "00001.jpg", "attrs": "sleeve length", "k": 5}),
            ("SubmitUpload", {"image": "photo.jpg", "attrs": "sleeve length; collar design"}),
        ),
        "responses": {"200": _response("Ranking, best first.", "SubmitResponse"), **failures},
    }
    describe = {
        "operationId": "describe",
        "summary": "Describe an image",
        "description": "Tells which parts the garment has, and recognises the value of each attribute of the model.",
        "requestBody": _body(
            ("DescribePath", {"img_path": "00001.jpg"}), ("DescribeUpload", {"image": "photo.jpg", "language": "en"})
        ),
        "responses": {"200": _response("Presence and values.", "DescribeResponse"), **failures},
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
            "/healthz": {
                "get": {
                    "operationId": "healthz",
                    "summary": "Whether the server runs",
                    "responses": {"200": _response("It runs.", "Status")},
                }
            },
            "/readyz": {
                "get": {
                    "operationId": "readyz",
                    "summary": "Whether the server can search",
                    "responses": {"200": _response("It can search.", "Status"), "503": later},
                }
            },
        },
        "components": {"schemas": {**schemas["$defs"], "Status": STATUS}},
    }


@bp.get("/openapi.json")
def as_json() -> Response:
    """Return the document for programs, with the address that the site is served at."""
    return jsonify({**document(), "servers": [{"url": request.root_url.rstrip("/")}]})


@bp.get("/api")
def page() -> str:
    """Show the document to people, in English like itself."""
    return render_template("api.html", document=document(), resolve=resolve)


def resolve(node: dict[str, str]) -> dict[str, Any]:
    """Return the schema that a node refers to."""
    return dict(document()["components"]["schemas"][node["$ref"].rpartition("/")[2]])


def _ref(model: str) -> dict[str, str]:
    return {"$ref": REF.format(model=model)}


def _body(by_path: tuple[str, dict[str, Any]], upload: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    """Return a request body as JSON or as a form, from the model and an example of each."""
    kinds = {"application/json": by_path, "multipart/form-data": upload}
    content = {kind: {"schema": _ref(model), "example": example} for kind, (model, example) in kinds.items()}
    return {"required": True, "content": content}


def _response(description: str, model: str) -> dict[str, Any]:
    kind = "application/problem+json" if model == "ProblemDetails" else "application/json"
    return {"description": description, "content": {kind: {"schema": _ref(model)}}}
