"""Commands for evaluation: evaluate, compare."""

from pathlib import Path
from typing import Literal

import click

from rpf.cli.options import (
    CONFIGS,
    DATASETS,
    FILE,
    OVERRIDES,
    SKIP_BAD,
    Bar,
    ManyConfigs,
    method_names,
    prepare_checkpoint,
    with_settings,
)
from rpf.cli.output import say
from rpf.settings import Settings

# Settings of --set that override the checkpoint's own.
MODEL_SETTINGS = ("SOLVER.BETA", "INPUT.THRESHOLD", "INPUT.GLOBAL_SIZE")


@click.command(cls=ManyConfigs)
@CONFIGS
@OVERRIDES
@click.option("--split", type=click.Choice(["valid", "test"]), default="test", show_default=True)
@click.option("--methods", help="Search methods, such as none,kdtree,lsh,faiss; else all that need no server.")
@click.option("--topk", default=50, show_default=True, type=click.IntRange(1, 100_000), help="k of MAP@k and recall@k.")
@click.option("--branch", type=click.Choice(["region", "patch", "both"]), default="both", show_default=True)
@click.option(
    "--gallery",
    type=click.Choice(["attribute", "all"]),
    default="attribute",
    show_default=True,
    help="all: also rank all images of the split, as the site does.",
)
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
    branch: Literal["region", "patch", "both"],
    gallery: Literal["attribute", "all"],
    skip_bad: bool,
    out: Path,
) -> None:
    """Evaluate a checkpoint's retrieval on a split of a dataset.

    Each attribute's queries are searched for among all candidates of that attribute. The checkpoint's own config
    overrides the config files; of --set, SOLVER.BETA, INPUT.THRESHOLD and INPUT.GLOBAL_SIZE override the checkpoint's.

    If the checkpoint has a presence head and the dataset has absent_<split>.txt, the report contains the area under
    the ROC curve of each part's presence.

    That protocol ranks only images that have the part. With --gallery all, the report also has the precision of what a
    visitor gets: all images of the split ranked by the site's own score, where those without the part count as wrong.

    All images are checked first. A query without any relevant candidate scores 0, as published; if there are such
    queries, the report counts them and adds a second MAP without them.

    \b
    Example:
      rpf evaluate --cfg config/Clothing/Clothing.yaml config/Clothing/s2.yaml \\
          --checkpoint model.safetensors --set DATA.BASE_PATH=data --split valid --out report
    """
    from rpf import config
    from rpf.datasets.image_check import ImageCheck
    from rpf.evaluation.evaluate import evaluate as run
    from rpf.evaluation.export import write_report
    from rpf.evaluation.protocol import read_benchmark
    from rpf.evaluation.tables import format_report
    from rpf.inference.load import load_model
    from rpf.search.indexes.registry import INDEXES, make_index

    chosen = method_names(methods) if methods else [name for name in INDEXES if not make_index(name).needs_server]
    for name in chosen:
        make_index(name)  # reports a wrong name before the work
    values = config.load(configs, overrides)
    model = load_model(settings, values, [one for one in overrides if one.partition("=")[0] in MODEL_SETTINGS])
    with Bar("image") as bar:
        check = ImageCheck(skip_bad, bar)
        with_presence = model.config.MODEL.PRESENCE.ENABLE or gallery == "all"
        benchmark = read_benchmark(values.DATA, split, with_presence, check)
    out.mkdir(parents=True, exist_ok=True)  # fails before the work, not after it
    checkpoint, here = settings.checkpoint, Path.cwd()
    about = {
        "dataset": values.DATA.DATASET,
        "checkpoint": str(checkpoint.relative_to(here) if checkpoint.is_relative_to(here) else checkpoint),
        "checkpoint_sha256": model.checkpoint_hash,
        "branch": branch,
        **({"skipped": skipped} if (skipped := check.skipped()) else {}),
    }
    with Bar("it") as bar:
        whole = gallery == "all"
        report = run(model, benchmark, chosen, topk, branch, values.DATA.TEST_BATCHSIZE, bar, about, whole)
    write_report(out, report)
    say(*format_report(report).splitlines())


