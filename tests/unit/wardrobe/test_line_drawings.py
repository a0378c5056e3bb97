"""The line drawings of attributes and values: their file, what it has, and that no two values look the same."""

import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from tests.support import ROOT
from tests.unit.wardrobe.test_generator import VALUES
from wardrobe.line_drawings import svg

FILE = ROOT / "static" / "details.svg"
MAX_BYTES = 25_000
SVG = "{http://www.w3.org/2000/svg}"
SIDE = 24


@pytest.fixture(scope="module")
def symbols() -> dict[str, ElementTree.Element]:
    """Return the symbols of the committed file by id."""
    return {symbol.attrib["id"]: symbol for symbol in ElementTree.parse(FILE).getroot()}


def points(data: str) -> list[tuple[float, float]]:
    """Return the ends of the lines and curves of a path."""
    ends, x, y = [], 0.0, 0.0
    for command, text in re.findall(r"([MlhvcC])([^a-zA-Z]*)", data):
        numbers = list(map(float, re.findall(r"-?(?:\d+\.?\d*|\.\d+)", text)))
        if command == "M":
            x, y = numbers
        elif command in "hv":
            x, y = x + numbers[0] * (command == "h"), y + numbers[0] * (command == "v")
        else:
            assert len(numbers) == {"l": 2, "c": 6}[command], data
            x, y = x + numbers[-2], y + numbers[-1]
        ends.append((x, y))
    return ends


def test_committed_file_is_the_one_that_is_drawn() -> None:
    assert FILE.read_text(encoding="utf-8") == svg(), "run `make drawings`"


def test_file_has_a_symbol_for_each_attribute_and_value(symbols: dict[str, ElementTree.Element]) -> None:
    names = {*VALUES, *(f"{key}-{value}" for key, values in VALUES.items() for value in values)}
    assert symbols.keys() == names
    assert len(list(ElementTree.parse(FILE).getroot())) == len(names)


def test_file_is_small_and_has_paths_alone(symbols: dict[str, ElementTree.Element]) -> None:
    assert FILE.stat().st_size <= MAX_BYTES
    for name, symbol in symbols.items():
        assert symbol.tag == f"{SVG}symbol" and symbol.attrib["viewBox"] == f"0 0 {SIDE} {SIDE}"
        for path in symbol:
            assert path.tag == f"{SVG}path" and len(path) == 0, name
            assert path.attrib.keys() <= {"d", "fill", "stroke-opacity"}, name


def test_lines_lie_within_the_grid(symbols: dict[str, ElementTree.Element]) -> None:
    for name, symbol in symbols.items():
        for path in symbol:
            assert all(0 <= side <= SIDE for point in points(path.attrib["d"]) for side in point), name


def test_values_of_an_attribute_look_different(symbols: dict[str, ElementTree.Element]) -> None:
    for key, values in VALUES.items():
        drawings = {ElementTree.tostring(symbols[f"{key}-{value}"]).partition(b">")[2] for value in values}
        assert len(drawings) == len(values), key


@pytest.mark.parametrize("key", ["skirt_length", "coat_length", "pant_length"])
def test_longer_values_are_drawn_longer(key: str, symbols: dict[str, ElementTree.Element]) -> None:
    hems = []
    for value in VALUES[key]:
        (cloth,) = (path for path in symbols[f"{key}-{value}"] if "fill" in path.attrib)
        hems.append(max(y for _, y in points(cloth.attrib["d"])))
    assert all(longer - shorter > 1 for shorter, longer in pairwise(hems)), hems
