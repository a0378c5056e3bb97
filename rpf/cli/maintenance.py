"""Commands that change, check and repair a collection."""

import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rpf.cli.indexes import rebuild_index
from rpf.cli.options import AGAIN, BATCH, FILE, FOLLOW_LINKS, WAIT, Bar, print_ingest_report, with_settings
from rpf.cli.output import say
from rpf.errors import CollectionError
from rpf.settings import Settings
from rpf.utils.files import file_hash

if TYPE_CHECKING:
    from rpf.ingest.verify import VerifyReport

MAX_REPORT_LINES = 40  # of one kind


@click.command()
@click.argument("name")
@click.argument("images", type=FILE, nargs=-1, required=True, metavar="IMAGE...")
@click.option("--copy", is_flag=True, help="Copy images that lie elsewhere into the collection's image folder.")
@AGAIN
@FOLLOW_LINKS
@BATCH
@WAIT
@with_settings
def add(
    settings: Settings,
    name: str,
    images: tuple[Path, ...],
    copy: bool,
    again: bool,
    follow_links: bool,
    batch: int,
    wait: float,
) -> None:
    """Add images, or folders of images, to the collection NAME.

    Images that are items already are left as they are; one that was moved keeps its id, one that was changed gets a new
    one. Images that were removed by `remove` are left out, unless --again is given. The collection's image folder is
    the one that it was indexed from. Ends with status 3 if an image could not be read.

    \b
    Examples:
      rpf add shop photos/new/
      rpf add shop --copy ~/Downloads/coat.jpg
      rpf add shop photos/coat.jpg --again
    """
    from rpf.collection import Collection, ImageFolder, Writer, collection_folder, read_manifest
    from rpf.inference.load import load_model
    from rpf.ingest.copy_images import copy_images, locate_images
    from rpf.ingest.pipeline import ingest, merge_small_segments
    from rpf.ingest.scan import describe
    from rpf.search.index_store import check_index_method, update_index

    folder = collection_folder(settings.collections, name)
    spec = read_manifest(folder)[0].spec
    if not spec.checkpoint:
        raise CollectionError(
            'The collection "%(name)s" was imported without its checkpoint: it takes no images. If it has '
            "images, embed them with: rpf re-embed %(name)s",
            name=name,
        )
    image_folder = ImageFolder(spec.image_root(folder), settings.image_roots)
    image_folder.require(name)  # a folder made in its place would hide its images
    sources = locate_images(image_folder, images, follow_links)
    if not sources.inside and not sources.outside:
        instead = describe(sources.left_out)
        raise click.UsageError(f"There are no images in these files and folders{instead and ', but ' + instead}.")
    if sources.outside and not copy:
        raise click.UsageError(
            f'"{sources.outside[0]}" lies outside of the image folder of {name} ("{image_folder.root}"): move it '
            "there, or give --copy, which copies it."
        )
    check_index_method(settings.index_method)
    model = load_model(settings)
    spec = replace(spec, checkpoint=model.checkpoint_hash)
    with Bar() as bar, Writer.open(folder, spec, wait=wait) as writer:
        copies, copied = copy_images(writer, sources.outside, again)
        report = ingest(
            writer, [*sources.inside, *copies], model, bar,
            batch_size=batch, linked=settings.image_roots, again=again,
        )  # fmt: skip
        merge_small_segments(writer, bar)
        update_index(Collection.open(folder), settings.indexes, settings.index_method, bar)
    report.skipped[:0] = copied.skipped
    report.left_out += copied.left_out
    print_ingest_report(name, report, sources.left_out)


@click.command()
@click.argument("name")
@click.argument("items", nargs=-1, metavar="[ID|PATH]...")
@click.option("--missing", is_flag=True, help="Remove the items whose images are missing in the image folder.")
@WAIT
def remove(name: str, items: tuple[str, ...], missing: bool, wait: float) -> None:
    """Remove items from the collection NAME: by id, by the path of the image, or all below a folder.

    17 is an id, ./17 a path. A path is relative to the current folder, else to the image folder. The images stay where
    they are; `index` and `add` leave the named ones out from then on, until --again is given.

    \b
    Examples:
      rpf remove shop 17 23
      rpf remove shop photos/coat.jpg photos/2019/
      rpf remove shop --missing
    """
    from rpf.collection import Collection, Writer, collection_folder
    from rpf.ingest import reconcile
    from rpf.search.index_store import check_index_method, update_index

    if not items and not missing:
        raise click.UsageError("Give ids or paths of items to remove, or --missing.")
    settings = Settings.from_environ()
    folder = collection_folder(settings.collections, name)
    check_index_method(settings.index_method)
    with Bar("vector") as bar, Writer.open(folder, wait=wait) as writer:
        removed = reconcile.remove(writer, items, missing)
        update_index(Collection.open(folder), settings.indexes, settings.index_method, bar)
    print_lines([f"removed {item_id}: {path}" for item_id, path in removed.items()])
    say(f"{name}: {len(removed)} removed, {writer.manifest.count} left")