@click.command()
@click.argument("reports", nargs=-1, required=True, type=FILE, metavar="REPORT.json...")
@click.option("--names", help='Names of the rows: "stage 1,stage 2"; else the names of their folders.')
@click.option("--out", required=True, type=FILE, help="Folder for compare.txt, .md and .png.")
def compare(reports: tuple[Path, ...], names: str | None, out: Path) -> None:
    """Compare reports of `evaluate` on the same split: MAP by exact search.

    \b
    Example:
      rpf compare stage1/report.json stage2/report.json --names "stage 1,stage 2" --out side-by-side
    """
    from rpf.evaluation.compare import compare as run
    from rpf.evaluation.export import write_comparison

    rows = [name.strip() for name in names.split(",")] if names else [file.resolve().parent.name for file in reports]
    if len(rows) != len(reports):
        raise click.BadParameter(f"{len(rows)} names for {len(reports)} reports.", param_hint="--names")
    comparison = run(reports, rows)
    out.mkdir(parents=True, exist_ok=True)
    write_comparison(out, comparison)
    say(*comparison.format().splitlines())


@click.command(cls=ManyConfigs)
@CONFIGS
@OVERRIDES
@DATASETS
@click.option("--split", type=click.Choice(["valid", "test"]), default="valid", show_default=True)
@click.option("--out", required=True, type=FILE, help="The .safetensors file to write.")
@with_settings
def calibrate(
    settings: Settings,
    configs: tuple[Path, ...],
    overrides: tuple[str, ...],
    datasets: tuple[str, ...],
    split: str,
    out: Path,
) -> None:
    """Fit a checkpoint's probabilities of presence on held-out images.

    Writes the checkpoint with the fit in its config. The values have a file of their own: see `rpf fit-values`.

    \b
    Example:
      rpf calibrate --cfg config/Clothing/Clothing.yaml --dataset clothing --dataset street \\
          --checkpoint runs/rpf-small_s2/model_best.safetensors --out model.safetensors
    """
    from rpf import config
    from rpf.evaluation.probabilities import HeadOutputs
    from rpf.evaluation.probabilities import calibrate as fit
    from rpf.evaluation.protocol import embed_benchmark, read_benchmark
    from rpf.inference.load import load_model
    from rpf.models import checkpoint

    prepare_checkpoint(out)
    values = config.load(configs, overrides)
    model = load_model(settings, values)
    if not model.config.MODEL.PRESENCE.ENABLE:
        raise click.UsageError("This checkpoint does not predict presence.")
    outputs = []
    for dataset in datasets or (values.DATA.DATASET,):
        data = values.DATA.model_copy(update={"DATASET": dataset})
        benchmark = read_benchmark(data, split, with_presence=True)
        outputs.append(HeadOutputs(benchmark, model))
        with Bar("image") as bar:
            embed_benchmark(
                model, benchmark, batch_size=data.TEST_BATCHSIZE, progress=bar, observers=[outputs[-1].append]
            )
    saved = checkpoint.load(settings.checkpoint, values)
    saved.config = fit(model, outputs)
    checkpoint.save(saved, out, note=saved.note)
    say(f"{out}: calibrated on {sum(len(part.benchmark.paths) for part in outputs)} images")


@click.command("fit-values")
@CONFIGS
@OVERRIDES
@DATASETS
@click.option(
    "--most", default=300, show_default=True, type=click.IntRange(1), help="Train images of each value to learn from."
)
@click.option("--out", type=FILE, help="File to write. Default: beside the checkpoint, where it is looked for.")
@with_settings
def fit_values(
    settings: Settings,
    configs: tuple[Path, ...],
    overrides: tuple[str, ...],
    datasets: tuple[str, ...],
    most: int,
    out: Path | None,
) -> None:
    """Teach a checkpoint to name values: "long sleeves", "V neckline".

    Learns from the train split what each value looks like to the model, and from the valid split how sure it may be.
    Works with any checkpoint, published ones too, and changes neither it nor a ranking. Afterwards `rpf optimize` names
    the values of the items of an existing collection.

    \b
    Examples:
      rpf fit-values --cfg config/FashionAI/FashionAI.yaml --checkpoint pretrained/model_best.pth.tar
      rpf fit-values --cfg config/Clothing/Clothing.yaml --dataset clothing --dataset street
    """
    from rpf import config
    from rpf.evaluation.value_fit import fit_classifier
    from rpf.inference.load import load_model
    from rpf.models.value_classifier import classifier_path

    values = config.load(configs, overrides)
    model = load_model(settings, values)
    data = [values.DATA.model_copy(update={"DATASET": name}) for name in datasets or (values.DATA.DATASET,)]
    with Bar("image") as bar:
        classifier = fit_classifier(model, data, most, values.DATA.TEST_BATCHSIZE, bar)
    out = out or classifier_path(settings.checkpoint)
    classifier.save(out)
    say(f"{out}: {classifier.count} values of {len(model.attributes)} attributes")
