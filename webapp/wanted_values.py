"""Wanted values and filters in a request of the JSON API: attributes and values by name or by number."""

from collections.abc import Mapping, Sequence

from rpf.attributes import Attribute, Vocabulary
from rpf.attributes.text import shorten
from rpf.engine import Filters, ValueFilter
from rpf.errors import UnknownAttribute
from webapp.middleware.request_body import InvalidField

MAX_DIGITS = 4  # of the number of a value


def read_values(vocabulary: Vocabulary, values: Mapping[str, str | int]) -> dict[str, int]:
    """Return the wanted value of each attribute key. Raises InvalidField."""
    wanted: dict[str, int] = {}
    for name, value in values.items():
        attribute = _attribute("values", vocabulary, name, wanted)
        wanted[attribute.key] = _value("values", vocabulary, attribute, value)
    return wanted


def read_filters(
    vocabulary: Vocabulary, filters: Mapping[str, str | int | Sequence[str | int]], minimal: float
) -> Filters:
    """Return the filter of each attribute key. Raises InvalidField."""
    wanted: dict[str, ValueFilter] = {}
    for name, values in filters.items():
        attribute = _attribute("filters", vocabulary, name, wanted)
        several = [values] if isinstance(values, str | int) else values
        if not several:
            raise InvalidField("filters", "Name at least one value of %(name)s.", name=attribute.name())
        chosen = frozenset(_value("filters", vocabulary, attribute, value) for value in several)
        wanted[attribute.key] = ValueFilter(chosen, minimal)
    return wanted


def _attribute(field: str, vocabulary: Vocabulary, name: str, others: Mapping[str, object]) -> Attribute:
    """Return the attribute with this key or name, which is not among the others."""
    wanted = {name: None} if name in vocabulary else _parse(vocabulary, name)
    keys = [key for key, value in wanted.items() if value is None]
    if len(wanted) != 1 or not keys:
        names = ", ".join(attribute.key for attribute in vocabulary)
        raise InvalidField(
            field, '"%(name)s" is not an attribute; there are %(names)s.', name=shorten(name), names=names
        )
    if keys[0] in others:
        raise InvalidField(field, '"%(name)s" names an attribute a second time.', name=shorten(name))
    return vocabulary[keys[0]]


def _parse(vocabulary: Vocabulary, text: str) -> dict[str, int | None]:
    """Parse a text; nothing where it is unclear."""
    try:
        return vocabulary.parse(text)
    except UnknownAttribute:
        return {}


def _value(field: str, vocabulary: Vocabulary, attribute: Attribute, value: str | int) -> int:
    """Return a value of the attribute by its number or name. Raises InvalidField."""
    text = str(value).strip()
    if text.isascii() and text.isdecimal() and len(text) <= MAX_DIGITS:
        number = int(text)
        if not attribute.values or 0 < number < len(attribute.values):
            return number
    elif isinstance(value, str):
        for meant in (value, f"{attribute.name()}: {value}"):  # "long skirt", and "long"
            wanted = _parse(vocabulary, meant)
            if list(wanted) == [attribute.key] and (known := wanted[attribute.key]) is not None:
                return known
    raise InvalidField(
        field, '"%(value)s" is not a value of %(name)s; there are %(names)s.',
        value=shorten(str(value)), name=attribute.name().lower(),
        names=", ".join(attribute.value_name(value) for value, _ in attribute.wanted_names()) or "numbers",
    )  # fmt: skip
