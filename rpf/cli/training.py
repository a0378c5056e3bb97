"""Commands for training: train, fit-garments."""

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rpf.cli.options import CONFIGS, FILE, SKIP_BAD, Bar, ManyConfigs, status_of, with_settings
from rpf.cli.output import LineFormatter, say
from rpf.errors import ConfigError, TrainingError
from rpf.settings import Settings
from rpf.utils.paths import WORK_FOLDER

if TYPE_CHECKING:
    from rpf.config import Config
    from rpf.datasets.image_check import ImageCheck


logger = logging.getLogger(__name__)


@click.command(cls=ManyConfigs)
@CONFIGS
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Settings over the config files'.")
@click.option("--resume", type=FILE, help="Resume from a checkpoint.pt of this training.")
@click.option(
    "--stage1", "stage_one", type=FILE,
    help="Stage-1 checkpoint for stage 2; else SAVE_DIR/<NAME, its last s2 read as s1>/model_best.safetensors.",
)  # fmt: skip
@click.option(
    "--start", type=FILE,
    help="Checkpoint whose weights to start from, instead of ImageNet's: a model of the same sizes and attributes.",
)  # fmt: skip
@click.option("--pretrained", type=FILE, default=WORK_FOLDER / "pretrained", help="Folder of pretrained weights.")
@click.option("--from-scratch", is_flag=True, help="Start without pretrained weights.")
@click.option(
    "--precision", type=click.Choice(["auto", "bf16", "float32"]), default="auto", show_default=True,
    help="auto: bf16 if the CPU or GPU is faster with it.",
)  # fmt: skip
@SKIP_BAD
@click.option("--seed", default=0, show_default=True, help="Of random initial weights, batches and augmentation.")
def train(
    configs: tuple[Path, ...],
    overrides: tuple[str, ...],
    resume: Path | None,
    stage_one: Path | None,
    start: Path | None,
    pretrained: Path,
    from_scratch: bool,
    precision: str,
    skip_bad: bool,
    seed: int,
) -> None:
    """Train one stage of a model.

    Stage 1 (MODEL.TRANSFORMER.ENABLE false) trains the region branch from ImageNet weights. Stage 2 starts from the
    best checkpoint of stage 1 and ImageNet-21k weights for the transformer, and trains both branches. --start takes the
    weights of another model instead of ImageNet's, to train it further on other photographs. The published
    loss is on triplets; the default model uses SOLVER.LOSS classification (see config/rpf-small-s1.yaml). MODEL.NAME
    asen is the model of ASEN++, whose stage 2 has MODEL.LOCAL.ENABLE true (see config/asen.yaml).

    The folder SAVE_DIR/NAME gets model_best.safetensors (the highest MAP on valid), checkpoint.safetensors (the last
    epoch), checkpoint.pt (for --resume), log.json and TensorBoard's files. With several GPUs, start it by torchrun:
    each process takes its share of the data, in batches of DATA.TRAIN_BATCHSIZE.

    \b
    Examples:
      rpf train --cfg config/FashionAI/FashionAI.yaml config/FashionAI/s1.yaml
      rpf train --cfg config/FashionAI/FashionAI.yaml config/FashionAI/s2.yaml
      rpf train --cfg config/Clothing/Clothing.yaml config/Clothing/s1.yaml \\
          --set DATA.BASE_PATH=../shared --resume runs/Clothing_s1/checkpoint.pt
      rpf train --cfg config/Clothing/Clothing.yaml config/rpf-small.yaml config/rpf-small-s1.yaml \\
          --set "DATA.EXTRA_DATASETS={data/wardrobe: {SHARE: 0.25}}"
      torchrun --nproc-per-node 4 -m rpf train --cfg config/DARN/DARN.yaml config/DARN/s1.yaml
    """
    import torch

    from rpf import config
    from rpf.evaluation.evaluate import evaluate, overall_map
    from rpf.evaluation.protocol import read_benchmark
    from rpf.models.base import TwoBranchModel
    from rpf.models.build import build_model
    from rpf.training.checkpointing import STATE_FILE, read_state
    from rpf.training.distributed import distributed_context
    from rpf.training.initialize import initialize_model
    from rpf.training.tasks.build import build_task, require_trainable
    from rpf.training.trainer import Trainer

    values = config.load(configs, overrides)
    if not values.NAME:
        raise ConfigError("NAME: give the training a name, for its folder in SAVE_DIR.")
    folder = Path(values.SAVE_DIR) / values.NAME
    if not resume and (folder / STATE_FILE).exists():
        raise TrainingError(
            "%(folder)s contains a training already: continue it with --resume %(file)s, choose another NAME, or "
            "delete it.",
            folder=folder, file=folder / STATE_FILE,
        )  # fmt: skip
    _configure_logging(values)
    require_trainable(values)
    check = _check_images(values, skip_bad)
    benchmarks = [read_benchmark(data, "valid", check=check) for data in values.DATA.validated]

    def validate(model: TwoBranchModel) -> float:
        scores = []
        for benchmark in benchmarks:
            with Bar("it") as bar:
                tasks = evaluate(model, benchmark, batch_size=values.DATA.TEST_BATCHSIZE, progress=bar)
            scores.append(overall_map(tasks))
        return sum(scores) / len(scores)

    torch.manual_seed(seed)
    with distributed_context(values.DEVICE, precision) as context:
        state = read_state(resume, values) if resume else None
        model = build_model(values) if state else initialize_model(values, pretrained, stage_one, start, from_scratch)
        trainer = Trainer(build_task(model, context, check), folder, validate, seed)
        if state:
            trainer.resume(state)
        try:
            trainer.run()
        except KeyboardInterrupt as stop:
            done = len(trainer.log)  # whole epochs, validated and saved
            hint = f"continue with --resume {folder / STATE_FILE}" if done else "there is nothing to resume yet"
            say(f"Stopped after {done} of {values.SOLVER.EPOCHS} epochs; {hint}.", err=True)
            sys.exit(status_of(stop))


