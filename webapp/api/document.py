"""/api/v1 in the OpenAPI document."""

from typing import Any

from rpf.access.events import Event
from rpf.products.product import Product
from webapp.api.blueprint import PREFIX
from webapp.api.idempotency import HEADER
from webapp.api.product_schemas import (
    AttributeList,
    CollectionList,
    DeleteResponse,
    EventsResponse,
    JobStatus,
    ProductDetails,
    PutResponse,
)
from webapp.api.search_schemas import (
    DescribeByReference,
    DescribeByUpload,
    SearchByReference,
    SearchByUpload,
    SearchResponse,
)
from webapp.openapi_parts import failures, image_body, reference, request_body, response
from webapp.schemas import COLLECTION

MODELS = (
    SearchByReference, SearchByUpload, SearchResponse, DescribeByReference, DescribeByUpload, ProductDetails, Product,
    PutResponse, DeleteResponse, JobStatus, CollectionList, AttributeList, Event, EventsResponse,
)  # fmt: skip
SECURITY_SCHEMES = {
    "key": {"type": "http", "scheme": "bearer", "description": "Key of the API, from `rpf keys create`."},
}
READ: list[dict[str, list[str]]] = [{}, {"key": []}]  # without a key where the installation has none
WRITE: list[dict[str, list[str]]] = [{"key": []}]
READ_FAILURES = failures("400", "401", "403", "404", "409", "413", "415", "422")
PRODUCT = {"id": "P1", "title": "Shirt", "price": 20, "currency": "EUR", "photos": [{"source": "P1.jpg"}]}


def api_paths(image_path: str) -> dict[str, Any]:
    """Return the paths of /api/v1. image_path: of an image that the server can read, for the examples."""
    product_id = _parameter(
        "product_id", "The shop's id of the product; a slash in it may be written as it is.", "path"
    )
    in_collection = _parameter("collection", COLLECTION)
    key = {**_parameter(HEADER, "A text that the client makes up; the same request under it is done once.", "header")}
    key["schema"] = {"type": "string", "minLength": 1, "maxLength": 255}
    refresh = _parameter("refresh_photos", "Whether photos that are known already are read again.")
    refresh["schema"] = {"enum": ["true", "false"], "default": "false"}
    language = _parameter("language", "Language of the names.")
    language["schema"] = {"enum": ["en", "vi", "zh"], "default": "en"}
    job = response("The batch waits for its turn.", "JobStatus")
    job["headers"] = {"Location": {"schema": {"type": "string"}, "description": "Address of the job."}}
    paths: dict[str, dict[str, dict[str, Any]]] = {
        "/search": {
            "post": {
                "summary": "Search",
                "description": "Ranks products, or photos, by their similarity to an image in the details that matter.",
                "requestBody": image_body(
                    ("SearchByReference", {"values": {"sleeve_length": "long"}, "limit": 5}),
                    ("SearchByUpload", {"image": "photo.jpg", "attributes": "sleeve length; collar design"}),
                ),
                "responses": {"200": response("Page of a ranking.", "SearchResponse")},
            }
        },
        "/describe": {
            "post": {
                "summary": "Describe an image",
                "description": "Tells which parts the garment has, recognises values, and finds the garments in it.",
                "requestBody": image_body(
                    ("DescribeByReference", {"img_path": image_path}), ("DescribeByUpload", {"image": "photo.jpg"})
                ),
                "responses": {"200": response("Presence, values and garments.", "DescribeResponse")},
            }
        },
        "/products/{product_id}": {
            "get": {
                "summary": "Get a product",
                "parameters": [product_id, in_collection],
                "responses": {"200": response("The product.", "ProductDetails")},
            },
            "put": {
                "summary": "Add or replace a product",
                "description": "Photos that it has already are not read again, so that a new price is quick.",
                "parameters": [product_id, in_collection, refresh, key],
                "requestBody": request_body({"application/json": ("Product", PRODUCT)}),
                "responses": {"200": response("What was done.", "PutResponse")},
            },
            "delete": {
                "summary": "Delete a product",
                "parameters": [product_id, in_collection, key],
                "responses": {"200": response("What was done.", "DeleteResponse")},
            },
        },
        "/batch": {
            "post": {
                "summary": "Change many products",
                "description": 'JSON lines, {"put": {...}} or {"delete": "id"}, up to 64 MB; done in their order.',
                "parameters": [in_collection, key],
                "requestBody": {
                    "required": True,
                    "content": {"application/x-ndjson": {"schema": {"type": "string"}, "example": '{"delete": "P1"}'}},
                },
                "responses": {"202": job},
            }
        },
        "/jobs/{job_id}": {
            "get": {
                "summary": "Get the state of a batch",
                "parameters": [_parameter("job_id", "Id of the job.", "path")],
                "responses": {"200": response("How far it is.", "JobStatus")},
            }
        },
        "/collections": {
            "get": {
                "summary": "List the collections",
                "responses": {"200": response("The collections that the key is for.", "CollectionList")},
            }
        },
        "/attributes": {
            "get": {
                "summary": "List the attributes of a collection",
                "parameters": [in_collection, language],
                "responses": {"200": response("The attributes with their values.", "AttributeList")},
            }
        },
        "/events": {
            "post": {
                "summary": "Report views and clicks of results",
                "description": "In the shape of OpenSearch's User Behavior Insights. No personal data are stored.",
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {
                            "schema": {"anyOf": [_events(), reference("Event")]}, "example": {"action_name": "click"}
                        }
                    },
                },
                "responses": {"202": response("What was taken.", "EventsResponse")},
            }
        },
    }  # fmt: skip
    for path, methods in paths.items():
        for method, operation in methods.items():
            writes = method in ("put", "delete") or path in ("/batch", "/jobs/{job_id}")
            operation["operationId"] = f"v1_{method}_{path.split('/')[1]}"
            operation["security"] = WRITE if writes else READ
            operation["responses"] = {**READ_FAILURES, **operation["responses"]}
    return {f"{PREFIX}{path}": methods for path, methods in paths.items()}


def _events() -> dict[str, Any]:
    return {"type": "array", "items": reference("Event"), "maxItems": 500}


def _parameter(name: str, description: str, place: str = "query") -> dict[str, Any]:
    return {
        "name": name, "in": place, "required": place == "path", "description": description, "schema": {"type": "string"}
    }  # fmt: skip
