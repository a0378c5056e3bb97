"""Errors as answers: RFC 9457 problems for programs, in English; pages for people, in their language."""

import json

from flask import Flask, Response, current_app, make_response, render_template, request
from flask_babel import gettext
from flask_limiter.errors import RateLimitExceeded
from flask_wtf.csrf import CSRFError
from gunicorn.http.errors import NoMoreData, ParseException
from werkzeug.exceptions import BadRequest, HTTPException
from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.wrappers import Request

from rpf.errors import (
    BadImage,
    CollectionError,
    Overloaded,
    QueryError,
    RPFError,
    SearchUnavailable,
    UnknownAttribute,
    UnknownCollection,
    UnknownItem,
)
from rpf.utils.files import UNWRITABLE
from webapp import i18n
from webapp.engine_loader import NotReady, NotStarted
from webapp.i18n import N_
from webapp.images.local import Forbidden, NotFound, TooLarge
from webapp.images.remote import Unfetchable
from webapp.images.uploads import UploadExpired, UploadsUnwritable

API_PATHS = frozenset({"/submit", "/healthz", "/readyz", "/openapi.json", "/metrics"})
RETRY_AFTER = 3  # seconds
STATUS: dict[type[Exception], int] = {
    BadImage: 422,
    UnknownAttribute: 422,
    QueryError: 422,
    UnknownItem: 404,
    UnknownCollection: 404,
    CollectionError: 409,
    UploadExpired: 410,
    Forbidden: 403,
    NotFound: 404,
    TooLarge: 413,
    SearchUnavailable: 503,
    Overloaded: 503,
    Unfetchable: 422,
}


# In place of werkzeug's words, which speak of the program.
MESSAGES = {
    400: N_("The request could not be understood."),
    403: N_("This is not for everyone to see."),
    404: N_("There is nothing at this address."),
    405: N_("This address does not take requests of that kind."),
    413: N_("What was sent is too large; an image may have up to 16 MB."),
    429: N_("Many searches came from here in a short time. Please wait a moment."),
    500: N_("Something went wrong on our side. It has been noted; please try again later."),
}
TITLES = {
    400: N_("Not understood"),
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
UNAVAILABLE = N_("The search server does not answer just now. Please try again in a moment.")
UNWRITTEN = N_("Photos cannot be kept here just now. Please try again later.")
LEFT_OPEN = N_("The page was open for too long. Please load it again and repeat your search.")
NO_COOKIE = N_(
    "Your browser sent no cookie with the form. Please allow cookies for this site, then load the page again and "
    "repeat your search."
)


def problem(status: int, detail: str, **extra: object) -> Response:
    """An application/problem+json response; `extra` are further members, such as `errors`."""
    body = {
        "type": "about:blank",
        "title": HTTP_STATUS_CODES.get(status, "Error"),
        "status": status,
        "detail": detail,
        **extra,
    }
    return Response(json.dumps(body) + "\n", status, content_type="application/problem+json")


def wants_json(request: Request) -> bool:
    """Return whether errors go to a program: the API's routes, and requests that accept JSON by name and not HTML."""
    accepted = {kind.partition(";")[0].strip() for kind, quality in request.accept_mimetypes if quality > 0}
    asks = not accepted.isdisjoint({"application/json", "application/problem+json"}) and "text/html" not in accepted
    return (request.path.rstrip("/") or "/") in API_PATHS or asks


def status_of(error: RPFError) -> int:
    """The HTTP status of an error; 500 for those that the visitor cannot mend (settings, checkpoints)."""
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)


def register(app: Flask) -> None:
    """Answer every error of the app from here."""
    app.register_error_handler(RPFError, explain)
    app.register_error_handler(HTTPException, _http_error)
    for malformed in (ParseException, NoMoreData):  # raised by gunicorn while the body is read
        app.register_error_handler(malformed, lambda _: _http_error(BadRequest()))
    app.register_error_handler(OSError, _unwritten)
    app.register_error_handler(NotReady, _not_ready)
    app.register_error_handler(NotStarted, _not_started)


def explain(error: RPFError, **extra: object) -> Response:
    """The answer to an error that a person can mend; `extra` are further members of the problem."""
    status = status_of(error)
    if status == 500:
        current_app.logger.error("%s", error, exc_info=error)
        return _answer(500, MESSAGES[500], gettext(MESSAGES[500]))
    if isinstance(error, SearchUnavailable):  # its address and state are not for visitors
        current_app.logger.warning("%s", error)
        error = SearchUnavailable(UNAVAILABLE)
    answer = _answer(status, str(error), i18n.message(error), **extra)
    if status == 503:
        answer.headers["Retry-After"] = str(RETRY_AFTER)
    return answer


def _http_error(error: HTTPException) -> Response | HTTPException:
    """Keeps the status and the headers (Allow, Retry-After). An unexpected exception comes here as a logged 500."""
    if error.response is not None or error.code is None or error.code < 400:
        return error
    words = error.description or _title(error.code)
    if isinstance(error, CSRFError):
        words = LEFT_OPEN if current_app.config["SESSION_COOKIE_NAME"] in request.cookies else NO_COOKIE
    elif words == type(error).description or isinstance(error, RateLimitExceeded):
        words = MESSAGES.get(error.code, words)
    answer = _answer(error.code, words, gettext(words))
    for name, value in error.get_headers():
        if name != "Content-Type":
            answer.headers.add(name, value)
    return answer


def _unwritten(error: OSError) -> Response:
    """Answer an upload that the disk does not take; any other OSError is unexpected."""
    temporary = error.errno in UNWRITABLE and not isinstance(error, PermissionError)  # which reading raises, too
    if not temporary and not isinstance(error, UploadsUnwritable):
        raise error
    current_app.logger.error("Uploads cannot be kept: %s", error.strerror)
    answer = _answer(503, UNWRITTEN, gettext(UNWRITTEN))
    answer.headers["Retry-After"] = str(RETRY_AFTER)
    return answer


def _not_ready(error: NotReady) -> Response:
    progress = {"phase": error.phase, "done": error.done, "total": error.total}
    if wants_json(request):
        answer = problem(503, "The search is being prepared; try again in a moment.", **progress)
    else:
        answer = make_response(render_template("preparing.html", **progress), 503)
    answer.headers["Retry-After"] = str(RETRY_AFTER)
    return answer


def _not_started(error: NotStarted) -> Response:
    answer = _answer(503, str(error), str(error))
    answer.headers["Retry-After"] = "60"
    return answer


def _answer(status: int, detail: str, shown: str, **extra: object) -> Response:
    """`detail` (English) and `extra` for a program, or the page with `shown` (translated) for a person."""
    if wants_json(request):
        return problem(status, detail, **extra)
    page = render_template("error.html", status=status, title=gettext(_title(status)), message=shown)
    return make_response(page, status)


def _title(status: int) -> str:
    return TITLES.get(status) or HTTP_STATUS_CODES.get(status, "Error")
