"""Search parameters in the address of a results page, and the one path from a request to results."""

import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from flask import g
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import NotFound

from rpf.attributes import Vocabulary
from rpf.engine import Query, Results, SearchRequest
from rpf.errors import QueryError
from webapp import extensions
from webapp.i18n import language

MAX_WEIGHT = 3.0


@dataclass(frozen=True)
class SearchParams:
    """Search in an address: an item of the collection or an upload, and the chosen attributes with their weights."""

    item: int | None
    upload: str | None
    weights: Mapping[str, float]

    @classmethod
    def parse(cls, args: "MultiDict[str, str]", vocabulary: Vocabulary) -> "SearchParams":
        """Parse an address. Attributes come in the collection's order.

        Raises NotFound where it names no image, UnknownAttribute, and QueryError for a weight out of range.
        """
        params = cls.parse_known(args, vocabulary)
        chosen = set(params.weights)
        for text in filter(None, args.getlist("a")):
            if text not in vocabulary:
                chosen.update(vocabulary.parse(text, language()))
        return replace(params, weights={key: _weight(args, key) for key in vocabulary.keys if key in chosen})

    @classmethod
    def parse_known(cls, args: "MultiDict[str, str]", vocabulary: Vocabulary) -> "SearchParams":
        """Parse the attribute keys in an address, all with weight 1. Raises NotFound where it names no image."""
        item, upload = args.get("item", type=int), args.get("upload")
        if item is None and not upload:
            raise NotFound
        weights = {key: 1.0 for key in vocabulary.keys if key in args.getlist("a")}
        return cls(item, upload if item is None else None, weights)

    def args(self) -> dict[str, Any]:
        """Return the arguments of `url_for`; weights of 1 are left out."""
        image: dict[str, object] = {"upload": self.upload} if self.item is None else {"item": self.item}
        weights = {f"w-{key}": f"{weight:g}" for key, weight in self.weights.items() if weight != 1.0}
        return {**image, "a": list(self.weights), **weights}

    def args_for_item(self, item: int) -> dict[str, Any]:
        """Return the arguments of the same search with an item in place of the image."""
        return replace(self, item=item, upload=None).args()

    def args_for_attributes(self, keys: Iterable[str]) -> dict[str, Any]:
        """Return the arguments of the same search by other attributes."""
        return replace(self, weights={key: self.weights.get(key) or 1.0 for key in keys}).args()

    def query(self, name: str) -> Query:
        """Embed the image for the attributes that count. Raises UnknownItem, UploadExpired, Overloaded."""
        engine = extensions.engine_loader.engine
        if self.item is not None:
            return engine.query_item(name, self.item)
        data = extensions.uploads.read(self.upload or "")  # before the cache, which must not outlive the upload
        return engine.embed(data, [key for key, weight in self.weights.items() if weight > 0], digest=self.upload)

    def request(self, query: Query, k: int, offset: int = 0) -> SearchRequest:
        """Return the engine's request for a page of the ranking."""
        return SearchRequest(query, self.weights, k, offset)


def search(name: str, request: SearchRequest) -> tuple[Results, float]:
    """Search, and return also the seconds since the HTTP request arrived, which the About page reports."""
    results = extensions.engine_loader.engine.search(name, request)
    seconds = time.perf_counter() - g.started
    extensions.engine_loader.search_seconds.append(seconds)
    return results, seconds


def _weight(args: "MultiDict[str, str]", key: str) -> float:
    text = args.get(f"w-{key}", "1")
    try:
        weight = float(text)
    except ValueError:
        weight = math.nan
    if not 0.0 <= weight <= MAX_WEIGHT:  # negated so that NaN is rejected too
        raise QueryError('The weight must be a number from 0 to %(most)g, not "%(text)s".', most=MAX_WEIGHT, text=text)
    return weight
