"""The training of one stage, epoch by epoch (RPF, section 4.1)."""

import logging
import math
import random
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import cast

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from rpf.config import SolverConfig
from rpf.errors import TrainingError
from rpf.models import checkpoint
from rpf.models.base import TwoBranchModel
from rpf.training.checkpointing import BEST_FILE, LAST_FILE, TrainingState, write_state
from rpf.training.tasks.base import TrainingTask
from rpf.training.tensorboard import TensorBoardLogger

Validate = Callable[[TwoBranchModel], float]
WARM_UP_SHARE = 0.03  # of the training, with SOLVER.SCHEDULE cosine

logger = logging.getLogger(__name__)


class Trainer:
    """Trains the task's model as its config says, and writes the files of rpf.training.checkpointing to `folder`.

    `validate` returns the MAP (0 to 1) that selects the best model; only the first process calls it. With
    SOLVER.EMA_DECAY, the moving average of the weights is validated and saved.
    """

    def __init__(self, task: TrainingTask, folder: Path, validate: Validate, seed: int = 0) -> None:
        self.task, self.folder, self.validate, self.seed = task, folder, validate, seed
        self.config, self.context = task.config, task.context
        self.model = task.model.to(self.context.device).to(memory_format=torch.channels_last)
        self.ema: AveragedModel | None = None
        if decay := self.config.SOLVER.EMA_DECAY:
            self.ema = AveragedModel(self.model, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True)
        self.context.prepare(self.model)
        self.optimizer = make_optimizer(self.model)
        self.scheduler = make_scheduler(self.optimizer, self.config.SOLVER, task.length)
        self.epoch, self.best = 0, -math.inf
        self.log: list[dict[str, float]] = []

    @property
    def result(self) -> TwoBranchModel:
        """Return the model that is validated and saved."""
        return cast(TwoBranchModel, self.ema.module) if self.ema else self.model

    def resume(self, state: TrainingState) -> None:
        """Continue after a whole epoch, with the same results as an uninterrupted training."""
        self.model.load_state_dict(state.model)
        if self.ema:
            self.ema.load_state_dict(state.average)
        self.optimizer.load_state_dict(state.optimizer)
        self.seed, self.epoch, self.best, self.log = state.seed, state.epoch, state.best, state.log
        self.scheduler = make_scheduler(self.optimizer, self.config.SOLVER, self.task.length, self.epoch)

    def run(self) -> None:
        """Train until SOLVER.EPOCHS epochs are complete.

        Raises TrainingError if the loss or a weight is not finite; the files keep the last whole epoch.
        """
        task: nn.Module = self.task
        if self.context.world_size > 1:
            devices = [self.context.device] if self.context.device.type == "cuda" else None
            task = DistributedDataParallel(task, device_ids=devices)
        self.folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            board = None
            if self.context.rank == 0:
                board = stack.enter_context(TensorBoardLogger(self.folder, purge_step=self.epoch * self.task.length))
            while self.epoch < self.config.SOLVER.EPOCHS:
                started = time.monotonic()
                results = self._train_epoch(task, board)
                self.epoch += 1
                if board:
                    self._finish_epoch(board, results, started)
                self.context.barrier()

    def _train_epoch(self, task: nn.Module, board: TensorBoardLogger | None) -> dict[str, float]:
        """Train one epoch; return the mean of each loss over all processes, and the last learning rates."""
        solver, length = self.config.SOLVER, self.task.length
        rng = random.Random(f"{self.seed} {self.epoch} {self.context.rank}")
        torch.manual_seed(rng.getrandbits(63))  # for dropout and augmentation
        self.model.train()
        sums: dict[str, float] = {}
        rates: dict[str, float] = {}
        with tqdm(
            self.task.epoch(self.seed, self.epoch), f"epoch {self.epoch + 1}/{solver.EPOCHS}", length,
            unit="batch", disable=board is None,
        ) as bar:  # fmt: skip
            for number, batch in enumerate(bar):
                rates = {f"lr/{group['name']}": group["lr"] for group in self.optimizer.param_groups}
                losses = self._step(task, batch)
                sums = {name: sums.get(name, 0) + loss for name, loss in losses.items()}
                if board and number % solver.LOG_PERIOD == 0:
                    bar.set_postfix(loss=f"{losses['total']:.4f}", refresh=False)
                    scalars = {f"batch/{name}": loss for name, loss in losses.items()}
                    board.scalars(scalars, self.epoch * length + number)
        if not all(bool(tensor.isfinite().all()) for tensor in self.model.state_dict().values()):
            raise TrainingError("A weight is not finite after epoch %(epoch)d.", epoch=self.epoch + 1)
        return {f"loss/{name}": total / length for name, total in sums.items()} | rates

    def _step(self, task: nn.Module, batch: object) -> dict[str, float]:
        """Learn from one batch; return its losses, averaged over the processes."""
        losses = task(batch)
        means = self.context.mean(torch.stack([loss.detach() for loss in losses.values()])).tolist()
        if not all(map(math.isfinite, means)):  # in all processes at once, as they have the same mean
            raise TrainingError(
                "The loss is not finite in epoch %(epoch)d; a lower learning rate may help.", epoch=self.epoch + 1
            )
        self.optimizer.zero_grad()
        losses["total"].backward()
        if max_norm := self.config.SOLVER.GRAD_CLIP_NORM:
            nn.utils.clip_grad_norm_(self.model.parameters(), max_norm)
        self.optimizer.step()
        self.scheduler.step()
        if self.ema:
            self.ema.update_parameters(self.model)
        return dict(zip(losses, means, strict=True))

    def _finish_epoch(self, board: TensorBoardLogger, results: dict[str, float], started: float) -> None:
        """Validate, save and log after an epoch."""
        solver, model, last_step = self.config.SOLVER, self.result.eval(), self.epoch * self.task.length - 1
        summary = f"epoch {self.epoch}/{solver.EPOCHS}: loss {results['loss/total']:.4f}"
        if self.epoch % solver.EVAL_STEPS == 0 or self.epoch == solver.EPOCHS:
            score = results["MAP"] = self.validate(model)
            if score > self.best:
                self.best = score
                checkpoint.save(model, self.folder / BEST_FILE)
            summary += f", MAP {100 * score:.2f} (best {100 * self.best:.2f})"
            board.crops(model, self.task.samples(self.seed), last_step)
        self.log.append({"epoch": self.epoch, **results, "seconds": round(time.monotonic() - started, 1)})
        checkpoint.save(model, self.folder / LAST_FILE)
        state = TrainingState(
            config=self.config,
            seed=self.seed,
            epoch=self.epoch,
            best=self.best,
            log=self.log,
            model=self.model.state_dict(),
            average=self.ema.state_dict() if self.ema else {},
            optimizer=self.optimizer.state_dict(),
        )
        write_state(self.folder, state)
        board.scalars(results, last_step)
        logger.info("%s, %.0f s", summary, time.monotonic() - started)


