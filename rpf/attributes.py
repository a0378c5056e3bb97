"""The attributes of a collection: their names in three languages, and free text -> attributes.

What the known attributes are called stands in attributes.yaml; users' own attributes are named after their keys.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import yaml
from rapidfuzz.distance import OSA

from rpf.errors import ConfigError, UnknownAttribute

LANGUAGES = ("en", "vi", "zh")
MAX_TEXT = 1000

_CJK = "\u3400-\u9fff"
_SEPARATOR = re.compile(r"([;,+/&、\r\n\v\f\x85\u2028\u2029]|(?<!\w)(?:and|with|và|với|va|voi)(?!\w)|[和与])", re.I)
_SUGGESTIONS = 3


@dataclass(frozen=True)
class Attribute:
    """One attribute as people see it. `key` is spelled as the collection spells it."""

    key: str
    names: Mapping[str, str]
    synonyms: tuple[str, ...]
    group: str
    values: tuple[Mapping[str, str], ...]

    def name(self, language: str = "en") -> str:
        """The name in that language, else in English."""
        return self.names.get(language, self.names["en"])

    def value_name(self, value: int, language: str = "en") -> str:
        """What a value is called ("short sleeves"); "value 7" where we do not know."""
        if 0 <= value < len(self.values):
            return self.values[value].get(language, self.values[value]["en"])
        word = _known()["value"]
        return f"{word.get(language, word['en'])} {value}"


@dataclass(frozen=True)
class _Phrase:
    """Something that an attribute is called, or a part of it: the words, and all of them run together."""

    attribute: int
    words: frozenset[str]
    compact: str


class Vocabulary:
    """The attributes of one collection, in the collection's order. Immutable."""

    def __init__(self, keys: Sequence[str]) -> None:
        """Raises ConfigError if a key is empty or given twice."""
        if len(set(keys)) != len(keys) or not all(keys):
            raise ConfigError("Each attribute needs a name of its own: %(names)s.", names=", ".join(keys))
        families = _families(keys)
        self._attributes = tuple(_attribute(key, families) for key in keys)
        self._positions = {key: position for position, key in enumerate(keys)}
        self._names: dict[str, set[int]] = {}
        self._parts: dict[str, set[int]] = {}
        self._phrases: set[_Phrase] = set()
        self._compounds: set[tuple[str, ...]] = set()  # names with a separator in them ("texture and print"), split
        for position, attribute in enumerate(self._attributes):
            for called in (attribute.key, *attribute.names.values(), *attribute.synonyms):
                words = _words(called)
                self._names.setdefault("".join(words), set()).add(position)
                self._compounds.add(_comparable(_split(called)))
                for run in _runs(words):
                    self._parts.setdefault("".join(run), set()).add(position)
                    self._phrases.add(_Phrase(position, frozenset(run), "".join(run)))
        self._longest = max((len(pieces) for pieces in self._compounds), default=1)
        self._words = _common_words() | {word for phrase in self._phrases for word in phrase.words}

    def __len__(self) -> int:
        return len(self._attributes)

    def __iter__(self) -> Iterator[Attribute]:
        return iter(self._attributes)

    def __contains__(self, key: object) -> bool:
        return key in self._positions

    def __getitem__(self, key: str) -> Attribute:
        """The attribute with exactly this key. Raises UnknownAttribute."""
        return self._attributes[self.index(key)]

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(attribute.key for attribute in self._attributes)

    def index(self, key: str) -> int:
        """The attribute's place in the collection, from 0. Raises UnknownAttribute."""
        if key not in self._positions:
            raise self._unknown(key, "en")
        return self._positions[key]

    def groups(self, language: str = "en") -> list[tuple[str, list[Attribute]]]:
        """(the group's name, its attributes), in the order in which groups first appear."""
        members: dict[str, list[Attribute]] = {}
        for attribute in self._attributes:
            members.setdefault(attribute.group, []).append(attribute)
        names = _known()["groups"]
        return [(names[group].get(language, names[group]["en"]), found) for group, found in members.items()]

    def parse(self, text: str, language: str = "en") -> list[str]:
        """Keys of the attributes that a text such as "sleeves; cổ áo and 裙长" names, in its order, each once.

        Raises UnknownAttribute: a part that names no attribute, or more than one, or a text that names none. Its
        params `part`, `nearest` and `suggestions` (keys) say what was read and what may be meant; `language` is the
        one in which attributes are named there.
        """
        if len(text) > MAX_TEXT:
            template = "The attributes may take up %(limit)d characters; these take %(length)d."
            raise self._error(template, "", [], language, limit=MAX_TEXT, length=len(text))
        pieces = _split(text)
        found: dict[str, None] = {}
        start = 0
        while start < len(pieces):
            taken = self._compound_at(pieces, start)
            part = "".join(pieces[start : start + taken]).strip()
            if part:
                found[self._attributes[self._resolve(part, language)].key] = None
            start += taken + 1
        if not found:
            template = 'Name at least one attribute, for example "%(example)s".'
            example = "; ".join(attribute.name(language) for attribute in self._attributes[:2])
            raise self._error(template, "", [], language, example=example)
        return list(found)

    def _compound_at(self, pieces: Sequence[str], start: int) -> int:
        """How many pieces and separators from here are one name; 1 unless a name has separators in it."""
        for length in range(self._longest, 1, -2):
            if _comparable(pieces[start : start + length]) in self._compounds:
                return length
        return 1

    def _resolve(self, part: str, language: str) -> int:
        """The one attribute that this part of a text means."""
        if part in self._positions:
            return self._positions[part]
        words = _words(part)
        compact = "".join(words)
        meant = self._names.get(compact) or self._parts.get(compact) if compact else None
        if meant is None:
            near = self._misspelt(words)
            if len(near) != 1:
                raise self._unknown(part, language, near)
            return near[0]
        if len(meant) > 1:
            template = '"%(part)s" could mean %(nearest)s. Say which.'
            raise self._error(template, part, sorted(meant), language)
        return next(iter(meant))

    def _misspelt(self, words: Sequence[str]) -> list[int]:
        """Attributes of which the words may be a misspelling: one when it is clearly nearest, else all in question.

        A word that is known is no misspelling, so what is meant must contain it: "shirt length" is not "skirt
        length", and "độ dài váy" is not "độ dài tay" where there are no skirts.
        """
        compact = "".join(words)
        allowed = 0 if len(compact) < 5 else 1 if len(compact) < 9 else 2 if len(compact) < 15 else 3
        correct = self._words.intersection(words)
        nearest: dict[int, int] = {}
        for phrase in self._phrases:
            limit = min(2 * allowed, nearest.get(phrase.attribute, 2 * allowed))
            if allowed and len(phrase.compact) >= 5 and correct <= phrase.words:
                distance = OSA.distance(compact, phrase.compact, score_cutoff=limit)
                if distance <= limit:
                    nearest[phrase.attribute] = distance
        best = min(nearest.values(), default=allowed + 1)
        if best > allowed:
            return []
        return sorted(position for position, distance in nearest.items() if distance < 2 * best)

    def _unknown(self, part: str, language: str, near: Sequence[int] = ()) -> UnknownAttribute:
        near = near or self._similar("".join(_words(part)))
        if near:
            template = '"%(part)s" is not an attribute here. Did you mean %(nearest)s?'
            return self._error(template, part, near, language)
        template = '"%(part)s" is not an attribute here. The attributes are %(names)s.'
        names = ", ".join(attribute.name(language) for attribute in self._attributes)
        return self._error(template, part, [], language, names=names)

    def _similar(self, compact: str) -> list[int]:
        """Up to three attributes that look somewhat like it, best first; too far off to be taken for meant."""
        likeness: dict[int, float] = {}
        for phrase in self._phrases:
            # Short words without meaning of their own ("co", "ke") resemble too much; Chinese ones are dense.
            if len(phrase.compact) >= 5 or not phrase.compact.isascii():
                alike = OSA.normalized_similarity(compact, phrase.compact)
                likeness[phrase.attribute] = max(alike, likeness.get(phrase.attribute, 0.0))
        floor = max(0.55, max(likeness.values(), default=0.0) - 0.15)
        alike_enough = [position for position in likeness if likeness[position] >= floor]
        return sorted(alike_enough, key=lambda position: (-likeness[position], position))[:_SUGGESTIONS]

    def _error(
        self, template: str, part: str, near: Iterable[int], language: str, **params: object
    ) -> UnknownAttribute:
        attributes = [self._attributes[position] for position in near]
        return UnknownAttribute(
            template,
            part=_shown(part),
            nearest=", ".join(attribute.name(language) for attribute in attributes),
            suggestions=[attribute.key for attribute in attributes],
            **params,
        )


