"""Survey of a collection for `rpf report collection`: images, near-duplicates, products, values."""

import hashlib
import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
from PIL import Image

from rpf.collection import Collection, ImageFolder, Item
from rpf.errors import BadImage
from rpf.evaluation.collection_report import CollectionReport, ReportEntry, ReportSection, value_spreads
from rpf.images.crop import thumbnail
from rpf.images.decode import FORMATS, open_image, read
from rpf.ingest.reconcile import map_files
from rpf.ingest.scan import find_images
from rpf.products.table import ListedProduct, read_products
from rpf.search.request import GARMENT_PRESENCE
from rpf.utils.progress import Progress

MAX_ENTRIES = 24  # of a section
MAX_NAMES = 6  # files of a group of near-duplicates
THUMBNAIL_SIDE = 200  # pixels
SMALL_SIDE = 300  # pixels of the longer side, below which details are hard to tell
MISSING, CHANGED, OUT_OF_REACH = "missing", "changed since it was indexed", "cannot be opened"


class _FileCheck(NamedTuple):
    problem: str  # "" for none
    format: str = ""  # as Pillow names it; "" where it is unknown


def survey(collection: Collection, progress: Progress) -> CollectionReport:
    """Read the images of a collection, and report what its operator wants to know. Changes nothing."""
    items = {item.id: item for item in collection.items(collection.ids.tolist())}
    files = {item.path: item for item in items.values() if item.sha256}  # imported items may have no image
    checks = map_files(
        lambda path: _check(collection.images, files[path]), list(files), progress, "checking the images"
    )
    products = read_products(collection.folder)
    problems = {path: check.problem for path, check in checks.items() if check.problem}
    if not products:  # else the feed says which files are photos
        problems |= _unusable_files(collection.images, files, progress)
    return CollectionReport(
        collection.name,
        collection.manifest.spec.title or collection.name,
        date.today(),
        list(_facts(items, products, checks)),
        [
            _unreadable(collection, problems),
            _unrecognised(collection, items),
            _duplicates(collection, items),
            *([_without_photo(products)] if products else []),
        ],
        value_spreads(collection),
    )


def _check(images: ImageFolder, item: Item) -> _FileCheck:
    """Check that an item's image is the one that was indexed."""
    path = images.find(item.path)
    try:
        if path is None:
            return _FileCheck(MISSING if images.is_missing(item.path) else OUT_OF_REACH)
        data = read(path)
    except OSError:
        return _FileCheck(OUT_OF_REACH)
    if hashlib.sha256(data).hexdigest() != item.sha256:
        return _FileCheck(CHANGED)
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        return _FileCheck("", {"MPO": "JPEG"}.get(image.format or "", image.format or ""))


def _unusable_files(images: ImageFolder, files: Mapping[str, Item], progress: Progress) -> dict[str, str]:
    """Return what is wrong with the other files of the image folder that cannot be indexed, by path."""
    if not images.root.is_dir():
        return {}
    others = [path for path in find_images(images.root) if path not in files]
    problems = map_files(lambda path: _refusal(images, path), others, progress, "checking other files")
    return {path: problem for path, problem in problems.items() if problem}


def _refusal(images: ImageFolder, path: str) -> str:
    """Return why a file cannot be indexed; "" if it can."""
    try:
        open_image(images.root / path)
    except BadImage as error:
        return str(error)
    except OSError:
        return OUT_OF_REACH
    return ""


def _unreadable(collection: Collection, problems: Mapping[str, str]) -> ReportSection:
    text = (
        f"Missing ones: rpf index {collection.name} FOLDER finds those that were moved, rpf remove {collection.name} "
        f"--missing removes the others. Changed ones: rpf repair {collection.name} embeds them again. Files that "
        "cannot be decoded are not in the collection: replace them, and index again."
        if problems
        else "All images can be read."
    )
    entries = [ReportEntry((path, problem)) for path, problem in sorted(problems.items())]
    return _section("unreadable", "Images that cannot be read", len(entries), text, entries)


