import json
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpf.access.events import MAX_EVENTS, MAX_OBJECT_ID_LENGTH, Event, parse_events
from rpf.errors import UnusableEvents

QUERY_ID = "00112233-4455-6677-8899-aabbccddeeff"
# As OpenSearch's ubi.js sends it.
UBI_EVENT: dict[str, Any] = {
    "application": "shop",
    "action_name": "click",
    "query_id": QUERY_ID,
    "session_id": "84266fdbd31d4c2c6d0665f7e8380fa3",
    "client_id": "5e3b2a1c-8b7d-4f2e-a3d4-c9b2e1f3a4b5",
    "user_id": "",
    "timestamp": "2024-05-16T12:34:56.789Z",
    "message_type": "INFO",
    "message": "Ada bought a hoodie",
    "event_attributes": {
        "object": {"object_id": "MH01", "object_id_field": "sku", "description": "Hoodie", "internal_id": "7"},
        "position": {"ordinal": 3, "x": 10, "y": None, "trail": "/a/b"},
        "user_id": "ada",
    },
}
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


def changed(**fields: object) -> dict[str, Any]:
    return {**UBI_EVENT, **fields}


def test_event_of_a_ubi_client_is_usable_and_nothing_personal_is_left_of_it() -> None:
    events, problems = parse_events([UBI_EVENT])
    assert problems == []
    assert events[0].model_dump(mode="json") == {
        "action_name": "click",
        "query_id": QUERY_ID,
        "event_attributes": {"object": {"object_id": "MH01"}, "position": {"ordinal": 3}},
    }


def test_single_event_needs_no_list() -> None:
    assert parse_events(UBI_EVENT)[0] == parse_events([UBI_EVENT])[0]


@pytest.mark.parametrize(
    "attributes",
    [{}, {"object": None, "position": None}, {"position": {}}, {"position": {"xy": {"x": 1, "y": 2}}}],
)
def test_event_without_object_and_place_is_usable(attributes: dict[str, Any]) -> None:
    (event,), problems = parse_events([changed(event_attributes=attributes)])
    assert problems == [] and event.event_attributes.object is None


def test_number_as_object_id_is_read_as_a_text() -> None:
    (event,), _ = parse_events([changed(event_attributes={"object": {"object_id": 12}})])
    assert event.event_attributes.object and event.event_attributes.object.object_id == "12"


@pytest.mark.parametrize(
    ("event", "problem"),
    [
        (changed(action_name="page_exit"), "action_name: Input should be 'view', 'click' or 'add_to_cart'"),
        (changed(query_id="1234-user-5678"), "query_id: Input should be a valid UUID"),
        ({"action_name": "view"}, "query_id: Field required"),
        (changed(event_attributes=[]), "event_attributes: Input should be a valid dictionary"),
        (changed(event_attributes={"position": {"ordinal": 0}}), "position.ordinal: Input should be greater"),
        (changed(event_attributes={"position": {"ordinal": 10**9}}), "position.ordinal: Input should be less"),
        (changed(event_attributes={"position": {"ordinal": "3"}}), "position.ordinal: Input should be a valid integer"),
        (
            changed(event_attributes={"position": {"ordinal": True}}),
            "position.ordinal: Input should be a valid integer",
        ),
        (changed(event_attributes={"object": {}}), "object.object_id: Field required"),
        (changed(event_attributes={"object": {"object_id": "x" * (MAX_OBJECT_ID_LENGTH + 1)}}), "object_id: String sh"),
        (changed(event_attributes={"object": {"object_id": 10**5000}}), "object_id: "),
        (changed(event_attributes={"object": {"object_id": True}}), "object_id: Input should be a valid string"),
        ("click", "the event: Input should be a valid dictionary"),
        (None, "the event: "),
    ],
)
def test_unusable_event_loses_only_itself_and_is_described_without_its_value(event: object, problem: str) -> None:
    events, problems = parse_events([UBI_EVENT, event, changed(action_name="view")])
    assert [one.action_name for one in events] == ["click", "view"]
    assert len(problems) == 1 and problems[0].startswith("event 2: ") and problem in problems[0]
    assert "1234-user" not in problems[0]


@pytest.mark.parametrize("body", [None, 3, "click", [UBI_EVENT] * (MAX_EVENTS + 1)])
def test_body_that_is_no_list_or_too_long_is_refused(body: object) -> None:
    with pytest.raises(UnusableEvents):
        parse_events(body)


@given(st.lists(json_values, max_size=3), st.sampled_from(sorted(UBI_EVENT)), json_values)
def test_any_json_is_parsed_or_described(values: list[object], field: str, value: object) -> None:
    body = [*values, changed(**{field: value})]
    events, problems = parse_events(body)
    assert len(events) + len(problems) == len(body)
    assert all("\n" not in problem for problem in problems)


@given(st.sampled_from(["view", "click", "add_to_cart"]), st.uuids(), st.integers(1, 10_000), st.text(max_size=256))
def test_event_survives_its_json(action: str, query_id: UUID, ordinal: int, object_id: str) -> None:
    attributes = {"object": {"object_id": object_id}, "position": {"ordinal": ordinal}}
    body = {"action_name": action, "query_id": str(query_id), "event_attributes": attributes}
    (event,), _ = parse_events(json.loads(json.dumps(body)))
    assert json.loads(event.model_dump_json()) == body


def test_schema_documents_the_two_types_of_an_object_id() -> None:
    schema = Event.model_json_schema()
    types = [kind["type"] for kind in schema["$defs"]["EventObject"]["properties"]["object_id"]["anyOf"]]
    assert types == ["string", "integer"]
    assert schema["required"] == ["action_name", "query_id"]
