"""Names of attributes and of their values in three languages, from names.yaml."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from rpf.attributes.text import compact, words

LANGUAGES = ("en", "vi", "zh")


class Meaning(NamedTuple):
    """An attribute, by its position in a vocabulary, and the wanted value of it; None where only it is named."""

    attribute: int
    value: int | None = None


@dataclass(frozen=True)
class Attribute:
    """One attribute with its names. `key` is spelled as in the collection."""

    key: str
    names: Mapping[str, str]
    synonyms: tuple[str, ...]
    group: str
    values: tuple[Mapping[str, str], ...] = ()  # names by language; value 0 is "not visible", which nobody wants
    value_synonyms: tuple[tuple[str, ...], ...] = ()
    parts: Mapping[str, str] = field(default_factory=dict)  # what the garment has or lacks, by language: "sleeves"
    alone: Mapping[int, Mapping[str, str]] = field(default_factory=dict)  # names of values that say of what they are
    meanings: Mapping[str, str] = field(default_factory=dict)  # what it is and where it is measured, by language
    beside: tuple[str, ...] = ()  # what the part is called only where a value is named, such as "neck" in "V neck"

    def name(self, language: str = "en") -> str:
        """Return the name in that language, else in English."""
        return self.names.get(language, self.names["en"])

    def value_name(self, value: int, language: str = "en") -> str:
        """Return the name of a value ("short sleeves"); "value 7" for an unknown one."""
        if 0 <= value < len(self.values):
            return self.values[value].get(language, self.values[value]["en"])
        word = _known()["value"]
        return f"{word.get(language, word['en'])} {value}"

    def part(self, language: str = "en") -> str:
        """Return what a garment has or lacks: "sleeves" of sleeve length; else the attribute's name."""
        name = self.name(language)
        return self.parts.get(language, name[:1].lower() + name[1:])

    def meaning(self, language: str = "en") -> str:
        """Return a sentence that says what it is and where it is measured; empty where there is none."""
        return self.meanings.get(language, self.meanings.get("en", ""))

    def told(self, value: int, language: str = "en") -> str:
        """Return a value's name that says of what it is, where nothing else does: "short skirt"."""
        name = self.alone.get(value, {}).get(language, self.value_name(value, language))
        return name if self.values else f"{self.name(language)}: {name}"

    def is_visible(self, value: int) -> bool:
        """Return whether a value says something: value 0 of the known tables is "not visible"."""
        return value > 0 or not self.values

    @property
    def all_names(self) -> tuple[str, ...]:
        return (self.key, *self.names.values(), *self.synonyms)

    def wanted_names(self) -> Iterator[tuple[int, tuple[str, ...]]]:
        """Yield each value that can be wanted, with all its names and synonyms."""
        for value in range(1, len(self.values)):
            yield value, (*self.values[value].values(), *self.value_synonyms[value])


def named(keys: Sequence[str]) -> tuple[Attribute, ...]:
    """Return the attributes with these keys, named by the known dataset that has most of them, else by any other."""
    wanted = {compact(key) for key in keys}
    families = sorted(_known()["families"].values(), key=lambda family: -len(wanted & family.keys()))
    return tuple(_attribute(key, families) for key in keys)


def group_name(group: str, language: str) -> str:
    """Return the name of a group of attributes in that language, else in English."""
    names: Mapping[str, str] = _known()["groups"][group]
    return names.get(language, names["en"])


@cache
def known_words() -> frozenset[str]:
    """Return words that are spelled right: those of all known attributes, and some others."""
    entries = [entry for family in _known()["families"].values() for entry in family.values()]
    texts = [text for entry in entries for text in (*entry["name"].values(), *entry["also"], *entry.get("beside", ()))]
    values = [value for entry in entries for value in entry.get("values", ())[1:]]
    texts += [text for value in values for text in (*(value[code] for code in LANGUAGES), *value.get("also", ()))]
    return frozenset(word for text in (*texts, *_known()["no_misspellings"]) for word in words(text))


@cache
def _known() -> dict[str, Any]:
    with (Path(__file__).parent / "names.yaml").open(encoding="utf-8") as file:
        known = yaml.safe_load(file)
    known["families"] = {
        family: {compact(key): entry for key, entry in entries.items()} for family, entries in known["families"].items()
    }
    return dict(known)


def _attribute(key: str, families: Iterable[Mapping[str, Any]]) -> Attribute:
    for family in families:
        if entry := family.get(compact(key)):
            values = entry.get("values", ())
            return Attribute(
                key,
                entry["name"],
                tuple(entry["also"]),
                entry["group"],
                tuple({language: value[language] for language in LANGUAGES} for value in values),
                tuple(tuple(value.get("also", ())) for value in values),
                entry.get("part", {}),
                entry.get("alone", {}),
                entry.get("means", {}),
                tuple(entry.get("beside", ())),
            )
    spoken = " ".join(re.sub(r"[_\-]+", " ", key).split()) or key
    return Attribute(key, {"en": spoken}, (), "other")
