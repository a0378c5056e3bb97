"""Commands for a collection that lives: pictures come and go, and what is damaged is mended."""

import sys
from pathlib import Path

import click

from rpf.cli.common import BATCH, FILE, WAIT, Bar, index_keeper, tell_report, with_settings
from rpf.cli.output import say
from rpf.settings import Settings

MOST = 40  # lines of a report


@click.command()
@click.argument("name")
@click.argument("images", type=FILE, nargs=-1, required=True, metavar="IMAGE...")
@click.option("--copy", is_flag=True, help="Copy pictures that lie elsewhere into the collection's image folder.")
@BATCH
@WAIT
@with_settings
def add(settings: Settings, name: str, images: tuple[Path, ...], copy: bool, batch: int, wait: float) -> None:
    """Add pictures, or folders of pictures, to the collection NAME.

    Those that are there already are kept; one that was changed gets a new id. The collection's image folder is the one
    that it was indexed from.

    \b
    Examples:
      python -m rpf add shop photos/new/
      python -m rpf add shop --copy ~/Downloads/coat.jpg
    """
    from rpf import adding
    from rpf.collection import collection_folder
    from rpf.engine import load_model

    folder = collection_folder(settings.collections, name)
    root = adding.image_root(folder)
    inside, outside = adding.pictures(root, images)
    if not inside and not outside:
        raise click.UsageError("There are no pictures in what is given.")
    if outside and not copy:
        raise click.UsageError(
            f"{outside[0]} lies outside of the image folder of {name} ({root}): move it there, or give --copy, which "
            "copies it."
        )
    with Bar() as bar:
        keep_up = index_keeper(settings, bar)
        model = load_model(settings)
        report = adding.add(folder, inside, outside, model, batch=batch, progress=bar, wait=wait, finish=keep_up)
    tell_report(name, report)


@click.command()
@click.argument("name")
@click.argument("ids", type=int, nargs=-1, required=True, metavar="ID...")
@WAIT
def remove(name: str, ids: tuple[int, ...], wait: float) -> None:
    """Remove items from the collection NAME by their ids. Their pictures stay where they are.

    \b
    Example:
      python -m rpf remove shop 17 23
    """
    from rpf.collection import Writer, collection_folder

    settings = Settings.from_environ()
    with Bar("vector") as bar:
        keep_up = index_keeper(settings, bar)
        with Writer.existing(collection_folder(settings.collections, name), wait) as writer:
            writer.remove(ids)
            keep_up(writer)
            left = writer.manifest.count
    say(f"{name}: {len(set(ids))} removed, {left} left")


@click.command()
@click.argument("name")
@click.option(
    "--method",
    help="Search by: auto, exact, pca, kdtree, lsh, faiss, faiss:FACTORY, hnsw, milvus. Default: as now; where there "
    "is no index, RPF_INDEX.",
)
@WAIT
def compact(name: str, method: str | None, wait: float) -> None:
    """Merge the parts of the collection NAME, drop what was removed, and build its search index anew.

    The method stays in use for what is added later, as long as RPF_INDEX is unset or auto; but a collection of 10,000
    items or more stays without an index only with RPF_INDEX=exact.

    \b
    Examples:
      python -m rpf compact shop
      python -m rpf compact shop --method hnsw
    """
    from rpf.collection import Collection, Writer, collection_folder
    from rpf.index.kept import keep_up, method_for, method_in_use

    settings = Settings.from_environ()
    folder = collection_folder(settings.collections, name)
    method_for(method or settings.index, 0)  # to say what is wrong before the work
    with Bar("vector") as bar, Writer.existing(folder, wait) as writer:
        writer.compact()
        wanted = method or method_in_use(Collection.open(folder)) or settings.index
        used = keep_up(writer, wanted, settings.index_key(), bar, anew=True)
        count = writer.manifest.count
    say(f"{name}: {count} items, searched by {used}")


@click.command()
@click.argument("name")
@click.option("--check-only", is_flag=True, help="Look, and change nothing.")
@BATCH
@WAIT
@with_settings
def verify(settings: Settings, name: str, check_only: bool, batch: int, wait: float) -> None:
    """Check the collection NAME (pictures, counts, embeddings, index), and mend what can be mended.

    What is damaged is embedded anew from its pictures, under new ids. Ends with status 1 if something remains that
    could not be mended.

    \b
    Examples:
      python -m rpf verify shop
      python -m rpf verify shop --check-only
    """
    from rpf import verifying
    from rpf.collection import collection_folder
    from rpf.engine import load_model
    from rpf.index.kept import method_for

    folder = collection_folder(settings.collections, name)
    method_for(settings.index, 0)
    with Bar() as bar:
        if check_only:
            report = verifying.check(folder, settings.index_key(), bar)
        else:
            report = verifying.mend(
                folder,
                lambda: load_model(settings),
                settings.index,
                settings.index_key(),
                bar,
                wait=wait,
                batch=batch,
            )
    for title, lines in (("mended", report.mended), ("problem", report.remaining)):
        for line in lines[:MOST]:
            say(f"{title}: {line}")
        if len(lines) > MOST:
            say(f"{title}: and {len(lines) - MOST} more")
    say(f"{name}: {report.items} items, {len(report.mended)} mended, {len(report.remaining)} problems")
    if report.remaining:
        sys.exit(1)
