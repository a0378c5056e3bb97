"""Collection cache: the newest generation of each collection, its searcher and its products, for all threads."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

from rpf.collection import Collection, valid_name
from rpf.errors import CollectionError, RPFError, UnknownCollection
from rpf.products.view import Stamp, open_products, product_stamp
from rpf.search.base import Searcher
from rpf.search.index_store import index_stamp, lacks_index, open_searcher
from rpf.search.products import ProductRows
from rpf.settings import Settings


class OpenCollection(NamedTuple):
    """A generation of a collection, and what was open beside it when it was read."""

    collection: Collection
    searcher: Searcher
    products: ProductRows | None
    index_stamp: tuple[int, int] | None
    product_stamp: Stamp | None
    lacks_index: bool  # it is searched exactly until one is built

    def has_newest_items(self, settings: Settings) -> bool:
        """Return False once a new generation or a new index is on disk."""
        return not self.collection.changed() and self.index_stamp == index_stamp(self.collection, settings.indexes)

    def has_newest_products(self) -> bool:
        """Return False once the products have changed on disk."""
        return self.product_stamp == product_stamp(self.collection.folder)


class CollectionCache:
    """The collections of one installation that were embedded with one checkpoint. Safe to use from several threads."""

    def __init__(self, settings: Settings, checkpoint: str) -> None:
        self._settings, self._checkpoint = settings, checkpoint
        self._open: dict[str, OpenCollection] = {}
        self._locks: dict[str, threading.Lock] = {}  # held while a thread opens the collection

    def get(self, name: str) -> OpenCollection:
        """Return the newest generation of a collection, or the one that `pinned_collections` holds.

        While another thread opens it, callers keep using the previous one without blocking. Raises UnknownCollection,
        CollectionError (another checkpoint).
        """
        pinned = _pinned.get()
        if pinned is None:
            return self._newest(name)
        if (self, name) not in pinned:
            pinned[self, name] = self._newest(name)
        return pinned[self, name]

    def lacking_index(self) -> list[str]:
        """List the collections that were opened and are searched exactly until an index is built."""
        return [name for name, opened in list(self._open.items()) if opened.lacks_index]

    def _newest(self, name: str) -> OpenCollection:
        known = self._open.get(name)
        if known is not None and known.has_newest_items(self._settings) and known.has_newest_products():
            return known
        if not valid_name(name) or not (self._settings.collections / name / "manifest.json").is_file():
            self._open.pop(name, None)
            raise UnknownCollection('There is no collection named "%(name)s".', name=name)
        lock = self._locks.setdefault(name, threading.Lock())
        if not lock.acquire(blocking=known is None):
            assert known is not None
            return known
        try:
            known = self._open[name] = self._refresh(name, self._open.get(name))
            return known
        except RPFError:
            self._open.pop(name, None)
            raise
        finally:
            lock.release()

    def _refresh(self, name: str, known: OpenCollection | None) -> OpenCollection:
        """Open what has changed since `known` was opened."""
        if known is None or not known.has_newest_items(self._settings):
            collection = Collection.open(self._settings.collections / name, self._settings.image_roots)
            if collection.manifest.spec.checkpoint not in ("", self._checkpoint):
                raise CollectionError(
                    'The collection "%(name)s" was made with another checkpoint. Set RPF_CHECKPOINT to that one, or '
                    "embed the collection again with: rpf re-embed %(name)s",
                    name=name,
                )
            stamp = index_stamp(collection, self._settings.indexes)  # before the index, so that a newer one is noticed
            searcher = open_searcher(collection, self._settings.indexes, self._settings.index_method)
            lacking = lacks_index(collection, searcher, self._settings.indexes, self._settings.index_method)
            known = OpenCollection(collection, searcher, None, stamp, None, lacking)
        elif known.has_newest_products():  # another thread has opened it meanwhile
            return known
        changes = product_stamp(known.collection.folder)  # before the products, so that newer ones are noticed
        view = open_products(known.collection.folder)
        products = None if view is None else ProductRows(known.collection, view)
        return known._replace(products=products, product_stamp=changes)


_pinned: ContextVar[dict[tuple[CollectionCache, str], OpenCollection] | None] = ContextVar("pinned", default=None)


@contextmanager
def pinned_collections() -> Iterator[None]:
    """Use each collection in one state within a block: results, counts and products of a page then fit together."""
    token = _pinned.set({})
    try:
        yield
    finally:
        _pinned.reset(token)
