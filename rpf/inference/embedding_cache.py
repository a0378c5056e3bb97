"""From a picture's bytes to a query: embedded once, however often it is searched with."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rpf.collection import lacking
from rpf.inference.batcher import DynamicBatcher
from rpf.inference.interface import ImageEmbedding


@dataclass(frozen=True)
class Query:
    """A picture as the search sees it."""

    embedding: npt.NDArray[np.float32]  # (A, D), unit vectors; NaN for attributes that it was not embedded for
    boxes: npt.NDArray[np.int32] | None  # (A, 4): left, top, right, bottom in pixels; None when unknown
    size: tuple[int, int]  # width, height of the picture in pixels
    item_id: int | None = None  # the item of the collection that it is; left out of its own results
    has: frozenset[str] | None = None  # the attributes of which it has the part at all; None when unknown

    def lacks(self, key: str) -> bool:
        """Whether the garment is known to lack the part that the attribute is about."""
        return self.has is not None and key not in self.has


class EmbeddingCache:
    """Embeds pictures, and remembers what came of the last ones under the hash of their bytes."""

    def __init__(self, batcher: DynamicBatcher, attributes: Sequence[str], remembered: int = 256) -> None:
        """attributes: the model's, in its order; remembered: pictures, of A x D x 4 bytes each."""
        self._batcher, self._attributes, self._remembered = batcher, tuple(attributes), remembered
        self._seen: OrderedDict[bytes, ImageEmbedding] = OrderedDict()
        self._lock = threading.Lock()
        self.hits = self.misses = 0

    def query(self, data: bytes, keys: Sequence[str]) -> Query:
        """The picture, embedded for these attributes at least. Raises BadImage, Overloaded."""
        wanted = [place for place, key in enumerate(self._attributes) if key in keys]
        digest = hashlib.sha256(data).digest()
        with self._lock:
            seen = self._seen.get(digest)
        missing = wanted if seen is None else [place for place in wanted if np.isnan(seen.embedding[place, -1])]
        if seen is None or missing:
            self.misses += 1
            fresh = self._batcher.embed(data, missing)
            if seen is not None:
                known = ~np.isnan(seen.embedding[:, -1])
                fresh.embedding[known] = seen.embedding[known]
            seen = fresh
        else:
            self.hits += 1
        with self._lock:
            self._seen[digest] = seen
            self._seen.move_to_end(digest)
            while len(self._seen) > self._remembered:
                self._seen.popitem(last=False)
        applicable = None if seen.presence is None else seen.presence.astype(np.float16)  # as it is stored
        return Query(seen.embedding, seen.box, seen.size, has=present_attributes(self._attributes, applicable))


def present_attributes(attributes: Sequence[str], applicable: npt.NDArray[np.floating] | None) -> frozenset[str] | None:
    """Those of the A attributes of which a garment has the part, from (A,) probabilities; None where unknown."""
    if applicable is None:
        return None
    return frozenset(key for key, lacks in zip(attributes, lacking(applicable), strict=True) if not lacks)
