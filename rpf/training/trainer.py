"""The training of one stage, epoch by epoch (RPF, section 4.1)."""

import logging
import math
import random
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import cast

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from rpf.config import Solver
from rpf.errors import ConfigError, TrainingError
from rpf.models import checkpoint
from rpf.models.rpf import RPF
from rpf.training.checkpointing import BEST, LAST, State, write_state
from rpf.training.distributed import DistributedContext
from rpf.training.tasks.base import Course
from rpf.training.tensorboard import TensorBoardLogger

Evaluate = Callable[[RPF], float]
MakeCourse = Callable[[RPF], Course]
WARM_UP = 0.03

OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "Adam": torch.optim.Adam,
    "AdamW": torch.optim.AdamW,
    "SGD": torch.optim.SGD,
}
logger = logging.getLogger(__name__)


class Trainer:
    """Trains `model` as its config says, and leaves in `folder` what rpf.training.checkpointing describes.

    `evaluate` gives the MAP on valid, from 0 to 1, by which the best model is chosen; only the first process calls it.
    With SOLVER.AVERAGE it judges, and the files hold, the moving average of the weights.
    """

    def __init__(
        self,
        model: RPF,
        make_course: MakeCourse,
        folder: Path,
        hardware: DistributedContext,
        evaluate: Evaluate,
        seed: int = 0,
    ) -> None:
        self.config = model.config
        self.folder, self.hardware, self.evaluate, self.seed = folder, hardware, evaluate, seed
        self.model = model.to(hardware.device).to(memory_format=torch.channels_last)
        self.average: AveragedModel | None = None
        if decay := self.config.SOLVER.AVERAGE:
            self.average = AveragedModel(self.model, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True)
        hardware.prepare(self.model)
        self.course = make_course(self.model)
        self.optimizer = make_optimizer(self.model)
        self.epoch, self.best = 0, -math.inf
        self.log: list[dict[str, float]] = []

    @property
    def result(self) -> RPF:
        """The model that is evaluated and saved."""
        return cast(RPF, self.average.module) if self.average else self.model

    def resume(self, state: State) -> None:
        """Go on from the end of an epoch, to the same numbers as without the stop."""
        self.model.load_state_dict(state.model)
        if self.average:
            self.average.load_state_dict(state.average)
        self.optimizer.load_state_dict(state.optimizer)
        self.seed, self.epoch, self.best, self.log = state.seed, state.epoch, state.best, state.log

    def run(self) -> None:
        """Train until SOLVER.EPOCHS epochs are done.

        Raises TrainingError when the loss or a weight is no longer a number; the files keep the last whole epoch.
        """
        step = self.course.step
        if self.hardware.count > 1:
            devices = [self.hardware.device] if self.hardware.device.type == "cuda" else None
            step = DistributedDataParallel(step, device_ids=devices)
        self.folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            monitor = None
            if self.hardware.rank == 0:
                monitor = stack.enter_context(closing(TensorBoardLogger(self.folder, self.epoch * self.course.length)))
            while self.epoch < self.config.SOLVER.EPOCHS:
                began = time.monotonic()
                results = self._train(step, monitor)
                results |= {f"lr/{group['name']}": group["lr"] for group in self.optimizer.param_groups}
                self.epoch += 1
                if monitor:
                    self._finish(monitor, results, began)
                self.hardware.wait()

    def _train(self, step: nn.Module, monitor: TensorBoardLogger | None) -> dict[str, float]:
        """One epoch; the mean of each loss, over all processes."""
        hardware, config, length = self.hardware, self.config, self.course.length
        torch.manual_seed(random.Random(f"{self.seed} {self.epoch} {hardware.rank}").getrandbits(63))  # for dropout
        self.model.train()
        sums: dict[str, float] = {}
        with tqdm(
            self.course.epoch(self.seed, self.epoch), f"epoch {self.epoch + 1}/{config.SOLVER.EPOCHS}", length,
            unit="batch", disable=monitor is None,
        ) as bar:  # fmt: skip
            for number, batch in enumerate(bar):
                for group in self.optimizer.param_groups:
                    group["lr"] = group["initial_lr"] * rate(config.SOLVER, self.epoch, number / length)
                losses = self._step(step, batch)
                sums = {name: sums.get(name, 0) + loss for name, loss in losses.items()}
                if monitor and number % config.SOLVER.LOG_PERIOD == 0:
                    bar.set_postfix(loss=f"{losses['total']:.4f}", refresh=False)
                    shown = {f"batch/{name}": loss for name, loss in losses.items()}
                    monitor.scalars(shown, self.epoch * length + number)
        if not all(bool(tensor.isfinite().all()) for tensor in self.model.state_dict().values()):
            raise TrainingError("A weight is no longer a number after epoch %(epoch)d.", epoch=self.epoch + 1)
        return {f"loss/{name}": total / length for name, total in sums.items()}

    def _step(self, step: nn.Module, batch: object) -> dict[str, float]:
        """Learn from one batch; its losses, their mean over the processes."""
        losses = step(batch)
        seen = self.hardware.mean(torch.stack([loss.detach() for loss in losses.values()])).tolist()
        if not all(map(math.isfinite, seen)):  # in all processes at once, as they have the same mean
            raise TrainingError(
                "The loss is no longer a number in epoch %(epoch)d; a lower learning rate may help.",
                epoch=self.epoch + 1,
            )
        self.optimizer.zero_grad()
        losses["total"].backward()
        if most := self.config.SOLVER.CLIP:
            nn.utils.clip_grad_norm_(self.model.parameters(), most)
        self.optimizer.step()
        if self.average:
            self.average.update_parameters(self.model)
        return dict(zip(losses, seen, strict=True))

    def _finish(self, monitor: TensorBoardLogger, results: dict[str, float], began: float) -> None:
        """Evaluate after an epoch, save, and show how it went."""
        solver, model = self.config.SOLVER, self.result.eval()
        said = f"epoch {self.epoch}/{solver.EPOCHS}: loss {results['loss/total']:.4f}"
        if self.epoch % solver.EVAL_STEPS == 0 or self.epoch == solver.EPOCHS:
            score = results["MAP"] = self.evaluate(model)
            if score > self.best:
                self.best = score
                checkpoint.save(model, self.folder / BEST)
            said += f", MAP {100 * score:.2f} (best {100 * self.best:.2f})"
            monitor.crops(model, self.course.samples(self.seed), self.epoch * self.course.length - 1)
        self.log.append({"epoch": self.epoch, **results, "seconds": round(time.monotonic() - began, 1)})
        checkpoint.save(model, self.folder / LAST)
        write_state(self.folder, self._state())
        monitor.scalars(results, self.epoch * self.course.length - 1)
        logger.info("%s, %.0f s", said, time.monotonic() - began)

    def _state(self) -> State:
        return State(
            config=self.config,
            seed=self.seed,
            epoch=self.epoch,
            best=self.best,
            log=self.log,
            model=self.model.state_dict(),
            average=self.average.state_dict() if self.average else {},
            optimizer=self.optimizer.state_dict(),
        )