def is_missing(presence: npt.NDArray[np.floating]) -> npt.NDArray[np.bool_]:
    """Return of which parts garments have none at all, from presence probabilities of any shape: below one half.

    NaN, and whatever else is not a number from 0 to 1, is unknown, and the part counts as present.
    """
    missing: npt.NDArray[np.bool_] = (presence >= 0) & (presence < 0.5)
    return missing


def present_attributes(keys: Sequence[str], presence: npt.NDArray[np.floating] | None) -> frozenset[str] | None:
    """Return those of the A attributes whose part a garment has, from (A,) probabilities; None where unknown."""
    if presence is None:
        return None
    return frozenset(key for key, missing in zip(keys, is_missing(presence), strict=True) if not missing)


@cache
def _known() -> dict[str, Any]:
    with (Path(__file__).parent / "attributes.yaml").open(encoding="utf-8") as file:
        known = yaml.safe_load(file)
    known["families"] = {
        family: {"".join(_words(key)): entry for key, entry in entries.items()}
        for family, entries in known["families"].items()
    }
    return dict(known)


@cache
def _common_words() -> frozenset[str]:
    """Words that are spelled right: those of all known attributes, in this collection or not, and some others."""
    entries = [entry for family in _known()["families"].values() for entry in family.values()]
    texts = [text for entry in entries for text in (*entry["name"].values(), *entry["also"])]
    return frozenset(word for text in (*texts, *_known()["no_misspellings"]) for word in _words(text))


