"""Command that writes a checkpoint's networks in calibrated 8 bits."""

from math import ceil
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import click

from rpf.cli.options import DATASETS, FILE, OVERRIDES, Bar, ManyConfigs, prepare_file, with_settings
from rpf.cli.output import say
from rpf.errors import CheckpointError, DatasetError
from rpf.settings import Settings
from rpf.utils.cores import usable_cores

MIN_IMAGES = 16


@click.command(cls=ManyConfigs)
@click.option(
    "--photos", type=FILE, help="Folder of photographs to calibrate on. Default: --cfg's, else drawn garments."
)
@click.option(
    "--count", default=300, show_default=True, type=click.IntRange(MIN_IMAGES), help="Images to calibrate on."
)
@click.option("--cfg", "configs", multiple=True, type=FILE, help="Config files of labelled datasets.")
@OVERRIDES
@DATASETS
@click.option("--split", type=click.Choice(["valid", "test"]), default="valid", show_default=True)
@click.option("--out", type=FILE, help="File to write. Default: beside the checkpoint, where it is looked for.")
@with_settings
def quantize(
    settings: Settings,
    photos: Path | None,
    count: int,
    configs: tuple[Path, ...],
    overrides: tuple[str, ...],
    datasets: tuple[str, ...],
    split: str,
    out: Path | None,
) -> None:
    """Write a checkpoint's networks in calibrated 8 bits, for processors that are faster with them (VNNI, AMX).

    It needs NNCF (pip install -r requirements-quantize.txt); what runs does not. The file also says how well it agrees
    with float32 on images that it was not calibrated on. RPF_PRECISION=auto uses it where it agrees well enough and is
    measured to be faster. Photographs like yours make better scales than drawn garments: give a folder of them, or by
    --cfg a labelled dataset, whose split train is calibrated on, and whose split valid is measured, with its MAP.

    \b
    Examples:
      rpf quantize
      rpf quantize --photos photos/ --checkpoint runs/new/model_best.safetensors
      rpf quantize --cfg config/Clothing/Clothing.yaml --dataset clothing --dataset street
    """
    from rpf import config
    from rpf.datasets.annotations import read_split
    from rpf.evaluation.agreement import CollectedOutputs, compare_outputs, embed_images
    from rpf.evaluation.evaluate import evaluate, overall_map
    from rpf.evaluation.protocol import Benchmark, read_benchmark
    from rpf.inference.load import load_uncompiled
    from rpf.inference.openvino import replace_networks
    from rpf.inference.quantization import quantized_path, save_quantized
    from rpf.training.quantize import load_nncf
    from rpf.training.quantize import quantize as calibrate
    from rpf.utils.devices import set_threads

    load_nncf()  # raises before the work
    if settings.checkpoint.suffix != ".safetensors":
        raise CheckpointError(
            '"%(path)s" carries no config; convert it to safetensors first, with: rpf export',
            path=settings.checkpoint,
        )
    out = out or quantized_path(settings.checkpoint)
    prepare_file(out)
    benchmarks, train = dict[str, Benchmark](), list[Path]()
    if configs:
        data = config.load(configs, overrides).DATA
        names = datasets or (data.DATASET,)
        for name in names:
            part = data.model_copy(update={"DATASET": name})
            benchmarks[name] = read_benchmark(part, split)
            images = [part.folder / image.path for image in read_split(part.folder, part, "train")]
            train += Random(0).sample(images, min(len(images), ceil(count / len(names))))
    labelled = [path for benchmark in benchmarks.values() for path in benchmark.paths]
    threads = set_threads(settings.threads)
    exact, model = load_uncompiled(settings), load_uncompiled(settings)
    with Bar() as bar, TemporaryDirectory() as work:
        images = train if train and not photos else _list_images(photos, Path(work) / "drawn", 2 * count, bar)
        images = sorted(set(images) - set(labelled))
        Random(0).shuffle(images)
        count = min(count, len(images) if labelled else len(images) // 2)
        if count < MIN_IMAGES:
            raise DatasetError(
                "%(count)d images to calibrate on are too few; give at least %(wanted)d, as many to measure with.",
                count=count, wanted=MIN_IMAGES,
            )  # fmt: skip
        graphs = calibrate(exact, images[:count], threads, bar)
        replace_networks(model, {name: graph.clone() for name, graph in graphs.items()}, "float32", threads)
        outputs, maps = (CollectedOutputs(), CollectedOutputs()), dict[str, tuple[float, float]]()
        for name, benchmark in benchmarks.items():
            reports = [
                evaluate(one, benchmark, progress=bar, observers=[part.append])
                for one, part in zip((exact, model), outputs, strict=True)
            ]
            maps[name] = 100 * overall_map(reports[0]), 100 * overall_map(reports[1])
        if not labelled:
            others = images[count : 2 * count]
            outputs = embed_images(exact, others, bar), embed_images(model, others, bar)
    agreement = compare_outputs(*outputs).model_copy(update={"maps": maps})
    save_quantized(out, model, graphs, agreement)
    say(f"{out}: {out.stat().st_size / 1e6:.1f} MB, calibrated on {count} images", f"Agreement {agreement}.")
    if not agreement.suffices:
        say("That is less than RPF_PRECISION=auto wants: only RPF_PRECISION=int8 uses this file.")


def _list_images(photos: Path | None, drawn: Path, count: int, bar: Bar) -> list[Path]:
    """List the images of a folder, or draw garments where none is given."""
    from rpf.datasets.synthetic import Recipe, draw_images
    from rpf.ingest.scan import find_images

    if photos is None:
        draw_images(drawn, Recipe(count), bar, usable_cores())
    folder = photos or drawn
    return [folder / name for name in find_images(folder)]
