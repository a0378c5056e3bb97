"""The training of one stage, epoch by epoch (RPF, section 4.1)."""

import logging
import math
import random
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.lr_scheduler import StepLR
from tqdm import tqdm

from rpf.errors import ConfigError, TrainingError
from rpf.model import checkpoint
from rpf.model.rpf import RPF
from rpf.training.data import Batch, TrainSplit, batches
from rpf.training.hardware import Hardware
from rpf.training.monitor import Monitor
from rpf.training.state import BEST, LAST, State, write_state
from rpf.training.step import TripletStep
from rpf.training.triplets import Triplet

Evaluate = Callable[[RPF], float]

OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "Adam": torch.optim.Adam,
    "AdamW": torch.optim.AdamW,
    "SGD": torch.optim.SGD,
}
logger = logging.getLogger(__name__)


class Trainer:
    """Trains `model` as its config says, and leaves in `folder` what rpf.training.state describes.

    `evaluate` gives the MAP on valid, from 0 to 1, by which the best model is chosen; only the first process calls it.
    Where several processes train, each takes its own share of an epoch's triplets, in batches of TRAIN_BATCHSIZE.
    """

    def __init__(
        self, model: RPF, split: TrainSplit, folder: Path, hardware: Hardware, evaluate: Evaluate, seed: int = 0
    ) -> None:
        self.config = model.config
        self.split, self.folder, self.hardware, self.evaluate, self.seed = split, folder, hardware, evaluate, seed
        self.model = model.to(hardware.device).to(memory_format=torch.channels_last)
        self.optimizer = make_optimizer(self.model)
        self.scheduler = StepLR(self.optimizer, self.config.SOLVER.STEP_SIZE, self.config.SOLVER.DECAY_RATE)
        self.epoch, self.best = 0, -math.inf
        self.log: list[dict[str, float]] = []

    def resume(self, state: State) -> None:
        """Go on from the end of an epoch, to the same numbers as without the stop."""
        self.model.load_state_dict(state.model)
        self.optimizer.load_state_dict(state.optimizer)
        self.scheduler.load_state_dict(state.scheduler)
        self.seed, self.epoch, self.best, self.log = state.seed, state.epoch, state.best, state.log

    def run(self) -> None:
        """Train until SOLVER.EPOCHS epochs are done.

        Raises TrainingError when the loss or a weight is no longer a number; the files keep the last whole epoch.
        """
        step: nn.Module = TripletStep(self.model, self.hardware)
        if self.hardware.count > 1:
            devices = [self.hardware.device] if self.hardware.device.type == "cuda" else None
            step = DistributedDataParallel(step, device_ids=devices)
        self.folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            monitor = None
            if self.hardware.rank == 0:
                monitor = stack.enter_context(closing(Monitor(self.folder, self.epoch * self._batches)))
            while self.epoch < self.config.SOLVER.EPOCHS:
                began = time.monotonic()
                results = self._train(step, monitor)
                results |= {f"lr/{group['name']}": group["lr"] for group in self.optimizer.param_groups}
                self.scheduler.step()
                self.epoch += 1
                if monitor:
                    self._finish(monitor, results, began)
                self.hardware.wait()

    @property
    def _batches(self) -> int:
        """How many batches this process sees in an epoch."""
        data = self.config.DATA
        return math.ceil(data.NUM_TRIPLETS // self.hardware.count / data.TRAIN_BATCHSIZE)

    def _train(self, step: nn.Module, monitor: Monitor | None) -> dict[str, float]:
        """One epoch; the mean of each loss, over all processes."""
        hardware, config = self.hardware, self.config
        triplets = self.split.triplets.draw(config.DATA.NUM_TRIPLETS, self.seed, self.epoch)
        own = hardware.share(triplets)
        torch.manual_seed(random.Random(f"{self.seed} {self.epoch} {hardware.rank}").getrandbits(63))  # for dropout
        self.model.train()
        sums: dict[str, float] = {}
        with tqdm(
            batches(self.split, own, config), f"epoch {self.epoch + 1}/{config.SOLVER.EPOCHS}", self._batches,
            unit="batch", disable=monitor is None,
        ) as bar:  # fmt: skip
            for number, batch in enumerate(bar):
                losses = self._step(step, batch)
                sums = {name: sums.get(name, 0) + loss for name, loss in losses.items()}
                if monitor and number % config.SOLVER.LOG_PERIOD == 0:
                    bar.set_postfix(loss=f"{losses['total']:.4f}", refresh=False)
                    shown = {f"batch/{name}": loss for name, loss in losses.items()}
                    monitor.scalars(shown, self.epoch * self._batches + number)
        if not all(bool(tensor.isfinite().all()) for tensor in self.model.state_dict().values()):
            raise TrainingError("A weight is no longer a number after epoch %(epoch)d.", epoch=self.epoch + 1)
        return {f"loss/{name}": total / self._batches for name, total in sums.items()}

    def _step(self, step: nn.Module, batch: Batch) -> dict[str, float]:
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
        self.optimizer.step()
        return dict(zip(losses, seen, strict=True))

    def _finish(self, monitor: Monitor, results: dict[str, float], began: float) -> None:
        """Evaluate after an epoch, save, and show how it went."""
        solver = self.config.SOLVER
        self.model.eval()
        said = f"epoch {self.epoch}/{solver.EPOCHS}: loss {results['loss/total']:.4f}"
        if self.epoch % solver.EVAL_STEPS == 0 or self.epoch == solver.EPOCHS:
            score = results["MAP"] = self.evaluate(self.model)
            if score > self.best:
                self.best = score
                checkpoint.save(self.model, self.folder / BEST)
            said += f", MAP {100 * score:.2f} (best {100 * self.best:.2f})"
        self.log.append({"epoch": self.epoch, **results, "seconds": round(time.monotonic() - began, 1)})
        checkpoint.save(self.model, self.folder / LAST)
        write_state(self.folder, self._state())
        monitor.scalars(results, self.epoch * self._batches - 1)
        monitor.crops(self.model, self.split, self._samples(), self.epoch * self._batches - 1)
        logger.info("%s, %.0f s", said, time.monotonic() - began)

    def _state(self) -> State:
        return State(
            config=self.config,
            seed=self.seed,
            epoch=self.epoch,
            best=self.best,
            log=self.log,
            model=self.model.state_dict(),
            optimizer=self.optimizer.state_dict(),
            scheduler=self.scheduler.state_dict(),
        )

    def _samples(self) -> list[Triplet]:
        """One triplet of each attribute, always the same ones."""
        drawn = self.split.triplets.draw(20 * len(self.config.DATA.ATTRIBUTES.NAME), self.seed, epoch=0)
        return list({triplet.attribute: triplet for triplet in drawn}.values())


def make_optimizer(model: RPF) -> torch.optim.Optimizer:
    """The config's optimiser. In stage 2 the region branch, with the attribute table, has the slow learning rate."""
    solver = model.config.SOLVER
    if solver.OPTIMIZER_NAME not in OPTIMIZERS:
        raise ConfigError("SOLVER.OPTIMIZER_NAME: one of %(names)s is expected", names=", ".join(OPTIMIZERS))
    region_rate = solver.BASE_LR_SLOW if model.patch else solver.BASE_LR
    groups: list[dict[str, Any]] = [{"name": "region", "params": model.region.parameters(), "lr": region_rate}]
    if model.patch:
        groups.append({"name": "patch", "params": model.patch.parameters(), "lr": solver.BASE_LR})
    return OPTIMIZERS[solver.OPTIMIZER_NAME](groups)
