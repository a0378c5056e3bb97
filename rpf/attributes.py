"""Attributes of a collection: their names in three languages, and a parser of texts that name them.

attribute_names.yaml has the names of the known attributes; other attributes are named after their keys.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from rapidfuzz import process
from rapidfuzz.distance import OSA

from rpf.errors import ConfigError, UnknownAttribute

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

LANGUAGES = ("en", "vi", "zh")
MAX_TEXT_LENGTH = 1000  # characters
MAX_SUGGESTIONS = 3
MIN_FUZZY_LENGTH = 5  # letters; shorter names must be spelled right
DISTANCE_LENGTHS = (5, 9, 15)  # letters from which on 1, 2, 3 edits are taken for a misspelling
MIN_SIMILARITY = 0.55  # of a name that is suggested, 1 - edits / letters
MISSING_BELOW = 0.5  # probability of having a part
SIMILARITY_SPREAD = 0.15  # below the most similar name, for others to be suggested beside it
_SEPARATOR = re.compile(r"([;,+/&、\r\n\v\f\x85\u2028\u2029]|(?<!\w)(?:and|with|và|với|va|voi)(?!\w)|[和与])", re.I)


@dataclass(frozen=True)
class Attribute:
    """One attribute with its names. `key` is spelled as in the collection."""

    key: str
    names: Mapping[str, str]
    synonyms: tuple[str, ...]
    group: str
    values: tuple[Mapping[str, str], ...]

    def name(self, language: str = "en") -> str:
        """Return the name in that language, else in English."""
        return self.names.get(language, self.names["en"])

    def value_name(self, value: int, language: str = "en") -> str:
        """Return the name of a value ("short sleeves"); "value 7" for an unknown one."""
        if 0 <= value < len(self.values):
            return self.values[value].get(language, self.values[value]["en"])
        word = _known()["value"]
        return f"{word.get(language, word['en'])} {value}"


@dataclass(frozen=True)
class _Phrase:
    """A name of an attribute, or a part of one: the words, and all of them joined."""

    attribute: int
    words: frozenset[str]
    compact: str


class Vocabulary:
    """The attributes of one collection, in the collection's order. Immutable."""

    def __init__(self, keys: Sequence[str]) -> None:
        """Index the names of the attributes. Raises ConfigError if a key is empty or given twice."""
        if len(set(keys)) != len(keys) or not all(keys):
            raise ConfigError("Each attribute needs a name of its own: %(names)s.", names=", ".join(keys))
        families = _families(keys)
        self._attributes = tuple(_attribute(key, families) for key in keys)
        self._positions = {key: position for position, key in enumerate(keys)}
        self._names: dict[str, set[int]] = {}
        self._parts: dict[str, set[int]] = {}
        phrases: dict[_Phrase, None] = {}
        self._compounds: set[tuple[str, ...]] = set()  # names with a separator in them ("texture and print"), split
        for position, attribute in enumerate(self._attributes):
            for called in (attribute.key, *attribute.names.values(), *attribute.synonyms):
                words = _words(called)
                self._names.setdefault("".join(words), set()).add(position)
                self._compounds.add(_comparable(_split(called)))
                for run in _runs(words):
                    self._parts.setdefault("".join(run), set()).add(position)
                    phrases[_Phrase(position, frozenset(run), "".join(run))] = None
        self._longest = max((len(pieces) for pieces in self._compounds), default=1)
        self._words = _common_words() | {word for phrase in phrases for word in phrase.words}
        # Short words without a meaning ("co", "ke") resemble too much; Chinese ones are dense.
        self._phrases = [p for p in phrases if len(p.compact) >= MIN_FUZZY_LENGTH or not p.compact.isascii()]

    def __len__(self) -> int:
        return len(self._attributes)

    def __iter__(self) -> Iterator[Attribute]:
        return iter(self._attributes)

    def __contains__(self, key: object) -> bool:
        return key in self._positions

    def __getitem__(self, key: str) -> Attribute:
        """Return the attribute with exactly this key. Raises UnknownAttribute."""
        return self._attributes[self.index(key)]

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(attribute.key for attribute in self._attributes)

    def index(self, key: str) -> int:
        """Return the attribute's position in the collection, from 0. Raises UnknownAttribute."""
        if key not in self._positions:
            raise self._unknown(key, "en", self._compare(_words(key))[1])
        return self._positions[key]

    def groups(self, language: str = "en") -> list[tuple[str, list[Attribute]]]:
        """Return (group's name, its attributes) in the order in which groups first appear."""
        members: dict[str, list[Attribute]] = {}
        for attribute in self._attributes:
            members.setdefault(attribute.group, []).append(attribute)
        names = _known()["groups"]
        return [(names[group].get(language, names[group]["en"]), attributes) for group, attributes in members.items()]

    def parse(self, text: str, language: str = "en") -> list[str]:
        """Return the keys of the attributes that a text like "sleeves; cổ áo and 裙长" names, in its order, each once.

        Raises UnknownAttribute for a part that names no attribute, or more than one, and for a text that names none.
        Its params are `part`, `nearest` (names in `language`) and `suggestions` (keys).
        """
        if len(text) > MAX_TEXT_LENGTH:
            template = "The attributes may take up %(limit)d characters; these take %(length)d."
            raise self._error(template, "", [], language, limit=MAX_TEXT_LENGTH, length=len(text))
        pieces = _split(text)
        keys: dict[str, None] = {}
        start = 0
        while start < len(pieces):
            length = self._compound_at(pieces, start)
            part = "".join(pieces[start : start + length]).strip()
            if part:
                keys[self._attributes[self._resolve(part, language)].key] = None
            start += length + 1
        if not keys:
            template = 'Name at least one attribute, for example "%(example)s".'
            example = "; ".join(attribute.name(language) for attribute in self._attributes[:2])
            raise self._error(template, "", [], language, example=example)
        return list(keys)

    def _compound_at(self, pieces: Sequence[str], start: int) -> int:
        """Count the pieces and separators from `start` that are one name; 1 unless a name has separators in it."""
        for length in range(self._longest, 1, -2):
            if _comparable(pieces[start : start + length]) in self._compounds:
                return length
        return 1

    def _resolve(self, part: str, language: str) -> int:
        """Return the one attribute that a part of a text means. Raises UnknownAttribute."""
        if part in self._positions:
            return self._positions[part]
        words = _words(part)
        compact = "".join(words)
        meant = self._names.get(compact) or self._parts.get(compact) if compact else None
        if meant is None:
            misspelled, similar = self._compare(words)
            if len(misspelled) != 1:
                raise self._unknown(part, language, misspelled or similar)
            return misspelled[0]
        if len(meant) > 1:
            template = '"%(part)s" could mean %(nearest)s. Say which.'
            raise self._error(template, part, sorted(meant), language)
        return min(meant)

    def _compare(self, words: Sequence[str]) -> tuple[list[int], list[int]]:
        """Return the attributes that the words may misspell, and up to three similar ones to suggest, best first.

        The former are one attribute where it is clearly nearest, else all in question. A word that is spelled right is
        no misspelling, so that a phrase must contain it: "shirt length" is not "skirt length", and "độ dài váy" is not
        "độ dài tay" where there are no skirts.
        """
        compact = "".join(words)
        max_distance = sum(len(compact) >= length for length in DISTANCE_LENGTHS)
        correct = self._words.intersection(words)
        distances: dict[int, int] = {}
        similarities: dict[int, float] = {}
        choices = [phrase.compact for phrase in self._phrases]
        for _, distance, position in process.extract(compact, choices, scorer=OSA.distance, limit=None):
            phrase = self._phrases[position]
            similarity = 1 - distance / max(len(compact), len(phrase.compact))
            similarities[phrase.attribute] = max(similarity, similarities.get(phrase.attribute, 0.0))
            if len(phrase.compact) >= MIN_FUZZY_LENGTH and correct <= phrase.words:
                distances[phrase.attribute] = min(distance, distances.get(phrase.attribute, distance))
        nearest = min(distances.values(), default=max_distance + 1)
        floor = max(MIN_SIMILARITY, max(similarities.values(), default=0.0) - SIMILARITY_SPREAD)
        similar = sorted(
            (position for position in similarities if similarities[position] >= floor),
            key=lambda position: (-similarities[position], position),
        )[:MAX_SUGGESTIONS]
        if nearest > max_distance:
            return [], similar
        return sorted(at for at, distance in distances.items() if distance < 2 * nearest), similar

    def _unknown(self, part: str, language: str, near: Sequence[int]) -> UnknownAttribute:
        if near:
            template = '"%(part)s" is not an attribute here. Did you mean %(nearest)s?'
            return self._error(template, part, near, language)
        template = '"%(part)s" is not an attribute here. The attributes are %(names)s.'
        names = ", ".join(attribute.name(language) for attribute in self._attributes)
        return self._error(template, part, [], language, names=names)

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


