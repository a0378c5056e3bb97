"""`python -m benchmarks`: measurements of search, serving, inference and accuracy on this machine."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from benchmarks.accuracy import garments, near_duplicates
from benchmarks.common.report import write_report
from benchmarks.search import shards
from rpf import config
from rpf.cli import OneLineErrors
from rpf.cli.options import CONFIGS, DATASETS, FILE, OVERRIDES, SKIP_BAD, Bar, ManyConfigs, method_names, with_settings
from rpf.cli.output import say
from rpf.settings import DEFAULT_CHECKPOINT, Settings

MIN_GALLERY_SIZE = 100
MIN_FILTERED_SIZE = 500  # of which a filter that leaves 1% leaves some
MIN_IMAGES = 12
COMMANDS = [near_duplicates.duplicates, garments.garments, shards.shards]  # in modules of their own
FOLDER = click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))


@click.group(cls=OneLineErrors, commands=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
def benchmarks() -> None:
    """Measure search, serving, inference and accuracy on this machine.

    The results that the documentation quotes are in benchmarks/results.
    """


def _counts(context: click.Context, parameter: click.Parameter, text: str) -> tuple[int, ...]:
    """Parse whole numbers above 0, separated by commas."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and int(part) for part in parts):
        raise click.BadParameter(f'"{text}" is not a list of numbers such as 3586,14400.')
    return tuple(sorted({int(part) for part in parts}))


