"""Picks in an address: further pictures of a search, pictures to keep away from, and items to compare."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from werkzeug.datastructures import MultiDict

from rpf.engine import MAX_PICTURES, Example, Query
from rpf.errors import QueryError
from webapp import extensions
from webapp.pictures import Picture

MAX_COMPARED = 4  # items side by side
Kind = Literal["also", "unlike", "compared"]
KINDS: tuple[Kind, ...] = get_args(Kind)
LIMITS: Mapping[Kind, int] = {"also": MAX_PICTURES - 1, "unlike": MAX_PICTURES, "compared": MAX_COMPARED}


@dataclass(frozen=True)
class Pick:
    """A further picture of a search, for some details or for all that no picture is named for."""

    picture: Picture
    keys: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Pick":
        """Read "item:12;crop=0,0,1,0.5;turn=90;a=sleeve_length,collar_design". Raises QueryError."""
        source, *options = text.split(";")
        kind, _, value = source.partition(":")
        facts = dict(option.partition("=")[::2] for option in options)
        picture = Picture.parse({kind: value, **facts})
        if picture is None or kind not in ("item", "upload"):
            raise QueryError('A further picture is item:ID or upload:ID, not "%(text)s".', text=text)
        return cls(picture, tuple(filter(None, facts.get("a", "").split(","))))

    def __str__(self) -> str:
        """Return the text that `parse` reads."""
        (kind, value), *facts = self.picture.args().items()
        options = [f"{key}={fact}" for key, fact in facts] + ([f"a={','.join(self.keys)}"] if self.keys else [])
        return ";".join([f"{kind}:{value}", *options])


@dataclass(frozen=True)
class Picks:
    """What was picked beside the picture of a search."""

    also: tuple[Pick, ...] = ()  # further examples
    unlike: tuple[Pick, ...] = ()  # what the results should not be like
    compared: tuple[Pick, ...] = ()  # items to be seen side by side

    @classmethod
    def parse(cls, args: "MultiDict[str, str]") -> "Picks":
        """Read the picks in an address, each once. Raises QueryError."""
        also, unlike, compared = (map(Pick.parse, args.getlist(kind)) for kind in ("also", "unlike", "compared"))
        picks = cls(_once(also), _once(unlike), _once(compared)[:MAX_COMPARED])
        if any(len(getattr(picks, kind)) > limit for kind, limit in LIMITS.items()):
            raise QueryError("A search has up to %(most)d pictures.", most=MAX_PICTURES)
        return picks

    def args(self) -> dict[str, list[str]]:
        """Return the picks as arguments of `url_for`."""
        kinds = {"also": self.also, "unlike": self.unlike, "compared": self.compared}
        return {kind: list(map(str, picks)) for kind, picks in kinds.items() if picks}

    def adding(self, kind: Kind, picture: Picture) -> "Picks":
        """Return the picks with one more picture."""
        return self._with(kind, (*getattr(self, kind), Pick(picture)))

    def without(self, kind: Kind, pick: Pick) -> "Picks":
        """Return the picks without one."""
        return self._with(kind, (one for one in getattr(self, kind) if one != pick))

    def find(self, kind: Kind, item: int) -> Pick | None:
        """Return the pick of a whole item; None where it is not picked."""
        return next((pick for pick in getattr(self, kind) if pick.picture == Picture(item)), None)

    def is_full(self, kind: Kind) -> bool:
        """Return whether no more pictures can be picked."""
        return len(getattr(self, kind)) >= LIMITS[kind]

    @property
    def excluded(self) -> frozenset[int]:
        """Return the items that the results should not be like, and so are not among them."""
        return frozenset(pick.picture.item for pick in self.unlike if pick.picture.item is not None)

    def replacing(self, kind: Kind, pick: Pick, other: Pick) -> "Picks":
        """Return the picks with one in the place of another."""
        return self._with(kind, (other if one == pick else one for one in getattr(self, kind)))

    def _with(self, kind: Kind, picks: Iterable[Pick]) -> "Picks":
        changes: dict[str, Any] = {kind: _once(picks)}
        return replace(self, **changes)

    def combine(self, name: str, picture: Picture) -> Query:
        """Embed the pictures of a search, and make one query of them. Raises as `Picture.query`."""
        others = [
            Example(pick.picture.query(name), pick.keys, away)
            for picks, away in ((self.also, False), (self.unlike, True))
            for pick in picks
        ]
        return extensions.engine_loader.engine.combine(picture.query(name), others)


NO_PICKS = Picks()


def _once(picks: Iterable[Pick]) -> tuple[Pick, ...]:
    return tuple(dict.fromkeys(picks))
