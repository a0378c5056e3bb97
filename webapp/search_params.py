"""What a person asks: the picture and the weights, as they stand in an address."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import NotFound

from rpf.attributes import Vocabulary
from rpf.engine import Query, SearchRequest
from rpf.errors import QueryError
from webapp import extensions
from webapp.i18n import language

MAX_WEIGHT = 3.0


@dataclass(frozen=True)
class Ask:
    """One search: an item of the collection or an upload, and the chosen attributes with their weights.

    Garments that lack a chosen part come last, unless they are to be `mixed` with the others.
    """

    item: int | None
    upload: str | None
    weights: Mapping[str, float]
    mixed: bool = False

    @classmethod
    def from_args(cls, args: "MultiDict[str, str]", vocabulary: Vocabulary) -> "Ask":
        """Read an address. Attributes come in the collection's order.

        NotFound where it names no picture; UnknownAttribute, QueryError for a weight that is no number from 0 to 3.
        """
        chosen: set[str] = set()
        for text in filter(None, args.getlist("a")):
            chosen.update([text] if text in vocabulary else vocabulary.parse(text, language()))
        weights = {key: _weight(args, key) for key in vocabulary.keys if key in chosen}
        return cls(*_picture(args), weights, _mixed(args))

    @classmethod
    def without_weights(cls, args: "MultiDict[str, str]", vocabulary: Vocabulary) -> "Ask":
        """What can be read of an address that `from_args` refuses. NotFound where it names no picture."""
        ticked = args.getlist("a")
        return cls(*_picture(args), {key: 1.0 for key in vocabulary.keys if key in ticked}, _mixed(args))

    def request(self, query: Query, k: int, offset: int = 0) -> SearchRequest:
        """Return the same search for the engine. Raises QueryError where no attribute counts."""
        return SearchRequest(query, self.weights, k, offset, missing_last=not self.mixed)

    def args(self) -> dict[str, Any]:
        """The same as arguments of `url_for`; weights of 1 go without saying, and so does what is not mixed."""
        picture: dict[str, object] = {"upload": self.upload} if self.item is None else {"item": self.item}
        weights = {f"w-{key}": f"{weight:g}" for key, weight in self.weights.items() if weight != 1.0}
        return {**picture, "a": list(self.weights), **weights, **({"mixed": 1} if self.mixed else {})}

    def args_for(self, item: int) -> dict[str, Any]:
        """The same search with an item of the collection in the place of the picture."""
        return replace(self, item=item, upload=None).args()

    def args_by(self, keys: Iterable[str]) -> dict[str, Any]:
        """The same search by other attributes."""
        return replace(self, weights={key: self.weights.get(key) or 1.0 for key in keys}).args()


def keep(data: bytes, keys: Iterable[str]) -> str:
    """Keep a new picture, embedded already for these attributes; its digest. BadImage, Overloaded: nothing is kept."""
    extensions.engine().embed(data, keys)
    return extensions.uploads().save(data)


def find(name: str, ask: Ask) -> Query:
    """The picture, embedded for the attributes that count. UnknownItem, UploadExpired, Overloaded."""
    engine = extensions.engine()
    if ask.item is not None:
        return engine.query_item(name, ask.item)
    data = extensions.uploads().read(ask.upload or "")  # first, because what has expired is not to be remembered either
    return engine.embed(data, [key for key, weight in ask.weights.items() if weight > 0], digest=ask.upload)


def _picture(args: "MultiDict[str, str]") -> tuple[int | None, str | None]:
    item, upload = args.get("item", type=int), args.get("upload")
    if item is None and not upload:
        raise NotFound
    return item, upload if item is None else None


def _mixed(args: "MultiDict[str, str]") -> bool:
    return args.get("mixed") == "1"


def _weight(args: "MultiDict[str, str]", key: str) -> float:
    text = args.get(f"w-{key}", "1")
    try:
        weight = float(text)
    except ValueError:
        weight = math.nan
    if not 0.0 <= weight <= MAX_WEIGHT:
        raise QueryError('A weight is a number from 0 to %(most)g, not "%(text)s".', most=MAX_WEIGHT, text=text)
    return weight
