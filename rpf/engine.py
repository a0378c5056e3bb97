"""SearchEngine: search by image in the collections of one installation. It reads only; rpf.ingest writes."""

import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image

from rpf.attributes import Vocabulary
from rpf.collection import Collection, Item
from rpf.errors import CollectionError, QueryError, RPFError, SearchUnavailable
from rpf.evaluation.accuracy import Accuracy, AccuracyReport, ValueAccuracy, WordMeaning, read_reports
from rpf.images import decode
from rpf.images.crop import WHOLE, Crop, thumbnail
from rpf.images.decode import MAX_PIXELS
from rpf.inference.batcher import BackgroundEmbedder, DynamicBatcher
from rpf.inference.embedding_cache import EmbeddingCache, Load
from rpf.inference.garment_finder import GarmentFinder
from rpf.inference.interface import Embedder, Observer
from rpf.inference.load import load_model
from rpf.inference.orientation import find_turn
from rpf.ingest.default_collection import find_default_collection
from rpf.models.base import TwoBranchModel
from rpf.models.garment_detector import Garment, box_area, overlap, shared_area
from rpf.models.heat import HEAT_SIDE, HEAT_VERSION, draw_heat
from rpf.products.filters import ProductFilter
from rpf.products.table import ListedProduct, price_ranges, read_products
from rpf.products.view import Fold, ProductSummary
from rpf.search.closeness import Closeness, closeness_of, find_word
from rpf.search.collection_cache import CollectionCache, pinned_collections
from rpf.search.description import SURE, AttributeDescription, describe
from rpf.search.exact import Exact
from rpf.search.examples import MAX_PICTURES, Example, combine
from rpf.search.filters import Filters, ValueFilter, count_values, passing_rows
from rpf.search.products import ProductGroup, rank_results, result_groups
from rpf.search.request import Query, SearchRequest, name_presence
from rpf.search.results import Hit, Recognised, Results, find_last_close, make_hits, recognised_values
from rpf.settings import DEFAULT_COLLECTION, Settings
from rpf.utils.cores import usable_cores

MAX_DECODERS = 2  # threads that decode query images
WARM_UP_SIZES = (64, 64), (64, 128)  # pixels, for the square and for the tall frame
QUERY_SIDE = 1200  # pixels of a query's short side that are enough for our own checkpoints, and for its thumbnail
NO_FILTER = ProductFilter()

__all__ = [
    "HEAT_SIDE", "HEAT_VERSION", "MAX_PICTURES", "MAX_PIXELS", "NO_FILTER", "SURE", "WHOLE", "Accuracy",
    "AccuracyReport", "Closeness", "Collection", "Crop", "Example", "Filters", "Fold", "Garment", "Hit", "Item",
    "ListedProduct", "Load", "Observer", "ProductFilter", "Query", "Recognised", "Results", "SearchEngine",
    "SearchRequest", "ValueAccuracy", "ValueFilter", "WordMeaning", "box_area", "closeness_of", "find_word",
    "load_model", "overlap", "pinned_collections", "recognised_values", "shared_area",
]  # fmt: skip


