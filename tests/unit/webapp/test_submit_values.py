"""POST /submit with wanted values and filters; without them it responds as before."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from rpf.attributes import Vocabulary
from rpf.collection import Collection
from rpf.engine import SearchEngine, SearchRequest, ValueFilter
from rpf.search.exact import Exact
from rpf.search.filters import passing_rows
from rpf.settings import Settings
from tests.conftest import started_site
from webapp.wanted_values import read_values

ATTRS = "sleeve length; collar design"
KEYS = ("sleeve_length", "collar_design")


@pytest.fixture(scope="module")
def site(named_settings: Settings) -> Flask:
    return started_site(named_settings)


@pytest.fixture
def client(site: Flask) -> Iterator[FlaskClient]:
    with site.test_client() as test_client:
        yield test_client


@pytest.fixture(scope="module")
def engine(site: Flask) -> SearchEngine:
    engine: SearchEngine = site.extensions["rpf"].engine
    return engine


@pytest.fixture(scope="module")
def named(named_settings: Settings) -> Collection:
    return Collection.open(named_settings.collections / "named")


@pytest.fixture(scope="module")
def sleeves(engine: SearchEngine) -> list[int]:
    """Return the recognised sleeve lengths, the commonest first."""
    counts = engine.facets("named", {})["sleeve_length"]
    return sorted(counts, key=lambda value: -counts[value])


def submit(client: FlaskClient, **body: object) -> dict[str, Any]:
    response = client.post("/submit", json=body)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.get_json()
    assert list(answer) == ["ids", "similarities", "retrieval_times"]
    return answer


def assert_problem(response: TestResponse, field: str, says: str) -> None:
    assert response.status_code == 422, response.text
    problem = response.get_json()
    assert says in problem["detail"] and "\n" not in problem["detail"]
    assert problem["errors"] == [{"field": field, "detail": problem["detail"]}]


def test_submit_without_values_responds_byte_by_byte_as_before(
    client: FlaskClient, engine: SearchEngine, named: Collection, photo: Path
) -> None:
    query = engine.embed(photo)
    request = SearchRequest(query, dict.fromkeys(KEYS, 1.0), 7)
    ranked = Exact(named).search(request.resolve(named))
    ids, similarities = named.ids[ranked.rows].tolist(), [round(score, 6) for score in ranked.scores.tolist()]
    expected = json.dumps({"ids": ids, "similarities": similarities, "retrieval_times": 0}, separators=(",", ":"))
    sent = client.post("/submit", json={"img_path": photo.name, "attrs": ATTRS, "k": 7})
    assert re.sub(r'(?<="retrieval_times":)[0-9.e-]+', "0", sent.text) == expected + "\n"
    empty = submit(client, img_path=photo.name, attrs=ATTRS, k=7, values={}, filters={}, minimal=0.9)
    assert (empty["ids"], empty["similarities"]) == (ids, similarities)


def test_submit_wanted_values_take_the_place_of_the_images(
    client: FlaskClient, engine: SearchEngine, photo: Path, sleeves: list[int]
) -> None:
    value, name = sleeves[0], Vocabulary(KEYS)["sleeve_length"].value_name
    request = SearchRequest(engine.embed(photo), dict.fromkeys(KEYS, 1.0), 40, changes={"sleeve_length": value})
    hits = engine.search("named", request).hits
    bodies: list[dict[str, Any]] = [
        {"attrs": ATTRS, "values": {"sleeve_length": value}},
        {"attrs": ATTRS, "values": {"sleeve_length": str(value)}},
        {"attrs": ATTRS, "values": {"Sleeve length": name(value)}},
        {"attrs": "collar design", "values": {"độ dài tay": name(value, "vi")}},
        {"attrs": f"collar; {name(value, 'zh')}"},
        {"attrs": f"collar; {name(sleeves[1])}", "values": {"sleeve_length": value}},
    ]
    for body in bodies:
        answer = submit(client, img_path=photo.name, k=40, **body)
        assert answer["ids"] == [hit.item.id for hit in hits], body
        assert answer["similarities"] == [round(hit.similarity, 6) for hit in hits]
    assert submit(client, img_path=photo.name, attrs=ATTRS, k=40)["similarities"] != answer["similarities"]


def test_submit_needs_no_image_where_every_attribute_has_a_wanted_value(
    client: FlaskClient, engine: SearchEngine, sleeves: list[int]
) -> None:
    request = SearchRequest(None, {"sleeve_length": 1.0}, 5, changes={"sleeve_length": sleeves[0]})
    ids = [hit.item.id for hit in engine.search("named", request).hits]
    name = Vocabulary(KEYS)["sleeve_length"].value_name(sleeves[0])
    assert submit(client, attrs=name, k=5)["ids"] == ids
    assert submit(client, values={"sleeve_length": name}, k=5)["ids"] == ids
    form = client.post("/submit", data={"attrs": name, "k": "5"}, content_type="multipart/form-data")
    assert form.get_json()["ids"] == ids
    assert_problem(client.post("/submit", json={"attrs": f"{name}; collar"}), "img_path", "img_path is missing")
    assert_problem(client.post("/submit", json={"attrs": f"{name}; collar"}), "img_path", "collar_design must have")


def test_submit_filters_leave_the_items_that_pass(
    client: FlaskClient, engine: SearchEngine, named: Collection, photo: Path, sleeves: list[int]
) -> None:
    names = [Vocabulary(KEYS)["sleeve_length"].value_name(value) for value in sleeves[:2]]
    every = submit(client, img_path=photo.name, attrs="collar design", k=40)
    for filters, chosen, minimal in (
        ({"sleeve_length": names[0]}, sleeves[:1], {}),
        ({"sleeve length": names}, sleeves[:2], {}),
        ({"袖长": [sleeves[0], names[1]]}, sleeves[:2], {"minimal": 0.9}),
    ):
        wanted = {"sleeve_length": ValueFilter(frozenset(chosen), minimal.get("minimal", 0.5))}
        mask = passing_rows(named, wanted)
        assert mask is not None and 0 < mask.sum() < 40
        passing = set(named.ids[np.flatnonzero(mask)].tolist())
        answer = submit(client, img_path=photo.name, attrs="collar design", k=40, filters=filters, **minimal)
        ranked = [pair for pair in zip(every["ids"], every["similarities"], strict=True) if pair[0] in passing]
        assert answer["ids"] == [item_id for item_id, _ in ranked]
        assert answer["similarities"] == pytest.approx([similarity for _, similarity in ranked], abs=2e-6)
        texts = {key: str(value) for key, value in minimal.items()}
        data = {"image": photo.open("rb"), "attrs": "collar design", "k": "40", "filters": json.dumps(filters), **texts}
        assert client.post("/submit", data=data).get_json()["ids"] == answer["ids"]


def test_every_value_is_understood_by_each_of_its_names_and_by_number() -> None:
    vocabulary = Vocabulary(
        ["skirt_length", "sleeve_length", "coat_length", "pant_length", "collar_design", "lapel_design",
         "neckline_design", "neck_design"]
    )  # fmt: skip
    for attribute in vocabulary:
        several = Counter(name for _, names in attribute.wanted_names() for name in names)
        for value, names in attribute.wanted_names():
            clear: list[str | int] = [name for name in names if several[name] == 1]
            assert len(clear) >= 3
            for name in [*clear, value, str(value)]:
                assert read_values(vocabulary, {attribute.key: name}) == {attribute.key: value}, name


@pytest.mark.parametrize("field", ["values", "filters"])
@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"sleeve_length": "purple"}, '"purple" is not a value of sleeve length; there are sleeveless, cap sleeves,'),
        ({"sleeve_length": "shirt collar"}, '"shirt collar" is not a value of sleeve length'),
        ({"sleeve_length": "long; shirt collar"}, "is not a value of sleeve length"),
        ({"sleeve_length": 0}, '"0" is not a value'),  # "not visible", which nobody wants
        ({"sleeve_length": 99}, '"99" is not a value'),
        ({"sleeve_length": -1}, '"-1" is not a value'),
        ({"sleeve_length": 10**30}, "is not a value"),
        ({"sleeve_length": ""}, '"" is not a value'),
        ({"wheels": "long"}, '"wheels" is not an attribute; there are skirt_length,'),
        ({"": "long"}, '"" is not an attribute'),
        ({"long sleeves": "long"}, '"long sleeves" is not an attribute'),
        ({"sleeve_length": "long", "sleeves": "long"}, '"sleeves" names an attribute a second time'),
        ({"sleeve_length": None}, "must be an object of attributes and values"),
        ({"sleeve_length": 1.5}, "must be an object of attributes and values"),
        ({"sleeve_length": True}, "must be an object of attributes and values"),
        ({"sleeve_length": {"a": "b"}}, "must be an object of attributes and values"),
        ([], "must be an object of attributes and values"),
        ("long", "must be an object of attributes and values"),
        (None, "must be an object of attributes and values"),
    ],
)
def test_submit_refuses_unusable_values_and_names_the_field(
    client: FlaskClient, photo: Path, field: str, content: object, says: str
) -> None:
    body = {"img_path": photo.name, "attrs": ATTRS, field: content}
    assert_problem(client.post("/submit", json=body), field, says)
    if content is not None:
        data = {"image": photo.open("rb"), "attrs": ATTRS, field: json.dumps(content)}
        assert_problem(client.post("/submit", data=data), field, says)


@pytest.mark.parametrize("text", ["", "{", "sleeve_length=long", "[" * 50_000, '{"a": NaN}'])
def test_submit_form_values_that_are_no_json_are_refused(client: FlaskClient, photo: Path, text: str) -> None:
    data = {"image": photo.open("rb"), "attrs": ATTRS, "values": text}
    assert_problem(client.post("/submit", data=data), "values", "values must be an object")


@pytest.mark.parametrize("minimal", [-0.1, 1.1, "0.5", None, [], True])
def test_submit_minimal_out_of_range_is_refused(client: FlaskClient, photo: Path, minimal: object) -> None:
    body = {"img_path": photo.name, "attrs": ATTRS, "minimal": minimal}
    assert_problem(client.post("/submit", json=body), "minimal", "minimal must be a number from 0 to 1")


@pytest.mark.parametrize("minimal", ["-1", "2", "", "half", "nan", "1e-3"])
def test_submit_form_minimal_out_of_range_is_refused(client: FlaskClient, photo: Path, minimal: str) -> None:
    data = {"image": photo.open("rb"), "attrs": ATTRS, "minimal": minimal}
    assert_problem(client.post("/submit", data=data), "minimal", "minimal must be a number from 0 to 1")


def test_submit_filter_without_values_is_refused(client: FlaskClient, photo: Path) -> None:
    body = {"img_path": photo.name, "attrs": ATTRS, "filters": {"sleeve_length": []}}
    assert_problem(client.post("/submit", json=body), "filters", "Name at least one value of Sleeve length")


def test_submit_value_without_an_example_is_refused(client: FlaskClient, engine: SearchEngine) -> None:
    classifier = engine.model.value_classifier
    assert classifier is not None
    position = engine.model.attributes.index("sleeve_length")
    unknown = int(np.flatnonzero(np.isnan(classifier.vectors[position, :9, 0]))[-1])
    says = "has learnt no example of it"
    assert_problem(client.post("/submit", json={"values": {"sleeve_length": unknown}}), "values", says)
    name = Vocabulary(KEYS)["sleeve_length"].value_name(unknown)
    assert_problem(client.post("/submit", json={"attrs": name}), "attrs", says)


def test_submit_values_that_the_model_does_not_know_are_refused(app: Flask, photo: Path) -> None:
    client, body = app.test_client(), {"img_path": photo.name, "attrs": ATTRS}  # without a value classifier
    values = client.post("/submit", json={**body, "values": {"sleeve_length": "long"}})
    assert_problem(values, "values", "rpf fit-values")
    filters = client.post("/submit", json={**body, "filters": {"sleeve_length": "long"}})
    assert_problem(filters, "filters", "rpf optimize tiny")
