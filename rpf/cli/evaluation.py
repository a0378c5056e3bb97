"""The commands that measure a model, and set measured ones side by side."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rpf.cli.options import FILE, SKIP_BAD, Bar, ManyConfigs, method_names, with_settings
from rpf.cli.output import say
from rpf.settings import Settings

if TYPE_CHECKING:
    from rpf.evaluation.protocol import Branch

REACHING = ("SOLVER.BETA", "INPUT.THRESHOLD", "INPUT.GLOBAL_SIZE")  # settings that change a checkpoint's embeddings


@click.command(cls=ManyConfigs)
@click.option("--cfg", "configs", multiple=True, required=True, type=FILE, help="Config files: --cfg A.yaml B.yaml.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="A setting over the config files'.")
@click.option("--split", type=click.Choice(["valid", "test"]), default="test", show_default=True)
@click.option("--methods", help="Search methods, such as none,kdtree,lsh,faiss; else all that need no server.")
@click.option("--topk", default=50, show_default=True, type=click.IntRange(1, 100_000), help="k of MAP@k and recall@k.")
@click.option("--branch", type=click.Choice(["region", "patch", "both"]), default="both", show_default=True)
@SKIP_BAD
@click.option("--out", required=True, type=FILE, help="Folder for report.json, .txt, .md and plots.")
@with_settings
def evaluate(
    settings: Settings,
    configs: tuple[Path, ...],
    overrides: tuple[str, ...],
    split: str,
    methods: str | None,
    topk: int,
    branch: "Branch",
    skip_bad: bool,
    out: Path,
) -> None:
    """Measure how well a checkpoint retrieves the pictures of a dataset's split.

    Each attribute's queries are searched for among all candidates of that attribute. What the checkpoint was made
    with counts more than the config files; of --set, SOLVER.BETA, INPUT.THRESHOLD and INPUT.GLOBAL_SIZE reach it too.

    Where the checkpoint tells which parts a garment has at all, and the dataset has absent_<split>.txt, the report
    says how well it tells them: the area under the ROC curve over all images of the split of which this is known.

    All images are checked before the work. A query without any relevant candidate scores 0, as published; where there
    are such queries, the report counts them and has a second MAP without them.

    \b
    Example:
      python -m rpf evaluate --cfg config/Clothing/Clothing.yaml config/Clothing/s2.yaml \\
          --checkpoint model.safetensors --set DATA.BASE_PATH=data --split valid --out report
    """
    from rpf import config
    from rpf.datasets.image_check import ImageCheck
    from rpf.evaluation.export import write_report
    from rpf.evaluation.measure import Measured, measure
    from rpf.evaluation.presence import applicability
    from rpf.evaluation.protocol import embed, read_benchmark
    from rpf.evaluation.report import make_report
    from rpf.evaluation.tables import as_text
    from rpf.inference.load import load_model
    from rpf.search.indexes.registry import INDEXES, make_index

    wanted = method_names(methods) if methods else [name for name in INDEXES if not make_index(name).needs_server]
    for name in wanted:
        make_index(name)  # to say what is wrong before the work
    values = config.load(configs, overrides)
    model = load_model(settings, values)
    with Bar("image") as bar:
        check = ImageCheck(skip_bad, bar)
        benchmark = read_benchmark(values.DATA, split, model.config.MODEL.APPLICABILITY.ENABLE, check)
    model.config = config.override(model.config, [one for one in overrides if one.partition("=")[0] in REACHING])
    out.mkdir(parents=True, exist_ok=True)  # now: if it cannot be, better before the work than after it
    with Bar() as bar:
        vectors = embed(model, benchmark, branch, values.DATA.TEST_BATCHSIZE, bar)
    measured: dict[str, list[Measured]] = {name: [] for name in wanted}
    with Bar("query") as bar:
        for name, own in measured.items():
            bar(name, 0, benchmark.count)
            for one in vectors:
                method = make_index(name)
                try:
                    own.append(measure(one, method, topk))
                finally:
                    method.discard()
                bar(name, sum(len(each.whole) for each in own), benchmark.count)
    checkpoint, here = settings.checkpoint, Path.cwd()
    about = {
        "dataset": values.DATA.DATASET,
        "checkpoint": str(checkpoint.relative_to(here) if checkpoint.is_relative_to(here) else checkpoint),
        "checkpoint_sha256": model.checkpoint_hash,
        "branch": branch,
        **({"skipped": skipped} if (skipped := check.skipped()) else {}),
    }
    report = make_report(benchmark, measured, topk, about) | applicability(vectors)
    write_report(out, report)
    say(*as_text(report).splitlines())


@click.command()
@click.argument("reports", nargs=-1, required=True, type=FILE, metavar="REPORT.json...")
@click.option("--names", help='What to call them: "stage 1,stage 2"; else the folders they lie in.')
@click.option("--out", required=True, type=FILE, help="Folder for compare.txt, .md and .png.")
def compare(reports: tuple[Path, ...], names: str | None, out: Path) -> None:
    """Set reports of `evaluate` side by side, all of the same split: MAP by exact search.

    \b
    Example:
      python -m rpf compare stage1/report.json stage2/report.json --names "stage 1,stage 2" --out side-by-side
    """
    from rpf.evaluation.compare import compare as put_together
    from rpf.evaluation.export import write_comparison

    called = [name.strip() for name in names.split(",")] if names else [file.resolve().parent.name for file in reports]
    if len(called) != len(reports):
        raise click.BadParameter(f"{len(called)} names for {len(reports)} reports.", param_hint="--names")
    comparison = put_together(reports, called)
    out.mkdir(parents=True, exist_ok=True)
    write_comparison(out, comparison)
    say(*comparison.as_text().splitlines())
