"""Commands that create collections and search them."""

import shlex
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rpf.cli.feeds import feed_options, run_sync
from rpf.cli.options import (
    AGAIN,
    BATCH,
    FILE,
    FOLLOW_LINKS,
    WAIT,
    Bar,
    ManyConfigs,
    naming,
    print_ingest_report,
    with_settings,
)
from rpf.cli.output import say
from rpf.cli.results import print_results
from rpf.settings import Settings
from rpf.utils.text import format_examples

if TYPE_CHECKING:
    from rpf.ingest.pipeline import ImageRecord


@click.command()
@click.argument("name")
@click.argument("folder", type=FILE, required=False)
@click.option("--dataset", type=FILE, help="Config of a labelled dataset instead of a folder.")
@click.option("--split", type=click.Choice(["train", "valid", "test", "all"]), default="all", show_default=True)
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="A setting over the dataset's config.")
@click.option("--title", default="", help="The collection's name on the site.")
@click.option("--feed", type=FILE, help="A shop's product export instead of a folder; see `rpf sync`.")
@feed_options
@click.option("--prune", is_flag=True, help="Remove the items whose images are missing in the image folder.")
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
    feed: Path | None,
    prune: bool,
    again: bool,
    follow_links: bool,
    batch: int,
    wait: float,
    **of_feed: Any,
) -> None:
    """Index the images of FOLDER, of a dataset, or of a shop's products, as the collection NAME.

    Run again, it takes in what is new or changed; an image that was moved or renamed in the folder keeps its item, and
    its id. Items whose images are missing stay, unless --prune is given. Images that were removed by `remove` are left
    out, unless --again is given. Files of other kinds, hidden files and links out of the folder are left out and
    counted. After an interrupt the same command resumes. Ends with status 3 if an image could not be read.

    \b
    Examples:
      rpf index shop photos/
      rpf index shop photos/ --prune
      RPF_IMAGE_ROOTS=/mnt/archive rpf index shop photos/ --follow-links
      rpf index shop --feed products.csv --images media/
      rpf index clothing --dataset config/Clothing/Clothing.yaml --split test --set DATA.BASE_PATH=data
    """
    from rpf.collection import Collection, CollectionSpec, Writer, collection_folder
    from rpf.inference.load import load_model
    from rpf.ingest.pipeline import ImageRecord, ingest, merge_small_segments
    from rpf.ingest.scan import describe, scan
    from rpf.search.index_store import check_index_method, update_index

    if feed is not None:
        if folder is not None or dataset is not None:
            raise click.UsageError("Give a FOLDER of images, --dataset CONFIG or --feed FILE, one of the three.")
        run_sync(settings, name, feed, title=title, batch=batch, wait=wait, **of_feed)
        return
    target = collection_folder(settings.collections, name)
    left_out: Counter[str] = Counter()
    if folder is not None and dataset is None:
        if folder.is_file():
            raise click.UsageError(
                f'"{folder}" is a file: give the folder that it lies in, or add it to an existing collection: '
                f"rpf add {name} {shlex.quote(str(folder))}"
            )
        contents = scan(folder, settings.image_roots if follow_links else None)
        root, left_out = folder, contents.left_out
        images = [ImageRecord(path) for path in contents.paths]
    elif dataset is not None and folder is None:
        root, images = _read_dataset(dataset, overrides, split)
    else:
        raise click.UsageError("Give a FOLDER of images, --dataset CONFIG or --feed FILE, one of the three.")
    if not images:
        instead = describe(left_out)
        raise click.UsageError(f'"{root}" holds no images{instead and ", but " + instead}.')
    check_index_method(settings.index_method)
    model = load_model(settings)
    spec = CollectionSpec(model.checkpoint_hash, model.attributes, model.dim, str(root.resolve()), title)
    with Bar() as bar, Writer.open(target, spec, wait=wait) as writer:
        report = ingest(
            writer, images, model, bar, batch_size=batch, linked=settings.image_roots, again=again, prune=prune
        )
        merge_small_segments(writer, bar)
        update_index(Collection.open(target), settings.indexes, settings.index_method, bar)
    print_ingest_report(name, report, left_out)


def _read_dataset(file: Path, overrides: tuple[str, ...], split: str) -> "tuple[Path, list[ImageRecord]]":
    from rpf import config
    from rpf.datasets.annotations import missing_images, read_split
    from rpf.ingest.pipeline import ImageRecord

    data = config.load([file], overrides).DATA
    items = read_split(data.folder, data, split)
    if missing := missing_images(data.folder, items):
        say(f"Left out: {len(missing)} missing {format_examples(missing, len(missing))}.", err=True)
    absent = set(missing)
    return data.folder, [ImageRecord(item.path, item.labels) for item in items if item.path not in absent]