def _check_images(values: "Config", skip_bad: bool) -> "ImageCheck":
    """Check the images of train and valid, and of the extra datasets, before the training uses any."""
    from rpf.datasets.annotations import read_split
    from rpf.datasets.image_check import ImageCheck, describe

    data = values.DATA
    with Bar("image") as bar:
        check = ImageCheck(skip_bad, bar)
        check.check(data.folder, read_split(data.folder, data, "train"))
        for used in data.validated:
            check.check(used.folder, [image for image in read_split(used.folder, data, "valid") if image.labels])
        for folder in data.extra_datasets:
            check.check(folder, read_split(folder, data, "train"))
    check.raise_for_bad()
    if skipped := check.skipped():
        logger.warning("Left out by --skip-bad: %s.", describe(skipped))
    return check


def _configure_logging(values: "Config") -> None:
    handler = logging.StreamHandler(sys.stderr if values.LOGGER.STREAM == "stderr" else sys.stdout)
    handler.setFormatter(LineFormatter())
    logging.basicConfig(handlers=[handler], force=True)
    try:
        logging.getLogger("rpf").setLevel(values.LOGGER.LEVEL)
    except ValueError as error:
        raise ConfigError("LOGGER.LEVEL: %(why)s", why=error) from None


@click.command("fit-garments")
@click.option("--boxes", type=FILE, help="JSON file of boxes around the garments of photographs.")
@click.option("--photos", type=FILE, help="Folder that the names in the file of boxes are relative to.")
@click.option("--scenes", default=4800, show_default=True, type=click.IntRange(64), help="Scenes to learn from.")
@click.option("--epochs", default=14, show_default=True, type=click.IntRange(1), help="Passes over them.")
@click.option("--seed", default=0, show_default=True, help="Of the scenes and the initial weights.")
@click.option("--out", type=FILE, help="File to write. Default: beside the checkpoint, where it is looked for.")
@with_settings
def fit_garments(
    settings: Settings, boxes: Path | None, photos: Path | None, scenes: int, epochs: int, seed: int, out: Path | None
) -> None:
    """Teach a checkpoint to find the garments in a picture, so that the site can offer each of them.

    Learns from photographs with boxes, if any, and from drawn garments, cut, moved and put beside others at random.
    Changes neither the checkpoint nor a ranking. A scene takes 280 kB of memory.

    \b
    Example:
      rpf fit-garments --boxes benchmarks/accuracy/boxes/street-train.json --photos data/street
    """
    from rpf.datasets.garment_boxes import read_boxes
    from rpf.models import checkpoint
    from rpf.models.backbone import Backbone
    from rpf.models.garment_detector import detector_path, save_head
    from rpf.training.garments import fit_detector
    from rpf.utils.devices import set_threads

    if (boxes is None) != (photos is None):
        raise ConfigError("Give --boxes and --photos together.")
    set_threads(settings.threads)
    model = checkpoint.load(settings.checkpoint, None)
    trunk = getattr(model.region, "trunk", None)
    if not isinstance(trunk, Backbone):
        raise ConfigError("Only models of the kind RPF can find garments.")
    framed = read_boxes(boxes, photos) if boxes and photos else []
    with Bar("step") as bar:
        head = fit_detector(model, trunk, framed, scenes, epochs, seed, bar)
    out = out or detector_path(settings.checkpoint)
    save_head(head, out, model.checkpoint_hash)
    say(f"{out}: learned from {len(framed)} photographs and drawn garments")
