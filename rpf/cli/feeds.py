"""Commands for product feeds."""

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rpf.cli.options import BATCH, FILE, UNREADABLE, WAIT, Bar, with_settings
from rpf.cli.output import say
from rpf.settings import Settings
from rpf.utils.files import write_atomic

if TYPE_CHECKING:
    from rpf.feeds import Feed
    from rpf.ingest.sync import SyncPlan, SyncReport

MAX_LINES = 20  # of one kind on the screen; the report has all
PHOTOS_FOLDER = "photos"  # in the collection's folder: those that were fetched
REPORT_FILE = "sync-report.json"


def feed_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of a feed to a command, which gets them as `options`."""
    options = (
        click.option("--images", type=FILE, help="Folder of the photos that the feed names by paths."),
        click.option("--mapping", type=FILE, help="YAML file that says which columns of a feed are which fields."),
        click.option("--currency", default="", help="Currency of prices that name none, such as USD."),
        click.option(
            "--link",
            default="",
            metavar="TEMPLATE",
            help="Addresses of the products where the feed has none, filled from its columns: "
            "'https://shop.example/{url_key}.html'.",
        ),
        click.option(
            "--facet",
            "facets",
            multiple=True,
            metavar="COLUMN",
            help="Column to filter by on the site, beside category, colour and size; may be repeated. Remembered.",
        ),
        click.option("--dry-run", is_flag=True, help="Print what would be changed, and change nothing."),
        click.option(
            "--allow-removals",
            is_flag=True,
            help="Go on though more than a third of the products would be removed.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@click.argument("name")
@click.argument("feed", type=FILE)
@feed_options
@click.option("--title", default="", help="The collection's name on the site, when it is created.")
@BATCH
@WAIT
@with_settings
def sync(settings: Settings, name: str, feed: Path, **options: Any) -> None:
    """Bring the collection NAME to the state of a shop's product export, FEED.

    Exports of Magento 2, Shopify, WooCommerce and Google Merchant Center are recognised, as are plain CSV and JSON
    lines; --mapping says what other columns mean. Run again, it takes in what was added, changed or removed. Photos are
    embedded once, and a changed price or name embeds nothing. A product whose photo cannot be had keeps the photo that
    it had. All that was wrong is in sync-report.json in the collection's folder.

    \b
    Examples:
      rpf sync shop products.csv --images media/ --currency USD
      rpf sync shop products.csv --images media/ --dry-run
      rpf sync shop feed.xml
    """
    run_sync(settings, name, feed, **options)


def run_sync(
    settings: Settings,
    name: str,
    file: Path,
    *,
    images: Path | None,
    mapping: Path | None,
    currency: str,
    link: str,
    facets: tuple[str, ...],
    dry_run: bool,
    allow_removals: bool,
    title: str,
    batch: int,
    wait: float,
) -> None:
    """Read a feed, and bring a collection to its state."""
    from rpf.collection import Collection, CollectionSpec, Writer, collection_folder
    from rpf.feeds import read_feed
    from rpf.inference.load import load_model
    from rpf.ingest.pipeline import merge_small_segments
    from rpf.ingest.sync import PhotoOptions, plan_sync, sync
    from rpf.products.table import ProductTable, read_products
    from rpf.search.index_store import check_index_method, update_index

    target = collection_folder(settings.collections, name)
    feed = read_feed(file, mapping=mapping, currency=currency, link=link)
    print_problems(feed)
    if dry_run:
        known = {product_id: listed.product for product_id, listed in read_products(target).items()}
        print_plan(plan_sync(feed.products, known), {product.id: product.title for product in feed.products})
        return
    if not feed.products:
        raise click.UsageError(f'"{file}" has no products.')
    check_index_method(settings.index_method)
    model = load_model(settings)
    root = PHOTOS_FOLDER if images is None else str(images.resolve())
    spec = CollectionSpec(model.checkpoint_hash, model.attributes, model.dim, root, title)
    with Bar() as bar, Writer.open(target, spec, wait=wait) as writer, ProductTable(target, facets or None) as table:
        writer.manifest.spec.image_root(writer.folder).mkdir(exist_ok=True)
        options = PhotoOptions(settings.image_hosts, batch, settings.image_roots)
        report = sync(writer, table, feed.products, model, bar, options, allow_removals=allow_removals)
        merge_small_segments(writer, bar)
        update_index(Collection.open(target), settings.indexes, settings.index_method, bar)
        write_report(writer.folder / REPORT_FILE, feed, report)
    print_report(name, report)


def print_problems(feed: "Feed") -> None:
    """Print what is wrong with a feed, by line."""
    lines = [
        f"line {one.line}{f', {one.column}' if one.column else ''}: {one.message}" for one in feed.problems[:MAX_LINES]
    ]
    if (rest := len(feed.problems) - MAX_LINES) > 0:
        lines.append(f"... and {rest} more problems")
    say(*lines, err=True)
    say(f"{feed.format}: {feed.rows} rows, {len(feed.products)} products, {len(feed.problems)} problems")


def print_plan(plan: "SyncPlan", titles: Mapping[str, str]) -> None:
    """Print the products that a feed would add, change or remove."""
    for what, ids in (("add", plan.added), ("change", plan.changed), ("remove", plan.removed)):
        say(*(f"would {what} {product} {titles.get(product, '')}".rstrip() for product in ids[:MAX_LINES]))
        if len(ids) > MAX_LINES:
            say(f"would {what} {len(ids) - MAX_LINES} more")
    say(_counts(plan) + "; nothing was changed")


def print_report(name: str, report: "SyncReport") -> None:
    """Print the result in one line, after the photos that could not be had; end with status 3 if there are any."""
    photos = report.photos
    say(*(f"skipped {path}: {why}" for path, why in photos.skipped[:MAX_LINES]), err=True)
    say(
        f"{name}: {_counts(report.plan)}; photos: {photos.added} added, {photos.unchanged} unchanged, "
        f"{report.removed_items} removed, {len(photos.skipped)} skipped; in {photos.seconds:.1f} s"
    )
    if report.without_photo:
        say(f"{len(report.without_photo)} products have no photo, so no search finds them (see {REPORT_FILE})")
    if photos.skipped:
        sys.exit(UNREADABLE)


def write_report(file: Path, feed: "Feed", report: "SyncReport") -> None:
    """Write all that was done, and all that was wrong, as JSON."""
    record = {
        "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "format": feed.format,
        "rows": feed.rows,
        "products": asdict(report.plan),
        "photos": {**asdict(report.photos), "removed": report.removed_items},
        "without_photo": report.without_photo,
        "problems": [one._asdict() for one in feed.problems],
    }
    write_atomic(file, json.dumps(record, ensure_ascii=False, indent=1).encode())


def _counts(plan: "SyncPlan") -> str:
    return (
        f"{len(plan.added)} products added, {len(plan.changed)} changed, {len(plan.unchanged)} unchanged, "
        f"{len(plan.removed)} removed"
    )