def is_missing(presence: "npt.NDArray[np.floating]") -> "npt.NDArray[np.bool_]":
    """Tell which parts are missing rather than present, from presence probabilities of any shape."""
    return presence < MISSING_BELOW


@cache
def _known() -> dict[str, Any]:
    with (Path(__file__).parent / "attribute_names.yaml").open(encoding="utf-8") as file:
        known = yaml.safe_load(file)
    known["families"] = {
        family: {"".join(_words(key)): entry for key, entry in entries.items()}
        for family, entries in known["families"].items()
    }
    return dict(known)


@cache
def _common_words() -> frozenset[str]:
    """Return words that are spelled right: those of all known attributes, and some others."""
    entries = [entry for family in _known()["families"].values() for entry in family.values()]
    texts = [text for entry in entries for text in (*entry["name"].values(), *entry["also"])]
    return frozenset(word for text in (*texts, *_known()["no_misspellings"]) for word in _words(text))


def _families(keys: Sequence[str]) -> list[dict[str, Any]]:
    """Return the known datasets, the one with most of these keys first."""
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
    """Split a text into pieces and the separators between them. NFKC makes full-width separators plain."""
    return _SEPARATOR.split(unicodedata.normalize("NFKC", text))


def _comparable(pieces: Iterable[str]) -> tuple[str, ...]:
    return tuple("".join(_words(piece)) or piece.strip() for piece in pieces)


def _words(text: str) -> list[str]:
    """Split a text into lower-case words without accents and plural s: "Độ-dài  TAY" -> ["do", "dai", "tay"]."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold()).replace("đ", "d")
    plain = "".join(character for character in plain if not unicodedata.combining(character))
    return [re.sub(r"(?<=\w{3}[^s])s$", "", word) for word in re.findall(r"[^\W_]+", plain)]


def _runs(words: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield all runs of neighbouring words; of a word in Chinese characters, all runs of characters."""
    yield from (words[start:end] for start, end in combinations(range(len(words) + 1), 2))
    for word in words:
        if re.search("[\u3400-\u9fff]", word):
            yield from ((word[start:end],) for start, end in combinations(range(len(word) + 1), 2))


def _shown(part: str) -> str:
    """Shorten a text to one printable line."""
    printable = "".join(character if character.isprintable() else " " for character in part)
    line = " ".join(printable.split())
    return line if len(line) <= 60 else line[:59] + "…"
