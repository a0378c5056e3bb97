"""Commands that make collections and search them."""

import json
import shlex
from collections import Counter
from pathlib import Path
from typing import Any

import click

from rpf.cli.options import (
    AGAIN,
    BATCH,
    FILE,
    FOLLOW_LINKS,
    WAIT,
    Bar,
    ManyConfigs,
    index_keeper,
    naming,
    tell_report,
    with_settings,
)
from rpf.cli.output import say
from rpf.settings import Settings
from rpf.utils.text import format_examples


@click.command()
@click.argument("name")
@click.argument("folder", type=FILE, required=False)
@click.option("--dataset", type=FILE, help="Config of a labelled dataset instead of a folder.")
@click.option("--split", type=click.Choice(["train", "valid", "test", "all"]), default="all", show_default=True)
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="A setting over the dataset's config.")
@click.option("--title", default="", help="The collection's name on the site.")
@click.option("--prune", is_flag=True, help="Remove the items whose images are gone from the image folder.")
@AGAIN
@FOLLOW_LINKS
@BATCH
@WAIT
@with_settings
def index(
    settings: Settings,
    name: str,
    folder: Path | None,
    dataset: Path | None,
    split: str,
    overrides: tuple[str, ...],
    title: str,
    prune: bool,
    again: bool,
    follow_links: bool,
    batch: int,
    wait: float,
) -> None:
    """Index the images of FOLDER, or of a dataset, as the collection NAME.

    Stopped half-way, the same command goes on where it was. Run again, it takes in what is new or changed; an image
    that was moved or renamed in the folder keeps its item, and its id. Items whose images are gone stay, unless --prune
    is given. What was removed by `remove` is left out, unless --again is given. Files of other kinds, hidden files and
    links out of the folder are left out and counted. Ends with status 3 if an image could not be read.

    \b
    Examples:
      python -m rpf index shop photos/
      python -m rpf index shop photos/ --prune
      RPF_IMAGE_ROOTS=/mnt/archive python -m rpf index shop photos/ --follow-links
      python -m rpf index clothing --dataset config/Clothing/Clothing.yaml --split test --set DATA.BASE_PATH=data
    """
    from rpf.collection import collection_folder
    from rpf.inference.load import load_model
    from rpf.ingest import pipeline
    from rpf.ingest.scan import describe, scan

    target = collection_folder(settings.collections, name)
    left_out: Counter[str] = Counter()
    if folder is not None and dataset is None:
        if folder.is_file():
            raise click.UsageError(
                f'"{folder}" is a file: give the folder that it lies in, or add it to a collection that is there: '
                f"python -m rpf add {name} {shlex.quote(str(folder))}"
            )
        contents = scan(folder, settings.image_roots if follow_links else None)
        root, sources, left_out = folder, [pipeline.Source(path) for path in contents.paths], contents.left_out
    elif dataset is not None and folder is None:
        root, sources = _dataset_sources(dataset, overrides, split)
    else:
        raise click.UsageError("Give a FOLDER of pictures or --dataset CONFIG, one of the two.")
    if not sources:
        instead = describe(left_out)
        raise click.UsageError(f'"{root}" holds no images{instead and ", but " + instead}.')
    with Bar() as bar:
        update_index = index_keeper(settings, bar)
        report = pipeline.index(
            target,
            root,
            sources,
            load_model(settings),
            title=title,
            batch=batch,
            progress=bar,
            wait=wait,
            again=again,
            prune=prune,
            linked=settings.image_roots,
            finish=update_index,
        )
    tell_report(name, report, left_out)


def _dataset_sources(file: Path, overrides: tuple[str, ...], split: str) -> tuple[Path, list[Any]]:
    from rpf import config
    from rpf.datasets.annotations import missing_images, read_split
    from rpf.ingest import pipeline

    data = config.load([file], overrides).DATA
    items = read_split(data.folder, data, split)
    if missing := missing_images(data.folder, items):
        say(f"Left out: {len(missing)} missing {format_examples(missing, len(missing))}.", err=True)
    absent = set(missing)
    return data.folder, [pipeline.Source(item.path, item.labels) for item in items if item.path not in absent]


@click.command()
@click.argument("name")
@click.argument("image", type=FILE)
@click.option("--attrs", required=True, help='Attributes, such as "sleeve length; collar design".')
@click.option("-k", default=10, show_default=True, type=click.IntRange(1, 1000), help="How many results.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, exact numbers.")
@with_settings
def search(settings: Settings, name: str, image: Path, attrs: str, k: int, as_json: bool) -> None:
    """Rank the collection NAME by likeness to IMAGE in the attributes.

    \b
    Example:
      python -m rpf search wardrobe photo.jpg --attrs "sleeve length; collar design" -k 5
    """
    from rpf.engine import SearchEngine, SearchRequest

    engine = SearchEngine(settings)
    collection = engine.collection(name)
    keys = collection.vocabulary.parse(attrs)
    with naming(image):
        query = engine.embed(image)
    results = engine.search(name, SearchRequest(query, dict.fromkeys(keys, 1.0), k))
    if as_json:
        rows = [
            {
                "id": hit.item.id,
                "path": hit.item.path,
                "similarity": round(hit.similarity, 6),
                "attributes": hit.similarities,
            }
            for hit in results.hits
        ]
        # In ASCII, or the escapes of an encoding that lacks a character would make it unsound.
        say(json.dumps({"attributes": keys, "total": results.total, "results": rows}))
        return
    say("rank  likeness      id  picture")
    for hit in results.hits:
        say(f"{hit.rank:4}  {hit.similarity:8.4f}  {hit.item.id:6}  {hit.item.path}")


@click.command("import-collection", cls=ManyConfigs)
@click.argument("name")
@click.option("--h5", required=True, type=FILE, help="data.h5 of the earlier system.")
@click.option("--ids", required=True, type=FILE, help="c_idxs.npy of the earlier system.")
@click.option("--filenames", type=FILE, help="filenames_*.txt whose line numbers the ids are.")
@click.option("--images", type=FILE, help="The folder that the file names are relative to.")
@click.option("--cfg", "configs", multiple=True, type=FILE, help="Config with the attributes (default: FashionAI).")
@click.option("--made-with", type=FILE, help="The checkpoint that the embeddings come from, if you have it.")
def import_collection(
    name: str,
    h5: Path,
    ids: Path,
    filenames: Path | None,
    images: Path | None,
    configs: tuple[Path, ...],
    made_with: Path | None,
) -> None:
    """Take over embeddings of the earlier system as the collection NAME.

    \b
    Example:
      python -m rpf import-collection old --h5 data.h5 --ids c_idxs.npy \\
          --filenames filenames_test.txt --images data/FashionAI
    """
    from rpf.collection import Writer
    from rpf.ingest.import_legacy import import_legacy

    settings = Settings.from_environ()
    with Bar() as bar:
        update_index = index_keeper(settings, bar)
        count = import_legacy(settings.collections, name, h5, ids, filenames, images, configs, made_with, bar)
        with Writer.existing(settings.collections / name, wait=10) as writer:
            update_index(writer)
    say(f"{name}: {count} items imported")


@click.command()
@with_settings
def demo(settings: Settings) -> None:
    """Draw a wardrobe and index it as the default collection.

    \b
    Example:
      python -m rpf demo
    """
    from rpf.engine import SearchEngine

    with Bar() as bar:
        engine = SearchEngine(settings)
        engine.prepare(bar)
    say(f"{settings.collections / engine.default} is ready")