@click.command("import-legacy", cls=ManyConfigs)
@click.argument("name")
@click.option("--embeddings", required=True, type=FILE, help="data.h5 of the earlier system.")
@click.option("--ids", required=True, type=FILE, help="c_idxs.npy of the earlier system.")
@click.option("--filenames", type=FILE, help="filenames_*.txt whose line numbers the ids are.")
@click.option("--images", type=FILE, help="The folder that the file names are relative to.")
@click.option("--cfg", "configs", multiple=True, type=FILE, help="Config with the attributes (default: FashionAI).")
@click.option("--checkpoint", type=FILE, help="The checkpoint that the embeddings come from, if you have it.")
def import_legacy(
    name: str,
    embeddings: Path,
    ids: Path,
    filenames: Path | None,
    images: Path | None,
    configs: tuple[Path, ...],
    checkpoint: Path | None,
) -> None:
    """Import embeddings of the earlier system as the collection NAME.

    \b
    Example:
      rpf import-legacy old --embeddings data.h5 --ids c_idxs.npy \\
          --filenames filenames_test.txt --images data/FashionAI
    """
    from rpf.collection import Collection, Writer
    from rpf.ingest.import_legacy import import_legacy
    from rpf.search.index_store import check_index_method, update_index

    settings = Settings.from_environ()
    check_index_method(settings.index_method)
    with Bar() as bar:
        count = import_legacy(
            settings.collections, name, embeddings, ids, bar,
            filenames=filenames, images=images, configs=configs, checkpoint=checkpoint,
        )  # fmt: skip
        with Writer.open(settings.collections / name, wait=10) as writer:
            update_index(Collection.open(writer.folder), settings.indexes, settings.index_method, bar)
    say(f"{name}: {count} items imported")


@click.command()
@with_settings
def demo(settings: Settings) -> None:
    """Draw a wardrobe and index it as the default collection.

    \b
    Example:
      rpf demo
    """
    from rpf.inference.load import load_model
    from rpf.ingest.default_collection import ensure_default_collection

    with Bar() as bar:
        name = ensure_default_collection(settings, load_model(settings), bar)
    say(f"{settings.collections / name} is ready")


@click.command()
@click.argument("name")
@click.argument("image", type=FILE, required=False)
@click.option("--attrs", required=True, help='Attributes or wanted values: "long sleeves; collar design".')
@click.option(
    "--filter",
    "filters",
    multiple=True,
    help='Values that items must have: "pant length: full length"; may be repeated.',
)
@click.option(
    "--minimal",
    default=0.5,
    show_default=True,
    type=click.FloatRange(0, 1),
    help="Probability from which on an item counts as having a value of --filter.",
)
@click.option("--crop", default="", help="Part of IMAGE that counts: left,top,width,height as shares of its sides.")
@click.option("--turn", default="0", type=click.Choice(["0", "90", "180", "270"]), help="Turn IMAGE first, clockwise.")
@click.option("-k", default=10, show_default=True, type=click.IntRange(1, 1000), help="How many results.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, exact numbers.")
@with_settings
def search(
    settings: Settings,
    name: str,
    image: Path | None,
    crop: str,
    turn: str,
    attrs: str,
    filters: tuple[str, ...],
    minimal: float,
    k: int,
    as_json: bool,
) -> None:
    """Rank the collection NAME by similarity to IMAGE in the given attributes.

    A value in --attrs takes the place of the image's; where all attributes have one, no IMAGE is needed. Items pass
    that have one of the values of each attribute in --filter. The value that was recognised in each chosen attribute is
    printed, "none" where the part is missing.

    \b
    Examples:
      rpf search wardrobe photo.jpg --attrs "sleeve length; collar design" -k 5
      rpf search wardrobe photo.jpg --attrs "long sleeves; collar design" --filter "collar: shirt collar"
      rpf search wardrobe people.jpg --crop 0.2,0.1,0.4,0.5 --attrs "coat length"
      rpf search wardrobe --attrs "long sleeves; V neckline"
    """
    from rpf.collection import collection_folder, read_manifest

    read_manifest(collection_folder(settings.collections, name))  # before the model is loaded
    from rpf.engine import Crop, SearchEngine, SearchRequest
    from rpf.search.filters import parse_filters

    engine = SearchEngine(settings)
    vocabulary = engine.collection(name).vocabulary
    wanted = vocabulary.parse(attrs)
    changes = {key: value for key, value in wanted.items() if value is not None}
    query = None
    if image is not None:
        with naming(image):
            query = engine.embed(image, crop=Crop.parse(crop, turn))
    weights, passing = dict.fromkeys(wanted, 1.0), parse_filters(vocabulary, filters, minimal)
    results = engine.search(name, SearchRequest(query, weights, k, changes=changes, filters=passing))
    print_results(vocabulary, list(wanted), results, as_json)
