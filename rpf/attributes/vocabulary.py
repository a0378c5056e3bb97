"""The vocabulary of a collection: its attributes in order, and a parser of texts that name them and their values."""

from collections.abc import Iterator, Sequence

from rpf.attributes.names import Attribute, Meaning, group_name, named
from rpf.attributes.phrases import PhraseIndex
from rpf.attributes.text import shorten
from rpf.errors import ConfigError, UnknownAttribute

MAX_TEXT_LENGTH = 1000  # characters
MAX_SUGGESTIONS = 4


class Vocabulary:
    """The attributes of one collection, in the collection's order. Immutable."""

    def __init__(self, keys: Sequence[str]) -> None:
        """Index the names of the attributes. Raises ConfigError if a key is empty or given twice."""
        if len(set(keys)) != len(keys) or not all(keys):
            raise ConfigError("Each attribute needs a name of its own: %(names)s.", names=", ".join(keys))
        self._attributes = named(keys)
        self._positions = {key: position for position, key in enumerate(keys)}
        self._phrases = PhraseIndex(self._attributes)

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
            raise self._unknown(key, "en")
        return self._positions[key]

    def groups(self, language: str = "en") -> list[tuple[str, list[Attribute]]]:
        """Return (group's name, its attributes) in the order in which groups first appear."""
        members: dict[str, list[Attribute]] = {}
        for attribute in self._attributes:
            members.setdefault(attribute.group, []).append(attribute)
        return [(group_name(group, language), attributes) for group, attributes in members.items()]

    def label(self, key: str, value: int | None = None, language: str = "en") -> str:
        """Return the name of an attribute or a value; "square (Collar)" where "square" could be another's too."""
        attribute = self[key]
        if value is None:
            return attribute.name(language)
        name = attribute.told(value, language) if attribute.values else attribute.value_name(value, language)
        clear = self._phrases.readings(name) == [[Meaning(self._positions[key], value)]]
        return name if clear else f"{name} ({attribute.name(language)})"

    def parse(self, text: str, language: str = "en") -> dict[str, int | None]:
        """Return the attributes that a text like "long sleeves; cổ áo sơ mi and 裙长" names, in its order.

        Each key has the wanted value, or None where only the attribute is named. Raises UnknownAttribute for a part
        that means nothing, or more than one thing, for two values of one attribute, and for a text that names none. Its
        params are `part`, `nearest` (names in `language`) and `suggestions`, (key, value or None), best first.
        """
        if len(text) > MAX_TEXT_LENGTH:
            raise UnknownAttribute(
                "The attributes may take up %(limit)d characters; these take %(length)d.",
                **self._params("", [], language),
                limit=MAX_TEXT_LENGTH,
                length=len(text),
            )
        wanted: dict[str, int | None] = {}
        for part in self._phrases.parts(text):
            for position, value in self._resolve(part, language):
                attribute = self._attributes[position]
                first = wanted.get(attribute.key)
                if first is not None and value not in (None, first):
                    raise UnknownAttribute(
                        "You name two values of %(name)s: %(nearest)s. Name one of them.",
                        **self._params(part, [Meaning(position, first), Meaning(position, value)], language),
                        name=attribute.name(language),
                    )
                wanted[attribute.key] = first if value is None else value
        if not wanted:
            raise UnknownAttribute(
                'Name at least one attribute, for example "%(example)s".',
                **self._params("", [], language),
                example="; ".join(attribute.name(language) for attribute in self._attributes[:2]),
            )
        return wanted

    def _resolve(self, part: str, language: str) -> list[Meaning]:
        """Return what a part of a text names. Raises UnknownAttribute."""
        if part in self._positions:
            return [Meaning(self._positions[part])]
        readings = self._phrases.readings(part)
        if not readings:
            raise self._unknown(part, language)
        if len(readings) > 1:
            raise UnknownAttribute(
                '"%(part)s" could mean %(nearest)s. Say which.',
                **self._params(part, [meaning for reading in readings for meaning in reading], language),
            )
        return readings[0]

    def _unknown(self, part: str, language: str) -> UnknownAttribute:
        if near := self._phrases.suggest(part):
            return UnknownAttribute(
                'We can\'t compare "%(part)s" yet. Did you mean %(nearest)s?', **self._params(part, near, language)
            )
        return UnknownAttribute(
            'We can\'t compare "%(part)s" yet. You can compare %(names)s.',
            **self._params(part, [], language),
            names=", ".join(attribute.name(language) for attribute in self._attributes),
        )

    def _params(self, part: str, near: Sequence[Meaning], language: str) -> dict[str, object]:
        suggestions = [(self._attributes[at].key, value) for at, value in near[:MAX_SUGGESTIONS]]
        nearest = ", ".join(self.label(key, value, language) for key, value in suggestions)
        return {"part": shorten(part), "nearest": nearest, "suggestions": suggestions}
