"""What a person asks: the picture and the weights, as they stand in an address; and the pictures' embeddings."""

import math
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any

from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import NotFound

from rpf.attributes import Vocabulary
from rpf.engine import Query, SearchEngine
from rpf.errors import QueryError
from webapp.i18n import language
from webapp.uploads import Uploads

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


class Queries:
    """Pictures people search with: kept as uploads, embedded once, the last few embeddings remembered."""

    def __init__(self, uploads: Uploads, remembered: int = 128) -> None:
        self.uploads = uploads
        self.remembered = remembered
        self._queries: OrderedDict[str, Query] = OrderedDict()
        self._lock = Lock()

    def add(self, engine: SearchEngine, data: bytes) -> str:
        """Embed and keep a new picture; its digest. BadImage: then nothing is kept."""
        query = engine.embed(data)
        digest = self.uploads.save(data)
        self._remember(digest, query)
        return digest

    def find(self, engine: SearchEngine, name: str, ask: Ask) -> Query:
        """The picture's embedding. UnknownItem; UploadExpired."""
        if ask.item is not None:
            return engine.query_item(name, ask.item)
        digest = ask.upload or ""
        data = self.uploads.read(digest)  # first, because what has expired is not to be remembered either
        with self._lock:
            query = self._queries.get(digest)
        if query is None:
            query = engine.embed(data)
        self._remember(digest, query)
        return query

    def _remember(self, digest: str, query: Query) -> None:
        with self._lock:
            self._queries[digest] = query
            self._queries.move_to_end(digest)
            while len(self._queries) > self.remembered:
                self._queries.popitem(last=False)


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
