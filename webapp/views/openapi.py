"""What the JSON route takes and gives: as an OpenAPI document for programs, and as a page for people."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml
from flask import Blueprint, jsonify, render_template, request
from flask.wrappers import Response

FILE = Path(__file__).with_name("openapi.yaml")

bp = Blueprint("openapi", __name__)


@cache
def document() -> dict[str, Any]:
    """The document, an OpenAPI 3.1 object."""
    loaded: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return loaded


@bp.get("/openapi.json")
def as_json() -> Response:
    """Return the document for programs, with the address that the site is served at."""
    return jsonify({**document(), "servers": [{"url": request.root_url.rstrip("/")}]})


@bp.get("/api")
def page() -> str:
    """For people, in English like the document."""
    return render_template("api.html", document=document(), resolve=resolve)


def resolve(node: dict[str, Any]) -> dict[str, Any]:
    """A node of the document, or the one that it refers to."""
    while "$ref" in node:
        found: Any = document()
        for name in node["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        node = found
    return node
