"""Command `build-index`."""

from pathlib import Path

import click

from rpf.cli.options import WAIT, Bar
from rpf.cli.output import say
from rpf.settings import Settings


@click.command("build-index")
@click.argument("name")
@click.option(
    "--method",
    help="auto, exact, pca, kdtree, lsh, faiss, faiss:FACTORY, hnsw or milvus. Default: the method in use, else "
    "RPF_INDEX_METHOD.",
)
@click.option(
    "--update",
    "only_update",
    is_flag=True,
    help="Only take in what is new, or build it where there is none that can be used. Others may write the collection "
    "meanwhile.",
)
@WAIT
def build_index(name: str, method: str | None, only_update: bool, wait: float) -> None:
    """Build the search index of the collection NAME in this installation.

    The method stays in use for images that are added later, as long as RPF_INDEX_METHOD is unset or auto; but a
    collection of 10,000 items or more stays without an index only with RPF_INDEX_METHOD=exact.

    \b
    Examples:
      rpf build-index shop
      rpf build-index shop --method hnsw
    """
    from rpf.collection import Writer, collection_folder

    if only_update and method:
        raise click.UsageError("--update keeps the method in use, or RPF_INDEX_METHOD; leave --method out.")
    settings = Settings.from_environ()
    folder = collection_folder(settings.collections, name)
    with Bar("vector") as bar:
        if only_update:
            _update_index(folder, settings, bar)
            return
        with Writer.open(folder, wait=wait):
            rebuild_index(folder, method, settings, bar)


def _update_index(folder: Path, settings: Settings, bar: Bar) -> None:
    from rpf.collection import Collection
    from rpf.search.index_store import update_index

    for _ in range(2):  # the second one takes in what was added during the first
        collection = Collection.open(folder)
        used = update_index(collection, settings.indexes, settings.index_method, bar)
        if not collection.changed():
            break
    say(f"{folder.name}: {len(collection)} items, searched by {used}")


def rebuild_index(folder: Path, method: str | None, settings: Settings, bar: Bar) -> None:
    """Build the search index again, by the method in use if none is given, and print what is searched by."""
    from rpf.collection import Collection
    from rpf.search.index_store import index_method, update_index

    collection = Collection.open(folder)
    method = method or index_method(collection, settings.indexes) or settings.index_method
    used = update_index(collection, settings.indexes, method, bar, rebuild=True)
    say(f"{folder.name}: {len(collection)} items, searched by {used}")