def make_scheduler(
    optimizer: torch.optim.Optimizer, solver: SolverConfig, epoch_length: int, epoch: int = 0
) -> LambdaLR:
    """Schedule the learning rate by batches, from the start of `epoch` on.

    As published, it falls by steps of whole epochs; "cosine" rises over the first WARM_UP_SHARE of the training and
    then falls to nearly 0.
    """

    def factor(step: int) -> float:
        if solver.SCHEDULE == "step":
            return solver.DECAY_RATE ** (step // epoch_length // solver.STEP_SIZE)
        whole, batch = divmod(step, epoch_length)
        done = (whole + batch / epoch_length) / solver.EPOCHS
        return min(1.0, done / WARM_UP_SHARE + 0.01) * (0.01 + 0.99 * (1 + math.cos(math.pi * done)) / 2)

    return LambdaLR(optimizer, factor, last_epoch=epoch * epoch_length - 1)


def make_optimizer(model: TwoBranchModel) -> torch.optim.Optimizer:
    """Create the config's optimizer. In stage 2 the region branch, attribute table included, has the slow rate.

    With SOLVER.BACKBONE_LR_SCALE, backbones have that part of their branch's rate. Biases and norms do not decay.
    """
    solver = model.config.SOLVER
    groups: dict[tuple[str, float, float], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        branch = name.split(".")[0]
        lr = solver.BASE_LR_SLOW if model.patch and branch == "region" else solver.BASE_LR
        if ".trunk." in name:
            lr *= solver.BACKBONE_LR_SCALE
        decay = solver.WEIGHT_DECAY if parameter.ndim > 1 else 0.0
        groups.setdefault((branch, lr, decay), []).append(parameter)
    return getattr(torch.optim, solver.OPTIMIZER_NAME)(
        [
            {"name": branch, "params": parameters, "lr": lr, "weight_decay": decay}
            for (branch, lr, decay), parameters in groups.items()
        ]
    )
