"""SearchEngine: the one object that the site and the command line talk to."""

import logging
import secrets
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np
from PIL import Image

from rpf.collection import Collection, Item, valid_name
from rpf.errors import CollectionError, ConfigError, QueryError, RPFError, SearchUnavailable, UnknownCollection
from rpf.evaluation.accuracy import Accuracy, read_accuracy
from rpf.images import decode
from rpf.inference.batcher import DynamicBatcher
from rpf.inference.embedding_cache import EmbeddingCache
from rpf.inference.interface import Observer
from rpf.inference.load import load_model
from rpf.ingest import default_collection
from rpf.search import index_store
from rpf.search.base import Searcher
from rpf.search.exact import Exact
from rpf.search.request import Query, SearchRequest, present_attributes
from rpf.settings import DEFAULT_COLLECTION, Settings
from rpf.utils.cores import usable_cores
from rpf.utils.progress import Progress

DECODERS = 2

__all__ = [
    "Collection",
    "Hit",
    "Item",
    "Load",
    "ModelInfo",
    "Observer",
    "Query",
    "Results",
    "SearchEngine",
    "SearchRequest",
]
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ModelInfo:
    """What is in use, for people to read."""

    name: str
    checkpoint: Path
    checkpoint_hash: str
    attributes: tuple[str, ...]
    dim: int  # numbers per attribute
    device: str
    precision: str
    note: str  # what to know about these weights; "" when nothing
    accuracy: tuple[Accuracy, ...]  # by attribute, then overall; empty when it was not measured


@dataclass(frozen=True)
class Hit:
    """One line of a ranking."""

    rank: int  # from 1
    item: Item
    similarity: float  # weighted mean cosine, -1 to 1
    similarities: dict[str, float]  # cosine per chosen attribute
    missing: tuple[str, ...]  # chosen attributes whose part it is known to lack; empty without `missing_last`


@dataclass(frozen=True)
class Results:
    """A page of a ranking."""

    hits: list[Hit]
    total: int  # items in the whole ranking
    offset: int
    seconds: float  # the ranking alone, without embedding the query


@dataclass(frozen=True)
class Load:
    """What the engine has to do."""

    waiting: int  # pictures that wait for the model or are in it
    known: int  # queries whose picture was embedded already, since the start
    unknown: int  # the others