def _families(keys: Sequence[str]) -> list[dict[str, Any]]:
    """The known datasets, the one that has most of these keys first."""
    wanted = {"".join(_words(key)) for key in keys}
    return sorted(_known()["families"].values(), key=lambda family: -len(wanted & family.keys()))


def _attribute(key: str, families: Iterable[Mapping[str, Any]]) -> Attribute:
    compact = "".join(_words(key))
    for family in families:
        if compact in family:
            entry = family[compact]
            return Attribute(key, entry["name"], tuple(entry["also"]), entry["group"], tuple(entry.get("values", ())))
    spoken = " ".join(re.sub(r"[_\-]+", " ", key).split()) or key
    return Attribute(key, {"en": spoken}, (), "other", ())


def _split(text: str) -> list[str]:
    """Pieces and the separators between them, in turn. NFKC turns full-width separators into plain ones."""
    return _SEPARATOR.split(unicodedata.normalize("NFKC", text))


def _comparable(pieces: Iterable[str]) -> tuple[str, ...]:
    return tuple("".join(_words(piece)) or piece.strip() for piece in pieces)


def _words(text: str) -> list[str]:
    """Lower-case words without accents and plural s: "Độ-dài  TAY" -> ["do", "dai", "tay"]."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold()).replace("đ", "d")
    plain = "".join(character for character in plain if not unicodedata.combining(character))
    return [re.sub(r"(?<=\w{3}[^s])s$", "", word) for word in re.findall(r"[^\W_]+", plain)]


def _runs(words: Sequence[str]) -> Iterator[Sequence[str]]:
    """All runs of neighbouring words; of a word in Chinese characters, all runs of characters."""
    for start in range(len(words)):
        for end in range(start + 1, len(words) + 1):
            yield words[start:end]
    for word in words:
        if re.search(f"[{_CJK}]", word):
            for start in range(len(word)):
                for end in range(start + 1, len(word) + 1):
                    yield (word[start:end],)


def _shown(part: str) -> str:
    """What was read, fit to be shown: of one line, printable, not too long."""
    printable = "".join(character if character.isprintable() else " " for character in part)
    line = " ".join(printable.split())
    return line if len(line) <= 60 else line[:59] + "…"
