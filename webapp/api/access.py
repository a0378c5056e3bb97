"""Access to /api/v1: Bearer keys, their origins (CORS), collections and limits.

Reading needs a key as soon as the installation has one. Writing always needs a write key, and a write key is refused
where a browser sends it.
"""

from flask import Blueprint, Response, current_app, g, request

from rpf.access.keys import Key
from webapp import errors, extensions

MAX_AGE_SECONDS = 600  # for which a browser may remember an answer to a preflight request
REALM = "rpf"
CORS_METHODS = "GET, POST"
CORS_REQUEST_HEADERS = "Authorization, Content-Type, X-Request-ID"
CORS_RESPONSE_HEADERS = "Retry-After, X-Request-ID"
WRITES_OFF = "Changes are off: this installation has no write key. Create one with: rpf keys create --kind write"
NO_KEY = "This needs a key: send it as Authorization: Bearer KEY."
UNKNOWN_KEY = "This key does not exist, or was revoked."
NOT_A_WRITE_KEY = "This is a search key; changes need a write key."
WRITE_KEY_IN_BROWSER = "A write key must never be in a browser: send it without an Origin header. Revoke it."
OTHER_ORIGIN = "This key is not for pages of this origin."
OTHER_COLLECTION = "This key is not for this collection."

WRITES = frozenset({"put_product", "delete_product", "post_batch", "get_job"})


def protect(bp: Blueprint) -> None:
    """Check the key of each request, and answer scripts of the keys' origins as CORS has it."""
    bp.before_request(_check_key)
    bp.after_request(_add_cors)


def current_key() -> Key | None:
    """Return the key of this request; None where none is needed."""
    key: Key | None = g.get("api_key")
    return key


def current_key_id() -> str:
    """Return the id of the request's key; "" where none is needed."""
    key = current_key()
    return key.id if key else ""


def may_see_all() -> bool:
    """Return whether this request comes from the shop's own program."""
    key = current_key()
    return key is not None and key.kind == "write"


def allows_collection(name: str) -> bool:
    """Return whether the request's key is for this collection."""
    key = current_key()
    return key is None or key.allows_collection(name)


def _check_key() -> Response | None:
    """Set the request's key; respond where it may not go on."""
    store, origin = extensions.key_store, request.headers.get("Origin")
    writes = _writes()
    g.api_origin = origin if not writes and origin in store.origins() else None
    if request.method == "OPTIONS":
        response = current_app.make_default_options_response()
        response.status_code = 204
        del response.headers["Content-Type"]
        return response
    if writes and not store.has_write_keys():
        return errors.problem(403, WRITES_OFF)
    if not store.any_keys():
        return None
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return _unauthorized(NO_KEY, "")
    key = store.authenticate(token.strip())
    if key is None:
        return _unauthorized(UNKNOWN_KEY, ', error="invalid_token"')
    if not key.allows_origin(origin):
        return errors.problem(403, WRITE_KEY_IN_BROWSER if key.kind == "write" else OTHER_ORIGIN)
    if writes and key.kind != "write":
        return errors.problem(403, NOT_A_WRITE_KEY)
    g.api_key = key
    return None


def _writes() -> bool:
    """Return whether the request, or the one that a preflight request asks for, needs a write key."""
    endpoint = (request.endpoint or "").rpartition(".")[2]
    if request.method == "OPTIONS" and (request.view_args or {}).get("product_id"):  # one address, three endpoints
        return request.headers.get("Access-Control-Request-Method") not in ("GET", "HEAD")
    return endpoint in WRITES


def _unauthorized(detail: str, error: str) -> Response:
    response = errors.problem(401, detail)
    response.headers["WWW-Authenticate"] = f'Bearer realm="{REALM}"{error}'
    return response


def _add_cors(response: Response) -> Response:
    """Let scripts of the keys' origins read the response. Caches keep one for each origin."""
    response.vary.add("Origin")
    if origin := g.get("api_origin"):
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Expose-Headers"] = CORS_RESPONSE_HEADERS
        if request.method == "OPTIONS":
            response.headers["Access-Control-Allow-Methods"] = CORS_METHODS
            response.headers["Access-Control-Allow-Headers"] = CORS_REQUEST_HEADERS
            response.headers["Access-Control-Max-Age"] = str(MAX_AGE_SECONDS)
    return response