@click.command()
@click.argument("name")
@click.argument("folder", type=FILE)
@click.option("--partial", is_flag=True, help="Go on though images are missing in FOLDER, or differ.")
@WAIT
def relocate(name: str, folder: Path, partial: bool, wait: float) -> None:
    """Set the image folder of the collection NAME to FOLDER: it was moved, or copied to another disk.

    Nothing is embedded; the images are compared by their hashes. Images that are missing in the old folder may be
    missing in the new one too. If the old folder is gone, --partial is needed to go on without some of the images.

    \b
    Example:
      rpf relocate shop /mnt/photos
    """
    from rpf.collection import Writer, collection_folder
    from rpf.ingest import reconcile

    settings = Settings.from_environ()
    with Bar() as bar, Writer.open(collection_folder(settings.collections, name), wait=wait) as writer:
        missing = reconcile.relocate(writer, folder, bar, partial=partial, linked=settings.image_roots)
    if missing:
        say(
            f"{len(missing)} images are missing there or differ; `rpf index {name} {shlex.quote(str(folder))}` "
            "takes in what was moved or changed, with --prune it removes the other items"
        )
    say(f"{name}: {writer.manifest.count} items, images in {folder.resolve()}")


@click.command()
@click.argument("name")
@WAIT
@with_settings
def optimize(settings: Settings, name: str, wait: float) -> None:
    """Merge the segments of the collection NAME, drop removed items, and rebuild its search index.

    The index keeps its method; `build-index` changes it. Where the checkpoint can name values and the items have none,
    or older ones, they get them; no image is read.

    \b
    Example:
      rpf optimize shop
    """
    from rpf.collection import Writer, collection_folder
    from rpf.ingest.stored_values import classify_items
    from rpf.models.value_classifier import read_classifier
    from rpf.search.index_store import check_index_method

    check_index_method(settings.index_method)
    with Bar("vector") as bar, Writer.open(collection_folder(settings.collections, name), wait=wait) as writer:
        spec = writer.manifest.spec
        classifier = read_classifier(settings.checkpoint, spec.checkpoint, len(spec.attributes), spec.dim)
        writer.optimize(classify_items(writer.folder, classifier) if classifier else None)
        rebuild_index(writer.folder, None, settings, bar)


@click.command()
@click.argument("name")
@with_settings
def verify(settings: Settings, name: str) -> None:
    """Check the collection NAME (images, counts, embeddings, index), and change nothing.

    Problems are listed by kind, with the paths of the images and what to do. Ends with status 1 if there are any.

    \b
    Example:
      rpf verify shop
    """
    from rpf.collection import collection_folder, read_manifest
    from rpf.ingest.verify import verify

    folder = collection_folder(settings.collections, name)
    checkpoint = read_manifest(folder)[0].spec.checkpoint
    if checkpoint and settings.checkpoint.is_file() and file_hash(settings.checkpoint) != checkpoint:
        say(
            f'note: {name} was made with another checkpoint than "{settings.checkpoint}"; to search or repair it, give '
            f"that one by --checkpoint, or embed it again with: rpf re-embed {name}",
            err=True,
        )
    with Bar() as bar:
        report = verify(folder, settings, bar)
    _print_verify_report(name, report)


@click.command()
@click.argument("name")
@BATCH
@WAIT
@with_settings
def repair(settings: Settings, name: str, batch: int, wait: float) -> None:
    """Check the collection NAME as `verify` does, and repair it.

    Lost or corrupt items are re-embedded from their images, under new ids; items that cannot be re-embedded are
    removed. Ends with status 1 if problems remain.

    \b
    Example:
      rpf repair shop
    """
    from rpf.collection import Writer, collection_folder
    from rpf.ingest.pipeline import merge_small_segments
    from rpf.ingest.repair import repair_index, repair_items
    from rpf.search.index_store import check_index_method

    check_index_method(settings.index_method)
    folder = collection_folder(settings.collections, name)
    with Bar() as bar, Writer.open(folder, wait=wait, repair=True) as writer:
        report = repair_items(writer, settings, bar, batch_size=batch)
        merge_small_segments(writer, bar)
        repair_index(writer, settings, report, bar)
    _print_verify_report(name, report)


def _print_verify_report(name: str, report: "VerifyReport") -> None:
    """Print what was repaired and the problems; end with status 1 if there are any."""
    print_lines([f"repaired: {line}" for line in report.repaired])
    for problem in report.problems:
        say(f"problem: {problem.text}{':' if problem.items else ''}")
        print_lines([f"  {item}" for item in problem.items])
    problems = sum(len(problem.items) or 1 for problem in report.problems)
    say(f"{name}: {report.items} items, {len(report.repaired)} repaired, {problems} problems")
    if problems:
        sys.exit(1)


def print_lines(lines: Sequence[str], err: bool = False) -> None:
    """Print a list, cut at MAX_REPORT_LINES."""
    more = [f"  and {len(lines) - MAX_REPORT_LINES} more"] if len(lines) > MAX_REPORT_LINES else []
    say(*lines[:MAX_REPORT_LINES], *more, err=err)