class SearchEngine:
    """One model and the collections made with it. Safe to use from several threads; make it after a fork."""

    def __init__(self, settings: Settings, observe: Observer = lambda stage, seconds: None) -> None:
        """observe: is told how long each "decode", "model" and "search" took."""
        self.settings = settings
        self.model = load_model(settings)
        self.info = ModelInfo(
            name=self.model.config.NAME or settings.checkpoint.stem,
            checkpoint=settings.checkpoint,
            checkpoint_hash=self.model.checkpoint_hash,
            attributes=self.model.attributes,
            dim=self.model.dim,
            device=str(self.model.device),
            precision=self.model.precision,
            note=self.model.note,
            accuracy=read_accuracy(settings.checkpoint, self.model.checkpoint_hash),
        )
        self.model.embed([Image.new("RGB", (64, 64))])  # the first pass is slow: not for a person to wait for
        self._observe = observe
        self._batcher = DynamicBatcher(
            self.model, most=settings.max_queue, decoders=min(DECODERS, usable_cores()), observe=observe
        )
        self._cache = EmbeddingCache(self._batcher, self.model.attributes)
        self._thumbnailing = threading.BoundedSemaphore(usable_cores())
        self._open: dict[str, tuple[Collection, Searcher]] = {}
        self._locks: dict[str, threading.Lock] = {}  # held by who opens the collection
        self.default = settings.collection  # the name of the default collection; `prepare` may give it another
        if settings.collection == DEFAULT_COLLECTION:
            with suppress(CollectionError, OSError):  # a damaged one is told where it is used
                self.default = (
                    default_collection.find(settings.collections, self.info.checkpoint_hash) or DEFAULT_COLLECTION
                )

    def prepare(self, progress: Progress) -> None:
        """Draw and index the default collection unless RPF_COLLECTION names another; resumes.

        Raises UnknownCollection when RPF_COLLECTION names another collection that does not exist.
        """
        name = self.settings.collection
        if name == DEFAULT_COLLECTION:
            self.default = default_collection.prepare(self.settings.collections, self.model, progress)
        elif not (self.settings.collections / name / "manifest.json").is_file():
            raise UnknownCollection(
                'There is no collection named "%(name)s"; make it with: python -m rpf index %(name)s FOLDER', name=name
            )

    def method(self, name: str) -> str:
        """What a collection is searched by, for people to read: "exact" or a method's title."""
        return self._opened(name)[1].title

    def names(self) -> list[str]:
        """The collections that can be searched, the default one first."""
        found = []
        for folder in sorted(self.settings.collections.glob("*/manifest.json")):
            try:
                self.collection(folder.parent.name)
            except RPFError:
                continue
            found.append(folder.parent.name)
        return sorted(found, key=lambda name: name != self.default)

    def collection(self, name: str) -> Collection:
        """The collection as it is on disk now. Raises UnknownCollection, CollectionError (another checkpoint)."""
        return self._opened(name)[0]

    def _opened(self, name: str) -> tuple[Collection, Searcher]:
        """The collection and what searches it.

        Who comes while another thread opens a new generation is answered from the one before and waits for nothing.
        """
        found = self._open.get(name)
        if found is not None and not found[0].changed():
            return found
        if not valid_name(name) or not (self.settings.collections / name / "manifest.json").is_file():
            self._open.pop(name, None)
            raise UnknownCollection('There is no collection named "%(name)s".', name=name)
        lock = self._locks.setdefault(name, threading.Lock())
        if found is None:
            lock.acquire()
        elif not lock.acquire(blocking=False):
            return found
        try:
            found = self._open.get(name)
            if found is None or found[0].changed():  # and not opened by another while this one waited
                found = self._open[name] = self._newest(name)
            return found
        except RPFError:
            self._open.pop(name, None)
            raise
        finally:
            lock.release()

    def _newest(self, name: str) -> tuple[Collection, Searcher]:
        known = Collection.open(self.settings.collections / name, self.settings.image_roots)
        if known.manifest.checkpoint not in ("", self.info.checkpoint_hash):
            raise CollectionError(
                'The collection "%(name)s" was made with another checkpoint; set RPF_CHECKPOINT to that one, '
                "or index the pictures again under another name.",
                name=name,
            )
        return known, index_store.open_index(
            known, self.settings.index_method, self._index_key() if known.index_folder else ""
        )

    def _index_key(self) -> str:
        try:
            return self.settings.index_key()
        except ConfigError as error:
            log.warning("Search indexes that only this installation's key makes safe are not used. %s", error)
            return secrets.token_hex(32)  # the key of none

    def embed(self, source: bytes | Path, keys: Iterable[str] | None = None, digest: str | None = None) -> Query:
        """Embed an image for some attributes of the model, all if None.

        digest: the SHA-256 of its bytes in hex, from a caller that has it already.
        Raises BadImage, Overloaded; OSError when a path cannot be read.
        """
        data = source if isinstance(source, bytes) else decode.read(source)
        attributes = self.model.attributes
        image = self._cache.embed(data, attributes if keys is None else tuple(keys), digest)
        presence = None if image.presence is None else image.presence.astype(np.float16)  # as it is stored
        return Query(image.embedding, image.box, image.size, present=present_attributes(attributes, presence))

    def load(self) -> Load:
        """What waits now, and what came since the start."""
        return Load(self._batcher.inside, self._cache.hits, self._cache.misses)

    def query_item(self, name: str, item_id: int) -> Query:
        """An item of a collection as the query. Raises UnknownItem."""
        collection = self.collection(name)
        item = collection.item(item_id)
        return Query(
            collection.vectors(item_id),
            collection.boxes(item_id),
            (item.width, item.height),
            item_id,
            present_attributes(collection.vocabulary.keys, collection.applicable(item_id)),
        )

    def search(self, name: str, request: SearchRequest) -> Results:
        """Rank a whole collection and return the requested page; ties go to the lower id.

        Raises QueryError, SearchUnavailable; ValueError for an attribute that the query was not embedded for.
        """
        started = time.perf_counter()
        collection, searcher = self._opened(name)
        query_id, offset = request.query.item_id, request.offset
        if query_id is None and collection.manifest.checkpoint != self.info.checkpoint_hash:
            raise QueryError(
                "This collection was imported without its checkpoint: it can be searched by its own items only."
            )
        resolved = request.resolve(collection.vocabulary)
        try:
            ranked = searcher.search(resolved)
        except SearchUnavailable:
            if not collection.changed():
                raise
            # A server may have dropped the index of this generation by now; the vectors are still mapped.
            ranked = Exact(collection).search(resolved)
        ids = collection.ids[ranked.rows]
        page = np.flatnonzero(ids != (-1 if query_id is None else query_id))[offset : offset + request.k]
        hits = [
            Hit(
                rank=rank,
                item=item,
                similarity=float(ranked.scores[row]),
                similarities={key: float(ranked.cosines[line, row]) for line, key in enumerate(request.keys)},
                missing=tuple(key for line, key in enumerate(request.keys) if ranked.missing[line, row]),
            )
            for rank, row, item in zip(count(offset + 1), page, collection.items(ids[page].tolist()), strict=False)
        ]
        seconds = time.perf_counter() - started
        self._observe("search", seconds)
        return Results(hits, len(collection) - (query_id is not None), offset, seconds)

    def thumbnail(self, source: bytes | Path, side: int) -> bytes:
        """Make a WebP that fits into side x side pixels. Raises BadImage."""
        with self._thumbnailing:  # or as many large images are in memory at once as the site has threads
            return decode.thumbnail(source, side)
