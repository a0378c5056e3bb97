"""Responses to errors: RFC 9457 problems in English for programs, pages in the visitor's language for people."""

import json
from collections.abc import Callable
from typing import Any

from flask import Flask, Response, current_app, make_response, render_template, request
from flask_babel import gettext
from flask_limiter.errors import RateLimitExceeded
from flask_wtf.csrf import CSRFError
from gunicorn.http.errors import NoMoreData, ParseException
from werkzeug.exceptions import BadRequest, HTTPException, MethodNotAllowed
from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.wrappers import Request

from rpf.errors import (
    BadImage,
    CollectionBusy,
    CollectionError,
    IdempotencyConflict,
    OutOfReach,
    Overloaded,
    QueryError,
    RPFError,
    SearchUnavailable,
    TooLarge,
    UnknownAttribute,
    UnknownCollection,
    UnknownItem,
    UnknownProduct,
    UnusableEvents,
)
from rpf.utils.files import UNWRITABLE
from rpf.utils.remote import Unfetchable
from webapp import i18n
from webapp.engine_loader import NotReady, StartFailed
from webapp.i18n import N_
from webapp.images.local import Forbidden, NotFound
from webapp.images.uploads import UploadExpired, UploadsUnwritable
from webapp.schemas import ProblemDetails

API_PATHS = frozenset({"/submit", "/describe", "/healthz", "/readyz", "/openapi.json", "/metrics"})
API_PREFIX = "/api/"
BUSY_RETRY_SECONDS = 3
FAILED_RETRY_SECONDS = 60
STATUSES: dict[type[Exception], int] = {
    BadImage: 422,
    UnknownAttribute: 422,
    QueryError: 422,
    Unfetchable: 422,
    UnknownItem: 404,
    UnknownCollection: 404,
    NotFound: 404,
    UnknownProduct: 404,
    CollectionError: 409,
    CollectionBusy: 503,
    IdempotencyConflict: 409,
    OutOfReach: 403,
    UnusableEvents: 422,
    UploadExpired: 410,
    Forbidden: 403,
    TooLarge: 413,
    SearchUnavailable: 503,
    Overloaded: 503,
}
TITLES = {
    400: N_("Invalid request"),
    403: N_("Not allowed"),
    404: N_("Not found"),
    405: N_("Not possible"),
    409: N_("This collection cannot be used now"),
    410: N_("No longer here"),
    413: N_("Too large"),
    422: N_("That did not work"),
    429: N_("One moment"),
    500: N_("Something went wrong"),
    503: N_("Not ready"),
}
MESSAGES = {  # in place of werkzeug's descriptions, which are for programmers
    400: N_("The request cannot be read."),
    404: N_("There is nothing at this address."),
    413: N_("The upload is too large. An image may have up to 16 MB."),
    429: N_("Too many searches in a short time. Please wait a moment, then try again."),
    500: N_("Something went wrong on our side. Please try again later."),
}
OTHER_METHODS = N_("Use %(methods)s here, not %(method)s.")
UNAVAILABLE = N_("The search server is not answering. Please try again in a moment.")
UNSAVED = N_("Photos cannot be saved at the moment. Please try again later.")
EXPIRED_FORM = N_("This page was open for too long. Please reload it and search again.")
NO_COOKIE = N_(
    "Your browser did not send this site's cookie. Please allow cookies for this site, then reload the page and "
    "search again."
)


def init_app(app: Flask) -> None:
    """Handle all errors of the app."""
    handlers: dict[type[Exception], Callable[[Any], Response | HTTPException]] = {
        RPFError: explain,
        HTTPException: _http_error,
        ParseException: _malformed,
        NoMoreData: _malformed,
        OSError: _unsaved,
        NotReady: _not_ready,
        StartFailed: lambda error: _respond(503, str(error), str(error), FAILED_RETRY_SECONDS),
    }
    for kind, handler in handlers.items():
        app.register_error_handler(kind, handler)


def problem(status: int, detail: str, retry_seconds: int = 0, **members: object) -> Response:
    """Return an application/problem+json response; `members` are further ones of the object, such as `errors`."""
    title = HTTP_STATUS_CODES.get(status, "Error")
    body = ProblemDetails(type="about:blank", title=title, status=status, detail=detail)
    text = json.dumps(body.model_dump(exclude={"errors"}) | members) + "\n"
    return _retry_after(Response(text, status, content_type="application/problem+json"), retry_seconds)


