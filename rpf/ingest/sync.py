"""Synchronisation of a collection with the products of a feed. Run again, it changes only what differs.

Photos are embedded first, then the products are written, then items that no product needs any more are removed: after
Ctrl-C or kill -9 the same call goes on, and no product is ever without the photos that it had.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from rpf.collection import Writer
from rpf.errors import CollectionError
from rpf.inference.interface import Embedder
from rpf.ingest.fetch_photos import fetch_photos
from rpf.ingest.pipeline import BATCH_SIZE, ImageRecord, IngestReport, ingest
from rpf.products.product import Product, is_address
from rpf.products.table import ListedProduct, ProductTable
from rpf.utils.progress import Progress

MAX_REMOVED_SHARE = 1 / 3  # of the products, unless it is said to be right


class PhotoOptions(NamedTuple):
    """How photos are read."""

    hosts: Container[str] = ()  # of photos, that may lie in a private network
    batch_size: int = BATCH_SIZE  # images embedded, and saved, at a time
    linked: tuple[Path, ...] = ()  # folders that links may lead into


@dataclass(frozen=True)
class SyncPlan:
    """What a feed changes, by the ids of products."""

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)

    def require_few_removed(self, name: str) -> None:
        """Raise CollectionError where too many products would be removed: that is a broken feed more often than not."""
        known = len(self.changed) + len(self.unchanged) + len(self.removed)
        if len(self.removed) > MAX_REMOVED_SHARE * known:
            raise CollectionError(
                "The feed lacks %(removed)d of the %(known)d products of the collection %(name)s, so nothing is "
                "changed. If that is right, give --allow-removals.",
                removed=len(self.removed), known=known, name=name,
            )  # fmt: skip


@dataclass
class SyncReport:
    """Results of a synchronisation."""

    plan: SyncPlan
    photos: IngestReport
    removed_items: int = 0  # photos that no product has any more
    without_photo: list[str] = field(default_factory=list)  # ids of products that cannot be found by a photo


def plan_sync(products: Iterable[Product], known: Mapping[str, Product]) -> SyncPlan:
    """Compare the products of a feed with the known ones."""
    plan, listed = SyncPlan(), set[str]()
    for product in products:
        listed.add(product.id)
        before = known.get(product.id)
        (plan.added if before is None else plan.unchanged if before == product else plan.changed).append(product.id)
    plan.removed.extend(product_id for product_id in known if product_id not in listed)
    return plan


def sync(
    writer: Writer,
    table: ProductTable,
    products: Sequence[Product],
    embedder: Embedder,
    progress: Progress,
    options: PhotoOptions,
    *,
    allow_removals: bool = False,
) -> SyncReport:
    """Bring a collection to the state of a feed: its products, their photos, and nothing else of an earlier feed.

    Raises CollectionError, before anything is changed where too many products would be removed.
    """
    plan = plan_sync(products, {listed.product.id: listed.product for listed in table.products()})
    if not allow_removals:
        plan.require_few_removed(writer.folder.name)
    photos, without_photo = put_products(writer, table, products, embedder, progress, options)
    return SyncReport(plan, photos, remove_products(writer, table, plan.removed), without_photo)


def put_products(
    writer: Writer,
    table: ProductTable,
    products: Sequence[Product],
    embedder: Embedder,
    progress: Progress,
    options: PhotoOptions,
) -> tuple[IngestReport, list[str]]:
    """Add products, or replace those with their ids; embed the photos that are new.

    A photo that cannot be read now keeps its item. Returns also the ids of the products without any photo.
    """
    paths, unfetched = _find_photos(writer, table, products, options.hosts, progress)
    images = [ImageRecord(path) for path in dict.fromkeys(paths.values())]
    photos = ingest(writer, images, embedder, progress, batch_size=options.batch_size, linked=options.linked)
    photos.skipped += unfetched
    ids = {path: item_id for path, (item_id, _, _) in writer.known().items()}
    wanted = [
        ListedProduct(
            product, {one.source: ids[path] for one in product.photos if (path := paths.get(one.source)) in ids}
        )
        for product in products
    ]
    known = {listed.product.id: listed for listed in table.products([product.id for product in products])}
    table.put(listed for listed in wanted if known.get(listed.product.id) != listed)
    return photos, [listed.product.id for listed in wanted if not listed.items]


def remove_products(writer: Writer, table: ProductTable, ids: Sequence[str]) -> int:
    """Remove products, and the items that are no product's photo any more. Returns the number of these."""
    table.delete(ids)
    outdated = sorted(writer.live_ids.intersection(table.outdated()))
    writer.remove(outdated)
    table.forget_outdated()
    return len(outdated)


def _find_photos(
    writer: Writer, table: ProductTable, products: Sequence[Product], hosts: Container[str], progress: Progress
) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Return the path of each photo in the image folder, and the addresses that could not be fetched now, and why."""
    sources = dict.fromkeys(photo.source for product in products for photo in product.photos)
    urls = [source for source in sources if is_address(source)]
    paths = {source: source for source in sources if not is_address(source)}
    unfetched = []
    folder = writer.manifest.spec.image_root(writer.folder)
    for url, address, problem in fetch_photos(urls, folder, table.addresses(), hosts, progress):
        if address is not None:
            paths[url] = address.path
            table.put_address(url, address)
        if problem:
            unfetched.append((url, problem))
    return paths, unfetched
