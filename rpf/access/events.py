"""Events that a shop's pages report, in the shape of OpenSearch's User Behavior Insights (UBI) 1.3.

No personal data are stored. Of an event only what is defined here is read: the action, the search, the object and its
position. A UBI client sends more (client_id, user_id, session_id, application, timestamp, message, descriptions), which
is accepted and dropped; so is an object that the search did not show. No address, user agent or free text is stored.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from rpf.errors import UnusableEvents

MAX_EVENTS = 500  # in a request
MAX_OBJECT_ID_LENGTH = 256  # characters; UBI's limit
MAX_POSITION = 10_000
Action = Literal["view", "click", "add_to_cart"]
_ShortText = Annotated[str, Field(max_length=MAX_OBJECT_ID_LENGTH)]


def _id_as_text(value: object) -> object:
    """Return the number that UBI allows as an id as a text."""
    return str(value) if type(value) is int else value


class _UBIModel(BaseModel):
    """Part of an event; further fields are dropped, because UBI's objects are open and clients send many."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class EventObject(_UBIModel):
    """What the event happened to."""

    object_id: Annotated[
        _ShortText,
        Field(description="Id of the product, or of the item, as the search gave it."),
        BeforeValidator(_id_as_text, json_schema_input_type=_ShortText | int),
    ]


class EventPosition(_UBIModel):
    """Where the object was."""

    ordinal: int | None = Field(
        None,
        ge=1,
        le=MAX_POSITION,
        description="Place of the result in the list, from 1; without it, the object's place in the search's results.",
    )


class EventAttributes(_UBIModel):
    """Details of an event."""

    object: EventObject | None = None
    position: EventPosition | None = None


class Event(_UBIModel):
    """View, click or purchase intent on a result of a search. Repeated ones of the same object count once."""

    action_name: Action = Field(
        description="`view`: the result came into view; `click`: it was opened; `add_to_cart`: it was added to a cart."
    )
    query_id: UUID = Field(strict=False, description="From the response of the search.")
    event_attributes: EventAttributes = EventAttributes()


def parse_events(body: object) -> tuple[list[Event], list[str]]:
    """Return the usable events of a JSON body (one, or a list as UBI clients send), and what is wrong with the others.

    An unusable event loses only itself. Raises UnusableEvents for another body, and for more than MAX_EVENTS.
    """
    values = [body] if isinstance(body, Mapping) else body
    if not isinstance(values, list):
        raise UnusableEvents("Send an event, or a list of events.")
    if len(values) > MAX_EVENTS:
        raise UnusableEvents(
            "Send up to %(limit)d events at a time, not %(count)d.", limit=MAX_EVENTS, count=len(values)
        )
    events: list[Event] = []
    problems: list[str] = []
    for number, value in enumerate(values, 1):
        try:
            events.append(Event.model_validate(value))
        except ValidationError as error:
            problems.append(f"event {number}: {_describe(error)}")
    return events, problems


def _describe(error: ValidationError) -> str:
    """Return the first problem with its field, without the value, which may be personal."""
    first: Any = error.errors(include_input=False, include_url=False)[0]
    field = ".".join(map(str, first["loc"])) or "the event"
    return f"{field}: {first['msg']}"
