"""Commands for a collection that lives: pictures come and go, and what is damaged is mended."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from rpf.cli.options import AGAIN, BATCH, FILE, FOLLOW_LINKS, WAIT, Bar, index_keeper, tell_report, with_settings
from rpf.cli.output import say
from rpf.settings import Settings

MOST = 40  # lines of a report


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

    Those that are there already are kept; one that was moved keeps its id, one that was changed gets a new one. What
    was removed by `remove` is left out, unless --again is given. The collection's image folder is the one that it was
    indexed from. Ends with status 3 if an image could not be read.

    \b
    Examples:
      python -m rpf add shop photos/new/
      python -m rpf add shop --copy ~/Downloads/coat.jpg
      python -m rpf add shop photos/coat.jpg --again
    """
    from rpf.collection import collection_folder
    from rpf.inference.load import load_model
    from rpf.ingest import copy_images
    from rpf.ingest.scan import describe

    folder = collection_folder(settings.collections, name)
    place = copy_images.image_folder(folder, settings.image_roots)
    given = copy_images.sort_given(place, images, follow_links)
    if not given.inside and not given.outside:
        instead = describe(given.left_out)
        raise click.UsageError(f"There are no images in what is given{instead and ', but ' + instead}.")
    if given.outside and not copy:
        raise click.UsageError(
            f"{given.outside[0]} lies outside of the image folder of {name} ({place.root}): move it there, or give "
            "--copy, which copies it."
        )
    with Bar() as bar:
        update_index = index_keeper(settings, bar)
        report = copy_images.add(
            folder,
            given,
            load_model(settings),
            batch=batch,
            progress=bar,
            wait=wait,
            again=again,
            linked=settings.image_roots,
            finish=update_index,
        )
    tell_report(name, report, given.left_out)


@click.command()
@click.argument("name")
@click.argument("items", nargs=-1, metavar="[ID|PATH]...")
@click.option("--missing", is_flag=True, help="Remove the items whose images are gone from the image folder.")
@WAIT
def remove(name: str, items: tuple[str, ...], missing: bool, wait: float) -> None:
    """Remove items from the collection NAME: by id, by the path of the image, or all below a folder.

    17 is an id, ./17 a path. A path counts from here, else from the image folder. The images stay where they are; what
    was given is remembered, so that `index` and `add` leave it out until they are told --again.

    \b
    Examples:
      python -m rpf remove shop 17 23
      python -m rpf remove shop photos/coat.jpg photos/2019/
      python -m rpf remove shop --missing
    """
    from rpf.collection import Writer, collection_folder
    from rpf.ingest import remove

    if not items and not missing:
        raise click.UsageError("Give ids or paths of what is to be removed, or --missing.")
    settings = Settings.from_environ()
    with Bar("vector") as bar:
        update_index = index_keeper(settings, bar)
        with Writer.open(collection_folder(settings.collections, name), wait=wait) as writer:
            removed = remove.remove(writer, items, missing)
            update_index(writer)
            left = writer.manifest.count
    _tell_lines([f"removed {item_id}: {path}" for item_id, path in removed.items()])
    say(f"{name}: {len(removed)} removed, {left} left")


@click.command()
@click.argument("name")
@click.argument("folder", type=FILE)
@click.option("--partial", is_flag=True, help="Go on though images are missing in FOLDER, or others under their paths.")
@WAIT
def relocate(name: str, folder: Path, partial: bool, wait: float) -> None:
    """Tell the collection NAME that its image folder is FOLDER now: it was moved, or copied to another disk.

    Nothing is embedded; that the images are those of the collection is checked by their hashes. Images that are missing
    in the folder of before may be missing in the new one too. If that is gone, --partial is needed to go on without
    some of the images.

    \b
    Example:
      python -m rpf relocate shop /mnt/photos
    """
    from rpf.collection import collection_folder
    from rpf.ingest import relocate

    settings = Settings.from_environ()
    target = collection_folder(settings.collections, name)
    with Bar() as bar:
        report = relocate.relocate(target, folder, bar, wait=wait, partial=partial, linked=settings.image_roots)
    if report.missing:
        say(
            f"{len(report.missing)} images are missing there or are others; `python -m rpf index {name} "
            f"{shlex.quote(str(folder))}` takes in what was moved or changed, with --prune it removes the rest"
        )
    say(f"{name}: {report.items} items, images in {folder.resolve()}")


@click.command()
@click.argument("name")
@click.option(
    "--method",
    help="Search by: auto, exact, pca, kdtree, lsh, faiss, faiss:FACTORY, hnsw, milvus. Default: as now; where there "
    "is no index, RPF_INDEX_METHOD.",
)
@WAIT
def compact(name: str, method: str | None, wait: float) -> None:
    """Merge the parts of the collection NAME, drop what was removed, and build its search index anew.

    The method stays in use for what is added later, as long as RPF_INDEX_METHOD is unset or auto; but a collection
    of 10,000 items or more stays without an index only with RPF_INDEX_METHOD=exact.

    \b
    Examples:
      python -m rpf compact shop
      python -m rpf compact shop --method hnsw
    """
    from rpf.collection import Collection, Writer, collection_folder
    from rpf.search.index_store import check_index_method, index_method, update_index

    settings = Settings.from_environ()
    folder = collection_folder(settings.collections, name)
    check_index_method(method or settings.index_method)  # to say what is wrong before the work
    with Bar("vector") as bar, Writer.open(folder, wait=wait) as writer:
        writer.compact()
        collection = Collection.open(folder)
        wanted = method or index_method(collection, settings.indexes) or settings.index_method
        used = update_index(collection, settings.indexes, wanted, bar, rebuild=True)
        count = writer.manifest.count
    say(f"{name}: {count} items, searched by {used}")


@click.command()
@click.argument("name")
@click.option("--check-only", is_flag=True, help="Look, and change nothing.")
@BATCH
@WAIT
@with_settings
def verify(settings: Settings, name: str, check_only: bool, batch: int, wait: float) -> None:
    """Check the collection NAME (images, counts, embeddings, index), and mend what can be mended.

    Damaged items are re-embedded from their images, under new ids. Problems are listed by kind, with the paths of the
    images and what to do. Ends with status 1 if something remains that could not be mended.

    \b
    Examples:
      python -m rpf verify shop
      python -m rpf verify shop --check-only
    """
    from rpf.collection import collection_folder
    from rpf.inference.load import load_model
    from rpf.ingest import verify
    from rpf.search.index_store import check_index_method

    folder = collection_folder(settings.collections, name)
    check_index_method(settings.index_method)
    with Bar() as bar:
        if check_only:
            report = verify.check(folder, settings.indexes, bar, settings.image_roots)
        else:
            report = verify.mend(
                folder,
                lambda: load_model(settings),
                settings.index_method,
                settings.indexes,
                bar,
                wait=wait,
                batch=batch,
                linked=settings.image_roots,
            )
    _tell_lines([f"mended: {line}" for line in report.mended])
    for problem in report.remaining:
        say(f"problem: {problem.text}{':' if problem.items else ''}")
        _tell_lines([f"  {item}" for item in problem.items])
    say(f"{name}: {report.items} items, {len(report.mended)} mended, {report.problems} problems")
    if report.remaining:
        sys.exit(1)


def _tell_lines(lines: Sequence[str]) -> None:
    """Print a long list, cut short."""
    for line in lines[:MOST]:
        say(line)
    if len(lines) > MOST:
        say(f"  and {len(lines) - MOST} more")
