"""API for programs and other sites, /api/v1: search and descriptions, products, batches of changes, events.

- blueprint: the routes' one blueprint, and errors that name the field at fault
- access: keys, origins, and what a request may do
- search_schemas, product_schemas: bodies of requests and responses; document: their part of the OpenAPI document
- search, catalogue, events: what a search key may do
- products, batches: what a write key may do; idempotency: answers that are repeated
- jobs, job_worker: batches that wait, and the thread that works on them
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Blueprint


def bp() -> "Blueprint":
    """Return the blueprint with all routes. Imported here, because webapp.extensions imports parts of this package."""
    from webapp.api import batches, catalogue, events, products, search  # noqa: F401  # they add their routes
    from webapp.api.blueprint import bp

    return bp