def _unrecognised(collection: Collection, items: Mapping[int, Item]) -> ReportSection:
    title = "Images with nothing recognised"
    if not collection.knows_presence:
        text = "Unknown: the checkpoint of this collection does not tell whether a part is there."
        return ReportSection("nothing", title, None, text)
    largest = collection.presence_by_attribute.max(axis=0).astype(np.float32)
    rows = np.flatnonzero(largest < GARMENT_PRESENCE)
    rows = rows[np.argsort(largest[rows], kind="stable")]
    text = (
        f"No part has a probability of {100 * GARMENT_PRESENCE:.0f}% in these, so that they are found by chance, and a "
        "visitor who searches with one is told that it shows no garment. They may be details from near, packages and "
        "fabrics, or garments that the model knows little of."
        if len(rows)
        else "At least one part was recognised in every image."
    )
    entries = [
        _entry(collection, item, item.path or f"item {item.id}", f"likeliest part: {100 * largest[row]:.0f}%")
        for row in rows[:MAX_ENTRIES].tolist()
        for item in (items[int(collection.ids[row])],)
    ]
    return _section("nothing", title, len(rows), text, entries, len(rows))


def _duplicates(collection: Collection, items: Mapping[int, Item]) -> ReportSection:
    groups: dict[int, list[Item]] = {}
    for item_id, original in zip(collection.ids.tolist(), collection.originals.tolist(), strict=True):
        groups.setdefault(original, []).append(items[item_id])
    several = sorted((group for group in groups.values() if len(group) > 1), key=len, reverse=True)
    copies = sum(len(group) - 1 for group in several)
    text = (
        "Each group is one photo, also in other sizes, formats or qualities, and one result of a search; the number is "
        "that of the further files."
        if several
        else "No photo is there twice."
    )
    entries = [
        _entry(collection, group[0], *(item.path for item in group[:MAX_NAMES]), *_more(len(group) - MAX_NAMES))
        for group in several[:MAX_ENTRIES]
    ]
    return _section("duplicates", "Near-duplicates", copies, text, entries, len(several))


def _more(count: int) -> list[str]:
    return [f"and {count} more"] if count > 0 else []


def _without_photo(products: Mapping[str, ListedProduct]) -> ReportSection:
    missing = [listed.product for listed in products.values() if not listed.items]
    text = (
        "No search finds these: the feed names no photo of them, or none could be had. sync-report.json in the "
        "collection's folder says why."
        if missing
        else "Every product has a photo."
    )
    entries = [ReportEntry((product.title or product.id, product.id)) for product in missing]
    return _section("products", "Products without a photo", len(missing), text, entries)


def _section(
    key: str, title: str, count: int, text: str, entries: Sequence[ReportEntry], entry_count: int | None = None
) -> ReportSection:
    total = len(entries) if entry_count is None else entry_count
    return ReportSection(key, title, count, text, entries[:MAX_ENTRIES], total)


def _entry(collection: Collection, item: Item, *lines: str) -> ReportEntry:
    """Make an entry with the thumbnail of an item, if its image can be read."""
    path = collection.images.find(item.path) if item.sha256 else None
    try:
        return ReportEntry(lines, thumbnail(path, THUMBNAIL_SIDE) if path else b"")
    except (BadImage, OSError):
        return ReportEntry(lines)


def _facts(
    items: Mapping[int, Item], products: Mapping[str, ListedProduct], checks: Mapping[str, _FileCheck]
) -> Iterator[tuple[str, str]]:
    yield "Images", f"{len(items):,}"
    if products:
        yield "Products", f"{len(products):,}"
    if formats := Counter(check.format for check in checks.values() if check.format):
        yield "Formats", ", ".join(f"{name} {count:,}" for name, count in formats.most_common())
    images = sorted((item for item in items.values() if item.sha256), key=_longer_side)
    if images:
        middle = images[len(images) // 2]
        yield "Median size", f"{middle.width} × {middle.height} pixels"
        yield f"Smaller than {SMALL_SIDE} pixels", f"{sum(_longer_side(item) < SMALL_SIDE for item in images):,}"
        yield "Files", f"{sum(item.bytes for item in images) / 2**20:,.1f} MB"


def _longer_side(item: Item) -> int:
    return max(item.width, item.height)