class SearchEngine:
    """One model and the collections embedded with it. Safe to use from several threads; make it after a fork."""

    def __init__(
        self,
        settings: Settings,
        model: TwoBranchModel | None = None,
        *,
        default: str | None = None,
        observe: Observer = lambda stage, seconds: None,
    ) -> None:
        """Load the model of the settings if none is given.

        default: the name of the default collection, if the caller has made sure of it; observe: is called with the
        seconds that each "decode", "model" and "search" took. Raises CheckpointError, ConfigError.
        """
        self.settings = settings
        self.model = load_model(settings) if model is None else model
        self.model_name = self.model.config.NAME or settings.checkpoint.stem  # for people to read
        # By attribute, then overall; empty when it was not measured.
        self.accuracy_reports = read_reports(settings.checkpoint, self.model.checkpoint_hash)
        self.default = default or self._find_default()
        self._observe = observe
        # Published checkpoints see as much of a query as of an item, so that their results stay equal.
        is_published = self.model.config.INPUT.RESIZE_MODE == "crop"
        self._batcher = DynamicBatcher(
            self.model, max_queue=settings.max_queue, decoders=min(MAX_DECODERS, usable_cores()),
            enough_side=decode.ENOUGH_SIDE if is_published else QUERY_SIDE, observe=observe,
        )  # fmt: skip
        self._cache = EmbeddingCache(self._batcher, self.model.attributes)
        self._finder = GarmentFinder(self.model)
        self._thumbnails = threading.BoundedSemaphore(usable_cores())
        self._collections = CollectionCache(settings, self.model.checkpoint_hash)

    def warm_up(self) -> None:
        """Do what the first search would wait for: a pass of either frame, and a search in the default collection.

        A damaged collection is reported where it is used.
        """
        self._batcher.embed_in_background([Image.new("RGB", size) for size in WARM_UP_SIZES])
        with suppress(RPFError, OSError):
            opened = self._collections.get(self.default)
            collection = opened.collection
            if len(collection):
                query = self.query_item(self.default, int(collection.ids[0]))
                request = SearchRequest(query, dict.fromkeys(collection.vocabulary.keys, 1.0), 1)
                rank_results(opened.searcher, collection, opened.products, request, request.resolve(collection, None))

    def _find_default(self) -> str:
        if self.settings.collection == DEFAULT_COLLECTION:
            with suppress(CollectionError, OSError):  # a damaged one is reported where it is used
                return (
                    find_default_collection(self.settings.collections, self.model.checkpoint_hash) or DEFAULT_COLLECTION
                )
        return self.settings.collection

    def names(self) -> list[str]:
        """List the collections that can be searched, the default one first."""
        names = []
        for manifest in sorted(self.settings.collections.glob("*/manifest.json")):
            with suppress(RPFError):
                names.append(self.collection(manifest.parent.name).name)
        return sorted(names, key=lambda name: name != self.default)

    def collection(self, name: str) -> Collection:
        """Open the collection as it is on disk now. Raises UnknownCollection, CollectionError (another checkpoint)."""
        return self._collections.get(name).collection

    def method(self, name: str) -> str:
        """Return what a collection is searched by, for people to read: "exact" or the title of an index."""
        return self._collections.get(name).searcher.title

    def lacking_index(self) -> list[str]:
        """List the opened collections that are large, or had an index, and are searched exactly until one is built."""
        return self._collections.lacking_index()

    def embed(
        self, source: bytes | Path, keys: Iterable[str] | None = None, digest: str | None = None, crop: Crop = WHOLE
    ) -> Query:
        """Embed an image, or a crop of it, for some attributes of the model, all if None.

        digest: the SHA-256 of its bytes in hex, from a caller that has it already.
        Raises BadImage, Overloaded; OSError when a path cannot be read.
        """
        data = source if isinstance(source, bytes) else decode.read(source)
        attributes = self.model.attributes
        image = self._cache.embed(data, attributes if keys is None else tuple(keys), digest, crop)
        presence = None if image.presence is None else image.presence.astype(np.float16)  # as it is stored
        return Query(
            image.embedding, image.box, image.size, presence=name_presence(attributes, presence), values=image.values
        )

    def heat(self, source: bytes | Path, digest: str | None = None, crop: Crop = WHOLE) -> bytes:
        """Draw where the model looks in an image, or in a crop of it, for each of its attributes (rpf.models.heat).

        Raises as `embed`.
        """
        data = source if isinstance(source, bytes) else decode.read(source)
        image = self._cache.embed(data, (), digest, crop)
        width, height = image.size
        size = max(1, round(crop.width * width)), max(1, round(crop.height * height))
        return draw_heat(image.attention, size, self.model.config.INPUT)

    def find_turn(self, data: bytes, digest: str) -> int:
        """Return the degrees clockwise by which an image should be turned; 0 where it seems upright.

        digest: the SHA-256 of its bytes in hex. Raises as `embed`.
        """
        return find_turn(self.vocabulary, lambda turn: self._cache.embed(data, (), digest, Crop(turn=turn)))

    @cached_property
    def background_embedder(self) -> Embedder:
        """Return the model for indexing beside searches, which go first. Give it batches of up to 8 images."""
        return BackgroundEmbedder(self.model, self._batcher)

    def find_garments(self, source: bytes | Path, digest: str, turn: int = 0) -> list[Garment]:
        """Find the garments in an image, turned by degrees (`GarmentFinder.find`)."""
        return self._finder.find(source, digest, turn)

    def combine(self, first: Query, others: Sequence[Example]) -> Query:
        """Combine pictures into one query (rpf.search.examples)."""
        return combine(self.model.attributes, first, others)

    def query_item(self, name: str, item_id: int, crop: Crop = WHOLE) -> Query:
        """Make an item of a collection the query. Raises UnknownItem; where it is cropped, as `embed`."""
        collection = self.collection(name)
        if crop == WHOLE:
            return Query.of_item(collection, item_id)
        item = collection.item(item_id)
        return replace(self.embed(collection.image_path(item), None, item.sha256, crop), item_id=item_id)

    @cached_property
    def wanted_values(self) -> dict[str, list[int]]:
        """Return the values that can be searched for without an image, by attribute; empty if the model names none."""
        vectors = self.model.value_classifier.vectors if self.model.value_classifier else ()
        values = [np.flatnonzero(~np.isnan(of[:, 0])).tolist() for of in vectors]
        attributes = zip(self.vocabulary, values, strict=False)
        return {one.key: [value for value in known if one.is_visible(value)] for one, known in attributes}

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """Index the attributes of the model, in its order."""
        return Vocabulary(self.model.attributes)

    def describe(self, query: Query) -> dict[str, AttributeDescription]:
        """Describe an image that was embedded for all attributes, by attribute."""
        presence = None if query.presence is None else np.array([query.presence[key] for key in self.model.attributes])
        return describe(self.vocabulary, presence, query.values)

    def search(self, name: str, request: SearchRequest) -> Results:
        """Rank the items of a collection that pass the filters, and return the requested page; ties go to the lower id.

        Raises QueryError, SearchUnavailable; ValueError for an attribute that the query was not embedded for.
        """
        started = time.perf_counter()
        opened = self._collections.get(name)
        collection = opened.collection
        query_id = request.item_id
        known = collection.manifest.spec.checkpoint == self.model.checkpoint_hash
        if not known and (query_id is None or request.changes):
            raise QueryError(
                "This collection was imported without its checkpoint: it can be searched by its own items only."
            )
        classifier = self.model.value_classifier if known else None
        resolved = request.resolve(collection, classifier.vectors if classifier else None)
        facts = collection, opened.products, request, resolved
        try:
            ranked, total = rank_results(opened.searcher, *facts)
        except SearchUnavailable:
            if opened.has_newest_items(self.settings):
                raise
            # The index was replaced meanwhile, and a server dropped the old one; the vectors are still mapped.
            ranked, total = rank_results(Exact(collection), *facts)
        shares = dict(zip(request.keys, (resolved.weights / resolved.weights.sum()).tolist(), strict=True))
        last_close = find_last_close(collection, request, shares, ranked, total)
        hits = make_hits(collection, opened.products, request, ranked)
        seconds = time.perf_counter() - started
        self._observe("search", seconds)
        return Results(hits, total, request.offset, shares, seconds, last_close)

    def facets(
        self, name: str, filters: Filters, products: ProductFilter = NO_FILTER, fold: Fold = "photo"
    ) -> dict[str, dict[int, int]]:
        """Count the results of each value of each attribute among those that pass the filters of the others.

        Empty for a collection whose values are unknown. Raises QueryError.
        """
        collection, _, rows, *_ = self._collections.get(name)
        if not collection.knows_values:
            return {}
        passing = rows.passing(products) if rows else None
        return count_values(collection, filters, passing, result_groups(collection, rows, fold))

    def product_facets(
        self, name: str, filters: Filters, products: ProductFilter = NO_FILTER, fold: Fold = "photo"
    ) -> dict[str, dict[str, int]]:
        """Count the results of each value of each facet of the products among those that pass the other filters.

        Empty for a collection without products. Raises QueryError.
        """
        collection, _, rows, *_ = self._collections.get(name)
        return rows.count(products, fold, passing_rows(collection, filters)) if rows else {}

    def product_summary(self, name: str) -> ProductSummary | None:
        """Return what is known of a collection's products; None if it has none."""
        rows = self._collections.get(name).products
        return rows.view.summary if rows else None

    def count_results(self, name: str, fold: Fold) -> int:
        """Count the results that all of a collection has: near-duplicates are one, as are the photos of a product."""
        opened = self._collections.get(name)
        groups = result_groups(opened.collection, opened.products, fold)
        return len(opened.collection) if groups is None else len(np.unique_counts(groups).values)  # by sorting

    def price_ranges(self, name: str) -> dict[str, tuple[float, float]]:
        """Return the lowest and the highest price of a collection's products by currency; empty if none is known."""
        opened = self._collections.get(name)
        return price_ranges(opened.collection.folder, opened.product_stamp) if opened.products else {}

    def product_of(self, name: str, item_id: int) -> ProductGroup | None:
        """Return the product that an item is a photo of; None without one. Raises UnknownItem."""
        opened = self._collections.get(name)
        return opened.products.group_of(opened.collection.row(item_id), "product") if opened.products else None

    def products(self, name: str, ids: Iterable[str]) -> dict[str, ListedProduct]:
        """Return products of a collection by their ids, as far as they exist."""
        opened = self._collections.get(name)
        return read_products(opened.collection.folder, ids) if opened.products else {}

    def thumbnail(self, source: bytes | Path, side: int, crop: Crop = WHOLE, ratio: float | None = None) -> bytes:
        """Make a WebP of an image or of a crop of it that fits into side x side pixels, in a frame of this ratio.

        Raises BadImage.
        """
        with self._thumbnails:  # or as many large images are in memory at once as the site has threads
            return thumbnail(source, side, crop, ratio)

    def load(self) -> Load:
        """Return the images in progress, and the use of the embedding cache since the start."""
        return self._cache.load()