def wants_json(request: Request) -> bool:
    """Return whether errors go to a program: the API's routes, and requests that accept JSON by name and not HTML."""
    accepted = {kind.partition(";")[0].strip() for kind, quality in request.accept_mimetypes if quality > 0}
    by_name = not accepted.isdisjoint({"application/json", "application/problem+json"}) and "text/html" not in accepted
    of_api = request.path.startswith(API_PREFIX) or (request.path.rstrip("/") or "/") in API_PATHS
    return of_api or by_name


def explain(error: RPFError, **members: Any) -> Response:
    """Respond to an error that a person can fix; `members` are further ones of the problem."""
    # Errors of settings and checkpoints are not the visitor's to fix.
    status = next((STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES), 500)
    if status == 500:
        current_app.logger.error("%s", error, exc_info=error)
        return _respond(500, MESSAGES[500], gettext(MESSAGES[500]))
    if isinstance(error, SearchUnavailable):  # its address and state are not for visitors
        current_app.logger.warning("%s", error)
        error = SearchUnavailable(UNAVAILABLE)
    return _respond(status, str(error), i18n.message(error), BUSY_RETRY_SECONDS if status == 503 else 0, **members)


def _http_error(error: HTTPException) -> Response | HTTPException:
    """Keep the status and the headers (Allow, Retry-After). Unexpected exceptions arrive as a logged 500."""
    if error.response is not None or error.code is None or error.code < 400:
        return error
    text = error.description or _title(error.code)
    if isinstance(error, CSRFError):
        text = EXPIRED_FORM if current_app.config["SESSION_COOKIE_NAME"] in request.cookies else NO_COOKIE
    elif text == type(error).description or isinstance(error, RateLimitExceeded):
        text = MESSAGES.get(error.code, text)
    params: dict[str, str] = {}
    if isinstance(error, MethodNotAllowed):
        text, params = OTHER_METHODS, {"methods": " / ".join(_methods(error)), "method": request.method}
    response = _respond(error.code, text % params if params else text, gettext(text, **params))
    for name, value in error.get_headers():
        if name != "Content-Type":
            response.headers.add(name, value)
    return response


def _methods(error: MethodNotAllowed) -> list[str]:
    """Return the methods of an address that do something."""
    return sorted(set(error.valid_methods or ()) - {"HEAD", "OPTIONS"})


def _malformed(_: Exception) -> Response | HTTPException:
    """Respond to what gunicorn raises while the body is read."""
    return _http_error(BadRequest())


def _unsaved(error: OSError) -> Response:
    """Respond to an upload that the disk does not take; any other OSError is unexpected."""
    temporary = error.errno in UNWRITABLE and not isinstance(error, PermissionError)  # reading raises that, too
    if not temporary and not isinstance(error, UploadsUnwritable):
        raise error
    current_app.logger.error("Uploads cannot be saved: %s", error.strerror)
    return _respond(503, UNSAVED, gettext(UNSAVED), BUSY_RETRY_SECONDS)


def _not_ready(error: NotReady) -> Response:
    progress = {"phase": error.phase, "done": error.done, "total": error.total}
    detail = "The search is being prepared; try again in a moment."
    return _respond(503, detail, "", BUSY_RETRY_SECONDS, "preparing.html", **progress)


def _respond(
    status: int, detail: str, message: str, retry_seconds: int = 0, template: str = "error.html", **members: Any
) -> Response:
    """Respond with `detail` (English) and `members` to a program, with a page with `message` (translated) to people."""
    if wants_json(request):
        return problem(status, detail, retry_seconds, **members)
    page = render_template(template, status=status, title=gettext(_title(status)), message=message, **members)
    return _retry_after(make_response(page, status), retry_seconds)


def _retry_after(response: Response, seconds: int) -> Response:
    if seconds:
        response.headers["Retry-After"] = str(seconds)
    return response


def _title(status: int) -> str:
    return TITLES.get(status) or HTTP_STATUS_CODES.get(status, "Error")
