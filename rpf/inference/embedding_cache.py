"""A cache of embeddings by the hash of the image's bytes and the crop."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rpf.images.crop import WHOLE, Crop
from rpf.inference.batcher import DynamicBatcher
from rpf.inference.interface import ImageEmbedding


@dataclass(frozen=True)
class Load:
    """Work on images: how many are in progress, and hits and misses of the embedding cache since the start."""

    pending: int  # images that wait for the model or are in it
    cache_hits: int
    cache_misses: int


class EmbeddingCache:
    """Embeds images, each once for as long as it is among the last `max_images`."""

    def __init__(self, batcher: DynamicBatcher, attributes: Sequence[str], max_images: int = 256) -> None:
        """attributes: the model's, in its order. An image takes about A x D x 4 bytes."""
        self._batcher, self._attributes, self._max_images = batcher, tuple(attributes), max_images
        self._embeddings: OrderedDict[tuple[str, Crop], ImageEmbedding] = OrderedDict()
        self._lock = threading.Lock()
        self.hits = self.misses = 0

    def embed(self, data: bytes, keys: Sequence[str], digest: str | None = None, crop: Crop = WHOLE) -> ImageEmbedding:
        """Embed an image, or a crop of it, for these attributes at least. Raises BadImage, Overloaded.

        digest: the SHA-256 of `data` in hex, from a caller that has it already.
        """
        wanted = [position for position, key in enumerate(self._attributes) if key in keys]
        place = digest or hashlib.sha256(data).hexdigest(), crop
        with self._lock:
            cached = self._embeddings.get(place)
        unknown = wanted if cached is None else [at for at in wanted if np.isnan(cached.embedding[at, -1])]
        if cached is not None and not unknown:
            self.hits += 1
            embedding = cached
        else:
            self.misses += 1
            embedding = self._batcher.embed(data, unknown, crop)
            if cached is not None:
                known = ~np.isnan(cached.embedding[:, -1])
                embedding.embedding[known] = cached.embedding[known]
                if embedding.values is not None and cached.values is not None:
                    embedding.values[known] = cached.values[known]
        with self._lock:
            self._embeddings[place] = embedding
            self._embeddings.move_to_end(place)
            while len(self._embeddings) > self._max_images:
                self._embeddings.popitem(last=False)
        return embedding

    def load(self) -> Load:
        """Return the images in progress, and the use of the cache since the start."""
        return Load(self._batcher.pending, self.hits, self.misses)
