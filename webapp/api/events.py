"""POST /api/v1/events: views and clicks of results, in the shape of OpenSearch's User Behavior Insights."""

from flask import Response, request
from werkzeug.exceptions import UnsupportedMediaType

from rpf.access.events import parse_events
from webapp import extensions
from webapp.api.blueprint import bp, respond
from webapp.api.product_schemas import EventsResponse
from webapp.middleware.request_body import parse_json, read_bytes

MAX_EVENTS_BYTES = 2**20
TOO_LARGE = "A report of events may have up to 1 MB."


@bp.post("/events")
def post_events() -> Response:
    """Record events about searches. Those that cannot be used lose only themselves."""
    if request.mimetype != "application/json":
        raise UnsupportedMediaType("Send application/json.")
    events, problems = parse_events(parse_json(read_bytes(MAX_EVENTS_BYTES, TOO_LARGE)))
    extensions.event_log.add(events)
    return respond(EventsResponse(accepted=len(events), problems=problems), 202)
