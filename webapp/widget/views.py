"""The widget's script, its style sheet, and its pages, which are the site's in a frame."""

from typing import Any

from flask import Blueprint, Response, current_app, g, redirect, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from webapp.api.events import post_events
from webapp.views import results, search
from webapp.widget.access import add_arguments, open_widget
from webapp.widget.colours import style_sheet

SCRIPT_SECONDS = 3600  # for which browsers keep the script, and so for how long an old one may meet a new site
COLOURS_SECONDS = 24 * 3600

public = Blueprint("widget_files", __name__)  # for everybody, without a key
bp = Blueprint("widget", __name__, url_prefix="/widget")  # exempt from CSRF as a whole: it knows no cookie
bp.before_request(open_widget)
bp.url_defaults(add_arguments)


@public.get("/widget.js")
def script() -> BaseResponse:
    """Serve the script to the pages of other sites."""
    response = current_app.send_static_file("widget.js")
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.headers["Access-Control-Allow-Origin"] = "*"  # for pages that load it with integrity or crossorigin
    response.cache_control.no_cache = None
    response.cache_control.public = True
    response.cache_control.max_age = SCRIPT_SECONDS
    return response


@public.get("/widget.css")
def colours() -> Response:
    """Serve the colours that the arguments name."""
    response = Response(style_sheet(request.args), mimetype="text/css")
    response.cache_control.public = True
    response.cache_control.max_age = COLOURS_SECONDS
    return response


@bp.get("")
def home() -> BaseResponse:
    """Redirect to the collection of the key."""
    beginning: dict[str, Any] = {name: value for name in ("product", "item") if (value := request.args.get(name))}
    return redirect(url_for(".start", name=g.widget.default_collection(), **beginning))


@bp.get("/<name>/")
def start(name: str) -> str | BaseResponse:
    """Show the form for a photo, or the results for a product or an item."""
    return search.start(name)


@bp.post("/<name>/search", endpoint="search")
def search_photo(name: str) -> BaseResponse | tuple[str, int]:
    """Save the photo and redirect to its results."""
    return search.search(name)


@bp.get("/<name>/results")
def ranked(name: str) -> tuple[str, int] | BaseResponse:
    """Show the results."""
    return results.ranked(name)


@bp.post("/<name>/events")
def events(name: str) -> Response:
    """Record what was seen and clicked."""
    return post_events()