def rate(solver: Solver, epoch: int, share: float) -> float:
    """The learning rate, as a part of the first one, when a `share` of the epoch (from 0) is done.

    As published, it falls by steps; "cosine" rises over the first WARM_UP of the training and then falls to nearly 0.
    """
    if solver.SCHEDULE == "step":
        return solver.DECAY_RATE ** (epoch // solver.STEP_SIZE)
    done = (epoch + share) / solver.EPOCHS
    return min(1.0, done / WARM_UP + 0.01) * (0.01 + 0.99 * (1 + math.cos(math.pi * done)) / 2)


def make_optimizer(model: RPF) -> torch.optim.Optimizer:
    """The config's optimiser. In stage 2 the region branch, with the attribute table, has the slow learning rate.

    With SOLVER.TRUNK_SHARE, backbones have that part of their branch's rate; weights decay, but not biases and norms.
    """
    solver = model.config.SOLVER
    if solver.OPTIMIZER_NAME not in OPTIMIZERS:
        raise ConfigError("SOLVER.OPTIMIZER_NAME: one of %(names)s is expected", names=", ".join(OPTIMIZERS))
    groups: dict[tuple[str, float, float], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        branch = name.split(".")[0]
        lr = solver.BASE_LR_SLOW if model.patch and branch == "region" else solver.BASE_LR
        if ".trunk." in name:
            lr *= solver.TRUNK_SHARE
        decay = solver.WEIGHT_DECAY if parameter.ndim > 1 else 0.0
        groups.setdefault((branch, lr, decay), []).append(parameter)
    return OPTIMIZERS[solver.OPTIMIZER_NAME](
        [
            {"name": branch, "params": own, "lr": lr, "initial_lr": lr, "weight_decay": decay}
            for (branch, lr, decay), own in groups.items()
        ]
    )
