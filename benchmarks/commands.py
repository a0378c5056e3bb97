"""Commands that measure speed."""

from pathlib import Path

import click

from rpf.cli import OneLineErrors
from rpf.cli.options import FILE, Bar, method_names, with_settings
from rpf.cli.output import say
from rpf.settings import Settings


@click.group(cls=OneLineErrors)
def bench() -> None:
    """Measure speed, memory and recall on this machine."""


def _numbers(context: click.Context, parameter: click.Parameter, text: str) -> tuple[int, ...]:
    """Whole numbers above 0, separated by commas."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and int(part) for part in parts):
        raise click.BadParameter(f'"{text}" is not a list of numbers such as 3586,14400.')
    return tuple(sorted({int(part) for part in parts}))


@bench.command()
@click.argument("name", required=False)
@click.option("--attrs", help="The attributes to search by; else the collection's first three.")
@click.option("--items", default="14400", show_default=True, callback=_numbers, help="Sizes of collection.")
@click.option("--numbers", default="2048", show_default=True, callback=_numbers, help="Numbers per attribute.")
@click.option("--chosen", default="1,3", show_default=True, callback=_numbers, help="Attributes in a query.")
@click.option("--methods", help="Names separated by spaces; else all that need no server.")
@click.option("--queries", default=200, show_default=True, type=click.IntRange(1, 10_000))
@click.option("--threads", default=1, show_default=True, type=click.IntRange(1, 256), help="Of each search.")
@click.option("--work", type=FILE, help="Folder for the collections made; else the system's temporary one.")
@click.option("--out", required=True, type=FILE, help="Folder for search.json, search.md and plots.")
@with_settings
def search(
    settings: Settings,
    name: str | None,
    attrs: str | None,
    items: tuple[int, ...],
    numbers: tuple[int, ...],
    chosen: tuple[int, ...],
    methods: str | None,
    queries: int,
    threads: int,
    work: Path | None,
    out: Path,
) -> None:
    """Measure every search method on collections made from the embeddings of the collection NAME.

    Sizes above that of NAME are made of its embeddings, recombined and moved a little. Each method is built, and
    searched, in a process of its own. Stopped half-way, the same command goes on where it was.

    \b
    Examples:
      python -m rpf bench search --out bench                      # the default collection
      python -m rpf bench search shop --items 14400,200000 --numbers 512,2048 --out bench
    """
    from tempfile import TemporaryDirectory

    from benchmarks.search.baselines import RIVALS
    from benchmarks.search.measure import METHODS, Plan, measure_all
    from benchmarks.search.report import write_search
    from benchmarks.search.synthetic_gallery import read_source
    from rpf.engine import SearchEngine
    from rpf.search.index_store import check_index_method

    wanted = method_names(methods) if methods else METHODS
    for method in wanted:
        if method not in RIVALS:
            check_index_method(method)  # to say what is wrong before the work
    engine = SearchEngine(settings)
    name = name or engine.default
    collection = engine.collection(name)
    keys = collection.vocabulary.parse(attrs) if attrs else list(collection.vocabulary.keys)[: max(chosen)]
    if len(keys) < max(chosen):
        raise click.UsageError(f"{max(chosen)} attributes in a query need as many in --attrs.")
    if min(items) < 100:
        raise click.UsageError("A collection to measure on needs 100 items.")
    plan = Plan(wanted, items, numbers, chosen, threads)
    out.mkdir(parents=True, exist_ok=True)
    about = {"collection": name, "real_items": len(collection), "model_numbers": collection.manifest.spec.dim}
    about |= {"attributes": keys, "queries": queries}
    with Bar("step") as bar, TemporaryDirectory(dir=work) as folder:
        source = read_source(collection, keys, engine.model, queries, bar)
        measure_all(plan, source, about, Path(folder), out / "search.json", bar)
    say(*write_search(out).splitlines())


@bench.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--models", default="rpf-base rpf-small", show_default=True, help="Names separated by spaces.")
@click.option("--attributes", default="1,3,8", show_default=True, callback=_numbers, help="In a query.")
@click.option("--photos", default=24, show_default=True, type=click.IntRange(1, 1000), help="For the model's time.")
@click.option("--indexed", default=96, show_default=True, type=click.IntRange(12, 10_000), help="Photos to index.")
@click.option("--clients", default="1,8,32", show_default=True, callback=_numbers, help="Of the site at once.")
@click.option("--seconds", default=20.0, show_default=True, type=click.FloatRange(1, 600), help="Of each load.")
@click.option(
    "--attrs", default="sleeve length; collar design; coat length", show_default=True, help="Of the requests."
)
@click.option("--out", required=True, type=FILE, help="Folder for serve.json and serve.md.")
@with_settings
def serve(
    settings: Settings,
    folder: Path,
    models: str,
    attributes: tuple[int, ...],
    photos: int,
    indexed: int,
    clients: tuple[int, ...],
    seconds: float,
    attrs: str,
    out: Path,
) -> None:
    """Measure what a search costs with the photos in FOLDER: the model's time beside the earlier system's procedure,
    indexing, and a whole site under load, which searches the default collection.

    \b
    Example:
      python -m rpf bench serve data/clothing/images --out bench
    """
    import json

    from benchmarks.serving.measure import MODELS, Plan, as_markdown, measure_serve
    from rpf.ingest.scan import find_images
    from rpf.utils.files import write_atomic

    names = find_images(folder)
    if len(names) < 12:
        raise click.UsageError(f"{folder} holds {len(names)} photos; 12 are needed.")
    for model in models.split():
        if model not in MODELS:
            raise click.UsageError(f"There is no model {model}; there are {', '.join(MODELS)}.")
    step = max(1, len(names) // max(photos, indexed))
    plan = Plan(models.split(), attributes, photos, indexed, clients, seconds, attrs)
    out.mkdir(parents=True, exist_ok=True)
    with Bar("part") as bar:
        measure_serve(plan, settings, [folder / name for name in names[::step]], out / "serve.json", bar)
    text = as_markdown(json.loads((out / "serve.json").read_bytes()))
    write_atomic(out / "serve.md", text.encode())
    say(*text.splitlines())
