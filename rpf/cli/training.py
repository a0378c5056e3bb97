"""The command that trains a model."""

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rpf.cli.options import FILE, SKIP_BAD, Bar, ManyConfigs, status_of
from rpf.cli.output import LineFormatter, say
from rpf.errors import ConfigError, TrainingError
from rpf.utils.paths import WORK_FOLDER

logger = logging.getLogger(__name__)

if TYPE_CHECKING:
    from rpf.config import Config
    from rpf.datasets.image_check import ImageCheck
    from rpf.models.rpf import RPF
    from rpf.training.trainer import Evaluate


@click.command(cls=ManyConfigs)
@click.option("--cfg", "configs", multiple=True, required=True, type=FILE, help="Config files: --cfg A.yaml B.yaml.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Settings over the config files'.")
@click.option("--resume", type=FILE, help="Go on from a checkpoint.pt of this training.")
@click.option(
    "--stage1", "stage_one", type=FILE,
    help="Checkpoint that stage 2 begins with; else SAVE_DIR/<NAME, its last s2 read as s1>/model_best.safetensors.",
)  # fmt: skip
@click.option(
    "--pretrained", type=FILE, default=WORK_FOLDER / "pretrained", help="Folder of published starting weights."
)
@click.option("--from-scratch", is_flag=True, help="Do without published starting weights.")
@click.option(
    "--precision", type=click.Choice(["auto", "bf16", "float32"]), default="auto", show_default=True,
    help="auto: bf16 where the processor or the GPU is faster with it.",
)  # fmt: skip
@SKIP_BAD
@click.option("--seed", default=0, show_default=True, help="Of the weights that start at random and of the triplets.")
def train(
    configs: tuple[Path, ...],
    overrides: tuple[str, ...],
    resume: Path | None,
    stage_one: Path | None,
    pretrained: Path,
    from_scratch: bool,
    precision: str,
    skip_bad: bool,
    seed: int,
) -> None:
    """Train one stage of a model.

    Stage 1 (MODEL.TRANSFORMER.ENABLE false) trains the region branch from ImageNet weights. Stage 2 begins with the
    best checkpoint of stage 1 and ImageNet-21k weights for the transformer, and trains both branches. As published,
    they learn from triplets; the default model learns to classify (SOLVER.LOSS values, see config/rpf-small-s1.yaml).

    In SAVE_DIR/NAME it leaves model_best.safetensors (the highest MAP on valid), checkpoint.safetensors (the last
    epoch), checkpoint.pt (for --resume), log.json and TensorBoard's files. With several GPUs start it by torchrun:
    each process then takes its own share of the triplets, in batches of DATA.TRAIN_BATCHSIZE.

    \b
    Examples:
      python -m rpf train --cfg config/FashionAI/FashionAI.yaml config/FashionAI/s1.yaml
      python -m rpf train --cfg config/FashionAI/FashionAI.yaml config/FashionAI/s2.yaml
      python -m rpf train --cfg config/Clothing/Clothing.yaml config/Clothing/s1.yaml \\
          --set DATA.BASE_PATH=../shared --resume runs/Clothing_s1/checkpoint.pt
      python -m rpf train --cfg config/Clothing/Clothing.yaml config/rpf-small.yaml config/rpf-small-s1.yaml \\
          --set DATA.EXTRA=data/wardrobe
      torchrun --nproc-per-node 4 -m rpf train --cfg config/DARN/DARN.yaml config/DARN/s1.yaml
    """
    import torch

    from rpf import config
    from rpf.models.rpf import RPF
    from rpf.training.checkpointing import STATE, read_state
    from rpf.training.distributed import hardware
    from rpf.training.initialize import begin
    from rpf.training.tasks.build import read_course, require_trainable
    from rpf.training.trainer import Trainer

    values = config.load(configs, overrides)
    if not values.NAME:
        raise ConfigError("NAME: a training needs a name, for its folder in SAVE_DIR")
    folder = Path(values.SAVE_DIR) / values.NAME
    if not resume and (folder / STATE).exists():
        raise TrainingError(
            "%(folder)s holds a training already: go on with --resume %(file)s, choose another NAME, or delete it",
            folder=folder, file=folder / STATE,
        )  # fmt: skip
    _log(values)
    require_trainable(values)
    check = _check_images(values, skip_bad)
    course, evaluate = read_course(values, check), _evaluation(values, check)
    torch.manual_seed(seed)
    with hardware(values.DEVICE, precision) as machine:
        state = read_state(resume, values) if resume else None
        model = RPF(values) if state else begin(values, pretrained, stage_one, from_scratch)
        trainer = Trainer(model, lambda own: course(own, machine), folder, machine, evaluate, seed)
        if state:
            trainer.resume(state)
        try:
            trainer.run()
        except KeyboardInterrupt as stop:
            done = len(trainer.log)  # whole epochs, evaluated too
            kept = f"go on with --resume {folder / STATE}" if done else "there is nothing to go on from yet"
            say(f"Stopped after {done} of {values.SOLVER.EPOCHS} epochs; {kept}.", err=True)
            sys.exit(status_of(stop))


def _check_images(values: "Config", skip_bad: bool) -> "ImageCheck":
    """Check the images of train and valid, and of the extra dataset, before any of them is used."""
    from rpf.datasets.annotations import read_split
    from rpf.datasets.image_check import ImageCheck, describe

    data = values.DATA
    with Bar("image") as bar:
        check = ImageCheck(skip_bad, bar)
        check.look(data.folder, read_split(data.folder, data, "train"))
        check.look(data.folder, [item for item in read_split(data.folder, data, "valid") if item.labels])
        if data.EXTRA and values.SOLVER.LOSS == "values":
            check.look(Path(data.EXTRA), read_split(Path(data.EXTRA), data, "train"))
    check.refuse()
    if skipped := check.skipped():
        logger.warning("Left out by --skip-bad: %s.", describe(skipped))
    return check


def _evaluation(values: "Config", check: "ImageCheck") -> "Evaluate":
    """Read the split valid, and return what finds a model's MAP on it."""
    from rpf.evaluation.measure import overall_map
    from rpf.evaluation.protocol import read_benchmark

    benchmark = read_benchmark(values.DATA, "valid", check=check)

    def evaluate(model: "RPF") -> float:
        with Bar() as bar:
            return overall_map(model, benchmark, values.DATA.TEST_BATCHSIZE, bar)

    return evaluate


def _log(values: "Config") -> None:
    handler = logging.StreamHandler(sys.stderr if values.LOGGER.STREAM == "stderr" else sys.stdout)
    handler.setFormatter(LineFormatter())
    logging.basicConfig(handlers=[handler], force=True)
    try:
        logging.getLogger("rpf").setLevel(values.LOGGER.LEVEL)
    except ValueError as error:
        raise ConfigError("LOGGER.LEVEL: %(why)s", why=error) from None
