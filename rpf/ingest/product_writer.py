"""Products put and deleted one by one, or a few at a time, while the site serves searches."""

from collections.abc import Container, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from typing import Literal, NamedTuple

from rpf.collection import Collection, Writer, collection_folder
from rpf.errors import CheckpointError, CollectionBusy, CollectionError
from rpf.inference.batcher import MAX_BACKGROUND_IMAGES
from rpf.inference.interface import Embedder
from rpf.ingest.fetch_photos import photo_path
from rpf.ingest.pipeline import IngestReport, merge_small_segments, require_checkpoint
from rpf.ingest.sync import PhotoOptions, put_products, remove_products
from rpf.products.product import Product, is_address
from rpf.products.table import ListedProduct, ProductTable
from rpf.search.index_store import update_index
from rpf.settings import Settings
from rpf.utils.progress import Progress

Change = Literal["added", "changed", "unchanged"]
INDEX_LOCK_SECONDS = 5.0  # to wait for another process that builds the search index
LEFT_OUT = "it was removed from this collection before, or is another product's photo"


class PhotoProblem(NamedTuple):
    """A photo that could not be had now. An earlier item of it stays."""

    source: str
    why: str


class PutOutcome(NamedTuple):
    """What a put did."""

    product: str  # its id
    change: Change
    photos: int  # by which searches find it
    problems: list[PhotoProblem]


class ProductWriter(AbstractContextManager["ProductWriter"]):
    """Exclusive writer of a collection's products, for one thread; the lock is held until the end of the block."""

    def __init__(self, settings: Settings, name: str, embedder: Embedder, wait: float) -> None:
        """Lock the collection. Raises CollectionBusy if another process writes it for more than `wait` seconds,
        UnknownCollection, CollectionError (another checkpoint)."""
        self._settings, self._embedder = settings, embedder
        self._added = False  # photos
        with ExitStack() as resources:
            folder = collection_folder(settings.collections, name)
            self._writer = resources.enter_context(Writer.open(folder, wait=wait))
            try:
                require_checkpoint(self._writer, embedder)
            except CheckpointError as error:
                raise CollectionError(error.template, **error.params) from None
            self._table = resources.enter_context(ProductTable(self._writer.folder))
            self._resources = resources.pop_all()

    def __exit__(self, *exc: object) -> None:
        self._resources.close()

    def put(self, products: Sequence[Product], progress: Progress, refresh: bool = False) -> list[PutOutcome]:
        """Add products, or replace those with their ids, of which none occurs twice.

        Photos that a product has already under the same path or address stay as they are; `refresh` reads them again.
        So a change of the texts or the price reads no image. Raises CollectionError; then a part may be done, and the
        same call can be made again.
        """
        ids = [product.id for product in products]
        before = {listed.product.id: listed for listed in self._table.products(ids)}
        live = self._writer.live_ids
        settled = [] if refresh else [listed for one in products if (listed := _settled(one, before, live))]
        settled_ids = {listed.product.id for listed in settled}
        report = IngestReport()
        others = [product for product in products if product.id not in settled_ids]
        try:
            if others:
                report, _ = put_products(
                    self._writer, self._table, others, self._embedder, progress, self._photo_options()
                )
        except OSError as error:  # such as a full disk, or an image folder that cannot be written
            raise CollectionError(
                "The photos of the collection %(name)s cannot be saved: %(why)s.",
                name=self._writer.folder.name, why=error.strerror or error,
            ) from error  # fmt: skip
        self._table.put(listed for listed in settled if before.get(listed.product.id) != listed)
        if self._table.outdated():  # photos that no product has any more
            remove_products(self._writer, self._table, [])
        self._added = self._added or report.added > 0
        reasons = dict(report.skipped)
        after = {listed.product.id: listed for listed in self._table.products(ids)}
        return [_outcome(before.get(product_id), after[product_id], reasons) for product_id in ids]

    def delete(self, ids: Sequence[str]) -> list[str]:
        """Delete products, and photos that are no other product's. Return the ids of those that there were."""
        known = [listed.product.id for listed in self._table.products(ids)]
        if known:
            remove_products(self._writer, self._table, known)
        return known

    def finish(self, progress: Progress) -> None:
        """Bring the search index up to date, after many puts; a few photos more are found as well without that.

        An index that another process is building takes in what is new by itself.
        """
        if self._added:
            merge_small_segments(self._writer, progress)
            collection, settings = Collection.open(self._writer.folder), self._settings
            with suppress(CollectionBusy):
                update_index(collection, settings.indexes, settings.index_method, progress, wait=INDEX_LOCK_SECONDS)

    def _photo_options(self) -> PhotoOptions:
        folder = self._writer.manifest.spec.image_root(self._writer.folder)
        if folder.is_relative_to(self._writer.folder):
            folder.mkdir(exist_ok=True)
        return PhotoOptions(self._settings.image_hosts, MAX_BACKGROUND_IMAGES, self._settings.image_roots)


def _settled(product: Product, before: dict[str, ListedProduct], live: Container[int]) -> ListedProduct | None:
    """Return a product with the items of its photos, None if one of them is not known yet."""
    known = before[product.id].items if product.id in before else {}
    items = {photo.source: known[photo.source] for photo in product.photos if known.get(photo.source, -1) in live}
    return ListedProduct(product, items) if len(items) == len(product.photos) else None


def _outcome(before: ListedProduct | None, after: ListedProduct, reasons: dict[str, str]) -> PutOutcome:
    problems = []
    for source in (photo.source for photo in after.product.photos):
        why = reasons.get(source) or reasons.get(photo_path(source) if is_address(source) else source)
        if why or source not in after.items:
            problems.append(PhotoProblem(source, why or LEFT_OUT))
    change: Change = "added" if before is None else "unchanged" if before == after else "changed"
    return PutOutcome(after.product.id, change, len(after.items), problems)
