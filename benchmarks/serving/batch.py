"""Batches of products by the API: their rate beside `rpf index`, the memory of the site, and searches meanwhile."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from PIL import Image, ImageChops

from benchmarks.common.machine import describe, machine
from benchmarks.common.report import Row, table
from benchmarks.common.site_server import Site, serve
from rpf.access.keys import KeyStore
from rpf.client import RPFClient
from rpf.collection import CollectionSpec, Writer
from rpf.inference.load import load_model
from rpf.ingest.pipeline import ImageRecord, ingest, merge_small_segments
from rpf.ingest.scan import find_images
from rpf.models.base import TwoBranchModel
from rpf.settings import Settings
from rpf.utils.progress import Progress
from wardrobe import draw

COLLECTION = "shop"
GARMENTS = 24  # drawn; photos are these, shifted
PHOTO_SIDE = 256  # pixels
SEARCH_SECONDS = 0.5  # between two searches
MAX_SECONDS = 6 * 3600.0
COLUMNS = {
    "batch": "{batch}",
    "lines": "{lines}",
    "seconds": "{seconds:.1f}",
    "lines per second": "{per_second:.0f}",
    "photos per second": "{photos_per_second:.1f}",
    "site's peak, MB": "{peak_mb:.0f}",
    "search p50, ms": "{search_p50_ms:.0f}",
    "search max, ms": "{search_max_ms:.0f}",
    "problems": "{problems}",
}


def measure(plan: dict[str, Any], settings: Settings, folder: Path, progress: Progress) -> dict[str, Any]:
    """Measure batches on a site over a new shop in `folder`; return the report.

    plan: products (with photos), photos (of each), without_photos (more products).
    """
    local = settings.model_copy(
        update={"collections": folder / "collections", "collection": COLLECTION, "instance": folder / "instance"}
    )
    count, photos = plan["products"], plan["photos"]
    images = local.collections / COLLECTION / "images"
    _make_photos(images, count * photos)
    model = load_model(settings)
    Writer.open(
        local.collections / COLLECTION, CollectionSpec(model.checkpoint_hash, model.attributes, model.dim, "images")
    ).close()
    token = KeyStore(local.instance).create("write", "benchmark")[1]
    shirts = [_product(number, photos) for number in range(count)]
    others = [_product(count + number, 0) for number in range(plan["without_photos"])]
    batches = {
        "new, with photos": shirts,
        "as before": shirts,
        "new prices": [{**one, "price": one["price"] + 1} for one in shirts],
        "new, without photos": others,
    }
    steps = len(batches) + 3
    progress("index", 0, steps)
    rows: list[Row] = [_index(model, images, folder / "before")]
    with serve(local, folder / "log", RPF_RATE_LIMIT="off") as site, RPFClient(site.address, token) as client:
        start_mb = site.resident_bytes() / 1e6
        for at, (name, products) in enumerate(batches.items(), 1):
            progress(name, at, steps)
            rows.append({"batch": name, **_run(site, client, put=products)})
        progress("deleted", steps - 2, steps)
        rows.append({"batch": "deleted", **_run(site, client, delete=[one["id"] for one in others])})
    progress("index", steps - 1, steps)
    rows.append(_index(model, images, folder / "after"))
    progress("measured", steps, steps)
    return {"plan": plan, "machine": machine(), "start_mb": start_mb, "batches": rows}


def as_markdown(report: dict[str, Any]) -> list[str]:
    """Format a report as lines of Markdown."""
    plan = report["plan"]
    return [
        "# Batches", "",
        f"{describe(report['machine'])}.", "",
        f"`POST /api/v1/batch` of {plan['products']} products with {plan['photos']} photos each of {PHOTO_SIDE} pixels "
        f"(drawn garments), and of {plan['without_photos']} products without photos, from the first byte sent until "
        f"the job is done. The site had {report['start_mb']:.0f} MB resident at its start. Searches by an item ran in "
        "the meantime, two a second at most. `rpf index` of the same photos, without its start, was measured before "
        "and after: other work of the machine slows all three.", "",
        *table(report["batches"], COLUMNS),
    ]  # fmt: skip


def _make_photos(folder: Path, count: int) -> None:
    """Write photos, of which no two are the same."""
    folder.mkdir(parents=True)
    garments = [draw(seed, size=PHOTO_SIDE).image for seed in range(min(GARMENTS, count))]
    for number in range(count):
        garment: Image.Image = garments[number % len(garments)]
        ImageChops.offset(garment, number // len(garments)).save(folder / f"{number:06}.jpg", quality=85)


def _product(number: int, photos: int) -> dict[str, Any]:
    """Return a product with three sizes, as large as those of real exports."""
    name = f"P{number:06}"
    return {
        "id": name,
        "title": f"Shirt {number}",
        "url": f"https://shop.example/{name}",
        "categories": [["Men", "Tops", "Shirts"]],
        "price": 20 + number % 50,
        "currency": "EUR",
        "columns": {"material": "Cotton", "description": "A shirt for every day. " * 20},
        "variants": [{"id": f"{name}-{size}", "colour": "blue", "size": size, "available": True} for size in "SML"],
        "photos": [{"source": f"{number * photos + at:06}.jpg", "colour": "blue"} for at in range(photos)],
    }


def _index(model: TwoBranchModel, images: Path, folder: Path) -> Row:
    """Index the photos as `rpf index` does, into a new collection in `folder`."""
    records = [ImageRecord(name) for name in find_images(images)]
    spec = CollectionSpec(model.checkpoint_hash, model.attributes, model.dim, str(images))
    model.embed([Image.new("RGB", (64, 64))])  # the first pass is slow
    started = time.monotonic()
    with Writer.open(folder, spec) as writer:
        ingest(writer, records, model, lambda phase, done, total: None)
        merge_small_segments(writer, lambda phase, done, total: None)
    seconds = time.monotonic() - started
    return {"batch": "`rpf index`", "seconds": seconds, "photos_per_second": len(records) / seconds}


def _run(site: Site, client: RPFClient, **lines: Sequence[Any]) -> dict[str, Any]:
    """Run a batch while the site is watched and searched."""
    items = client.collections()[0]["items"]
    seconds: list[float] = []
    peak = [0.0]

    def search() -> None:
        started = time.monotonic()
        if items:
            client.search(product="P000000", limit=24)
            seconds.append(time.monotonic() - started)
        time.sleep(SEARCH_SECONDS)

    def watch() -> None:
        peak[0] = max(peak[0], site.resident_bytes() / 1e6)
        time.sleep(0.1)

    with _repeated(search), _repeated(watch):
        started = time.monotonic()
        job = client.wait_for_job(client.batch(**lines)["id"], MAX_SECONDS)
        duration = time.monotonic() - started
    added = client.collections()[0]["items"] - items
    return {
        "lines": job["total"],
        "seconds": duration,
        "per_second": job["total"] / duration,
        "photos_per_second": added / duration if added > 0 else None,
        "peak_mb": peak[0],
        "search_p50_ms": 1e3 * median(seconds) if seconds else None,
        "search_max_ms": 1e3 * max(seconds) if seconds else None,
        "problems": job["problem_count"],
    }


@contextmanager
def _repeated(work: Callable[[], None]) -> Iterator[None]:
    """Repeat some work on a thread until the end of the block."""
    ended = threading.Event()

    def repeat() -> None:
        while not ended.is_set():
            work()

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
