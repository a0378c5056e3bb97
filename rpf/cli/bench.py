"""Commands that measure speed."""

from pathlib import Path

import click

from rpf.cli.common import FILE, Bar, method_names, with_settings
from rpf.settings import Settings


@click.group()
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

    from rpf.bench.gallery import read_source
    from rpf.bench.report import write_search
    from rpf.bench.rivals import RIVALS
    from rpf.bench.search import METHODS, Plan, measure_all
    from rpf.engine import SearchEngine
    from rpf.index.kept import method_for

    wanted = method_names(methods) if methods else METHODS
    for method in wanted:
        if method not in RIVALS:
            method_for(method, 0)  # to say what is wrong before the work
    engine = SearchEngine(settings)
    name = name or settings.collection
    collection = engine.collection(name)
    keys = collection.vocabulary.parse(attrs) if attrs else list(collection.vocabulary.keys)[: max(chosen)]
    if len(keys) < max(chosen):
        raise click.UsageError(f"{max(chosen)} attributes in a query need as many in --attrs.")
    if min(items) < 100:
        raise click.UsageError("A collection to measure on needs 100 items.")
    plan = Plan(wanted, items, numbers, chosen, threads)
    out.mkdir(parents=True, exist_ok=True)
    about = {"collection": name, "real_items": len(collection), "model_numbers": collection.manifest.dim}
    about |= {"attributes": keys, "queries": queries}
    with Bar("step") as bar, TemporaryDirectory(dir=work) as folder:
        source = read_source(collection, keys, engine.model, queries, bar)
        measure_all(plan, source, about, Path(folder), out / "search.json", bar)
    click.echo(write_search(out), nl=False)
