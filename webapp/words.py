"""Search in words: the details and values that a text names, and what to search for where it cannot be read."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from flask_babel import gettext

from rpf.attributes import Vocabulary
from rpf.errors import UnknownAttribute
from webapp.i18n import language, message

Values = Mapping[str, Sequence[int]]  # that can be wanted, by attribute


@dataclass(frozen=True)
class Words:
    """What a text names, or what is wrong with it."""

    chosen: Mapping[str, int | None]  # attribute -> wanted value, None where it is only named
    problem: str = ""
    instead: Sequence[str] = ()  # texts that can be read
    is_unknown: bool = False  # a part of it is not understood, or means several things


def read_words(vocabulary: Vocabulary, text: str, values: Values, needs_values: bool) -> Words:
    """Read a text. needs_values: whether each detail in it needs a value, because there is no picture that has one."""
    if not text.strip():
        return Words({})
    try:
        chosen = vocabulary.parse(text, language())
    except UnknownAttribute as error:
        return Words({}, message(error), _corrections(vocabulary, text, error, values, needs_values), True)
    open_key = next((key for key, value in chosen.items() if value is None), None) if needs_values else None
    if open_key is None:
        return Words(chosen)
    detail = vocabulary[open_key].name(language())
    texts = [_text(vocabulary, {**chosen, open_key: value}) for value in values.get(open_key, ())]
    return Words({}, gettext("%(detail)s: which one? Pick it here, or choose a photo.", detail=detail), texts)


def _corrections(
    vocabulary: Vocabulary, text: str, error: UnknownAttribute, values: Values, needs_values: bool
) -> list[str]:
    """Return the text with the part that is not understood replaced by each suggestion, and without it."""
    part, suggestions = str(error.params["part"]), error.params["suggestions"]
    if not part or part not in text or not isinstance(suggestions, list):
        return []
    if needs_values:
        each = [[(key, value)] if value is not None else [(key, one) for one in values.get(key, ())]
                for key, value in suggestions]  # fmt: skip
        suggestions = [suggestion for of_one in each for suggestion in of_one]
    instead = [text.replace(part, vocabulary.label(key, value, language()), 1) for key, value in suggestions]
    with suppress(UnknownAttribute):  # what is left may be a search
        rest = vocabulary.parse(text.replace(part, "", 1), language())
        if not needs_values or None not in rest.values():
            instead.append(_text(vocabulary, rest))
    return list(dict.fromkeys(instead))


def _text(vocabulary: Vocabulary, chosen: Mapping[str, int | None]) -> str:
    return "; ".join(vocabulary.label(key, value, language()) for key, value in chosen.items())
