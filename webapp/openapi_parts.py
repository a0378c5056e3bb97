"""Parts of the OpenAPI document: references to models, bodies, responses."""

from collections.abc import Mapping
from typing import Any

REF = "#/components/schemas/{model}"
RETRY_AFTER = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}}


def reference(model: str) -> dict[str, str]:
    """Return the schema that refers to a model."""
    return {"$ref": REF.format(model=model)}


def request_body(bodies: Mapping[str, tuple[str, Any]]) -> dict[str, Any]:
    """Return a request body in one of several types, from the model and an example of each."""
    content = {kind: {"schema": reference(model), "example": example} for kind, (model, example) in bodies.items()}
    return {"required": True, "content": content}


def image_body(by_path: tuple[str, dict[str, Any]], upload: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    """Return a request body as JSON or as a form, from the model and an example of each."""
    return request_body({"application/json": by_path, "multipart/form-data": upload})


def response(description: str, model: str) -> dict[str, Any]:
    """Return a response with a model as its body."""
    kind = "application/problem+json" if model == "ProblemDetails" else "application/json"
    return {"description": description, "content": {kind: {"schema": reference(model)}}}


def failures(*statuses: str) -> dict[str, Any]:
    """Return the responses to requests that are refused (these statuses), or cannot be served now."""
    refusal = response("Problem with the request.", "ProblemDetails")
    later = {"headers": RETRY_AFTER, **response("Not now; Retry-After says when.", "ProblemDetails")}
    return {**dict.fromkeys(statuses, refusal), "429": later, "503": later}