def _sample(folder: Path, count: int) -> list[Path]:
    """Choose images of a folder, at equal distances; all where there are fewer than twice as many."""
    from rpf.ingest.scan import find_images

    names = find_images(folder)
    if len(names) < MIN_IMAGES:
        raise click.UsageError(f'"{folder}" holds {len(names)} images; give a folder with at least {MIN_IMAGES}.')
    return [folder / name for name in names[:: max(1, len(names) // count)]]


@benchmarks.command()
@click.argument("name", required=False)
@click.option("--attrs", help="Attributes of the queries; else the collection's first ones.")
@click.option("--gallery-sizes", default="14400", show_default=True, callback=_counts)
@click.option("--dimensions", default="2048", show_default=True, callback=_counts, help="Embedding dimensions.")
@click.option("--attribute-counts", default="1,3", show_default=True, callback=_counts, help="Attributes of a query.")
@click.option("--methods", help="Names separated by spaces; else all that need no server.")
@click.option("--queries", default=200, show_default=True, type=click.IntRange(1, 10_000))
@click.option("--threads", default=1, show_default=True, type=click.IntRange(1, 256), help="Threads of each search.")
@click.option("--work", type=FILE, help="Folder for the galleries; else the system's temporary one.")
@click.option("--out", required=True, type=FILE, help="Folder for search.json, search.md and plots.")
@with_settings
def search(
    settings: Settings,
    name: str | None,
    attrs: str | None,
    methods: str | None,
    queries: int,
    work: Path | None,
    out: Path,
    **plan: Any,
) -> None:
    """Measure search methods on galleries made from the embeddings of the collection NAME.

    A gallery larger than NAME is filled up with recombined and slightly moved embeddings. Each index is built, and
    searched, in a separate process. If the command is stopped, run it again to resume.

    \b
    Examples:
      python -m benchmarks search --out results        # the default collection
      python -m benchmarks search shop --gallery-sizes 14400,200000 --dimensions 512,2048 --out results
    """
    from benchmarks.search import baselines, measure, report, synthetic_gallery
    from rpf.engine import SearchEngine
    from rpf.search.index_store import check_index_method

    plan["methods"] = method_names(methods) if methods else measure.METHODS
    for method in set(plan["methods"]) - set(baselines.BASELINES):
        check_index_method(method)  # raises before the work
    engine = SearchEngine(settings)
    collection = engine.collection(name or engine.default)
    count = max(plan["attribute_counts"])
    keys = list(collection.vocabulary.parse(attrs) if attrs else collection.vocabulary.keys[:count])
    if len(keys) < count:
        raise click.UsageError(f"Queries of {count} attributes need as many in --attrs.")
    if min(plan["gallery_sizes"]) < MIN_GALLERY_SIZE:
        raise click.UsageError(f"A gallery needs at least {MIN_GALLERY_SIZE} items.")
    out.mkdir(parents=True, exist_ok=True)
    about = {
        "collection": collection.name,
        "collection_size": len(collection),
        "model_dimension": collection.manifest.spec.dim,
        "attributes": keys,
        "queries": queries,
    }
    with Bar("step") as bar, TemporaryDirectory(dir=work) as folder:
        dataset = synthetic_gallery.read_dataset(collection, keys, engine.model, queries, bar)
        figures = measure.measure(plan, dataset, about, Path(folder), out / "search.json", bar)
    write_report(out / "search.json", figures, report.as_markdown(figures))
    report.write_plots(out, figures)


@benchmarks.command()
@click.argument("name", required=False)
@click.option("--gallery-size", default=200_000, show_default=True, type=click.IntRange(MIN_FILTERED_SIZE))
@click.option("--attribute-counts", default="1,3", show_default=True, callback=_counts, help="Attributes of a query.")
@click.option("--methods", help="Names separated by spaces; else exact, pca, kdtree, lsh, faiss and hnsw.")
@click.option("--queries", default=100, show_default=True, type=click.IntRange(1, 10_000))
@click.option("--threads", default=1, show_default=True, type=click.IntRange(1, 256), help="Threads of each search.")
@click.option("--work", type=FILE, help="Folder for the gallery; else the system's temporary one.")
@click.option("--out", required=True, type=FILE, help="Folder for filters.json and filters.md.")
@with_settings
def filters(
    settings: Settings,
    name: str | None,
    methods: str | None,
    queries: int,
    work: Path | None,
    out: Path,
    **plan: Any,
) -> None:
    """Measure searches with filters, and counts of values, on a gallery made from the collection NAME.

    It takes all attributes of the collection, and the values that the checkpoint recognises in them.

    \b
    Example:
      python -m benchmarks filters clothing --gallery-size 20000 --out results
    """
    from benchmarks.search import filters, synthetic_gallery
    from rpf.engine import SearchEngine
    from rpf.search.index_store import check_index_method

    plan["methods"] = method_names(methods) if methods else filters.METHODS
    for method in plan["methods"]:
        check_index_method(method)  # raises before the work
    engine = SearchEngine(settings)
    collection, classifier = engine.collection(name or engine.default), engine.model.value_classifier
    keys = collection.vocabulary.keys
    if classifier is None:
        raise click.UsageError("The checkpoint cannot name values; find out what they look like with: rpf fit-values")
    if len(keys) < max(plan["attribute_counts"]):
        raise click.UsageError(f'The collection "{collection.name}" has {len(keys)} attributes.')
    about = {
        "collection": collection.name, "collection_size": len(collection), "attributes": len(keys), "queries": queries
    }  # fmt: skip
    with Bar("step") as bar, TemporaryDirectory(dir=work) as folder:
        dataset = synthetic_gallery.read_dataset(collection, keys, engine.model, queries, bar)
        report = filters.measure(plan, dataset, classifier, about, Path(folder), bar)
    write_report(out / "filters.json", report, filters.as_markdown(report))


@benchmarks.command()
@FOLDER
@click.option("--attribute-counts", default="1,3,8", show_default=True, callback=_counts, help="Attributes of a query.")
@click.option("--images", default=24, show_default=True, type=click.IntRange(1, 1000), help="Images of the queries.")
@click.option("--indexed-images", default=96, show_default=True, type=click.IntRange(MIN_IMAGES, 10_000))
@click.option(
    "--clients", default="1,8,32", show_default=True, callback=_counts, help="Concurrent clients of the site."
)
@click.option("--seconds", default=20.0, show_default=True, type=click.FloatRange(1, 600), help="Seconds of each load.")
@click.option(
    "--attrs", default="sleeve length; collar design; coat length", show_default=True, help="Attributes of the clients."
)
@click.option("--out", required=True, type=FILE, help="Folder for serving.json and serving.md.")
@with_settings
def serving(settings: Settings, folder: Path, out: Path, **plan: Any) -> None:
    """Measure the time of a query, indexing, and a whole site under load, with the images in FOLDER.

    The published system's procedure is measured beside ours. The site searches the default collection.

    \b
    Example:
      python -m benchmarks serving data/clothing/images --out results
    """
    from benchmarks.serving.measure import as_markdown, measure

    paths = _sample(folder, max(plan["images"], plan["indexed_images"]))
    with Bar("part") as bar:
        report = measure(plan, settings, paths, out / "serving.json", bar)
    write_report(out / "serving.json", report, as_markdown(report))


@benchmarks.command()
@click.option("--products", default=10_000, show_default=True, type=click.IntRange(1, 100_000))
@click.option("--photos", default=1, show_default=True, type=click.IntRange(1, 20), help="Photos of each product.")
@click.option(
    "--without-photos", default=10_000, show_default=True, type=click.IntRange(1, 500_000), help="More products."
)
@click.option("--work", type=FILE, help="Folder for the shop; else the system's temporary one.")
@click.option("--out", required=True, type=FILE, help="Folder for batch.json and batch.md.")
@with_settings
def batch(settings: Settings, work: Path | None, out: Path, **plan: Any) -> None:
    """Measure batches of products on a site: with new photos of drawn garments, new prices, and without photos.

    \b
    Example:
      python -m benchmarks batch --products 500 --out results
    """
    from benchmarks.serving.batch import as_markdown, measure

    with Bar("batch") as bar, TemporaryDirectory(dir=work) as folder:
        report = measure(plan, settings, Path(folder), bar)
    write_report(out / "batch.json", report, as_markdown(report))


@benchmarks.command(cls=ManyConfigs)
@CONFIGS
@OVERRIDES
@click.option("--split", type=click.Choice(["valid", "test"]), default="test", show_default=True)
@click.option("--checkpoint", default=DEFAULT_CHECKPOINT, type=FILE, help="Weights file; else the built-in one.")
@click.option("--out", required=True, type=FILE, help="Folder for precision.json and precision.md.")
def precision(configs: tuple[Path, ...], overrides: tuple[str, ...], split: str, checkpoint: Path, out: Path) -> None:
    """Measure what each inference precision changes of a checkpoint's rankings on a dataset.

    \b
    Example:
      python -m benchmarks precision --cfg config/Clothing/Clothing.yaml --out results
    """
    from benchmarks.inference.precision import as_markdown, measure

    report = measure(config.load(configs, overrides), split, checkpoint)
    write_report(out / "precision.json", report, as_markdown(report))


@benchmarks.command(cls=ManyConfigs)
@CONFIGS
@OVERRIDES
@DATASETS
@click.option("--split", type=click.Choice(["valid", "test"]), default="valid", show_default=True)
@click.option("--out", required=True, type=FILE, help="Folder for scores.json and scores.md.")
@with_settings
def scores(
    settings: Settings,
    configs: tuple[Path, ...],
    overrides: tuple[str, ...],
    datasets: tuple[str, ...],
    split: str,
    out: Path,
) -> None:
    """Compare forms of the ranking score by the precision that a visitor gets.

    \b
    Example:
      python -m benchmarks scores --cfg config/Clothing/Clothing.yaml --dataset clothing --dataset street --out results
    """
    from benchmarks.accuracy.scores import as_markdown, measure
    from rpf.evaluation.protocol import read_benchmark
    from rpf.inference.load import load_model

    values = config.load(configs, overrides)
    folders = {name: values.DATA.model_copy(update={"DATASET": name}) for name in datasets or (values.DATA.DATASET,)}
    read = {name: read_benchmark(data, split, with_presence=True) for name, data in folders.items()}
    with Bar("image") as bar:
        report = measure(load_model(settings, values), read, values.DATA.TEST_BATCHSIZE, bar)
    write_report(out / "scores.json", report, as_markdown(report))


@benchmarks.command(cls=ManyConfigs)
@CONFIGS
@OVERRIDES
@click.option("--epochs", default=60, show_default=True, type=click.IntRange(1))
@click.option("--size", default=128, show_default=True, type=click.IntRange(32), help="Pixels a side.")
@click.option("--batch", default=64, show_default=True, type=click.IntRange(2), help="Batch size.")
@click.option("--imagenet", is_flag=True, help="Start from ImageNet weights, as `rpf train` finds them; else random.")
@click.option("--seed", default=0, show_default=True)
@SKIP_BAD
@click.option("--out", required=True, type=FILE, help="Folder for valid/ and test/, each with report.json and plots.")
def accuracy(configs: tuple[Path, ...], overrides: tuple[str, ...], skip_bad: bool, out: Path, **training: Any) -> None:
    """Train a plain classifier on the split train, and evaluate it on valid and test, as a baseline of accuracy.

    The train splits of DATA.EXTRA_DATASETS are added; those with VALID are evaluated too, in a folder for each.

    \b
    Example:
      python -m benchmarks accuracy --cfg config/Clothing/Clothing.yaml config/rpf-small.yaml --out classifier
      rpf compare classifier/test/report.json report/report.json --names "classifier,ours" --out compared
    """
    from benchmarks.accuracy.classifier import run
    from rpf.evaluation import export
    from rpf.evaluation.tables import format_report

    reports = run(config.load(configs, overrides), skip_bad, **training)
    for report in reports:
        folder = (out / str(report["dataset"]) if len(reports) > 2 else out) / str(report["split"])
        folder.mkdir(parents=True, exist_ok=True)
        export.write_report(folder, report)
        say(*format_report(report).splitlines(), "")
