"""Files of a training in its folder, each written atomically.

- model_best.safetensors: the weights with the highest MAP so far;
- checkpoint.safetensors: the weights of the last epoch;
- checkpoint.pt: the state for --resume, weights included, so that a crash cannot separate them;
- log.json: one entry per epoch.
"""

import io
import json
import pickle
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from rpf.config import Config, from_checkpoint
from rpf.errors import CheckpointError, ConfigError
from rpf.utils.files import write_atomic

BEST_FILE, LAST_FILE = "model_best.safetensors", "checkpoint.safetensors"
STATE_FILE, LOG_FILE = "checkpoint.pt", "log.json"
FORMAT = "rpf-training-1"

# Settings that may change when a training is resumed, as they do not affect its numbers.
_CHANGEABLE = ("SAVE_DIR", "DEVICE", "LOGGER", "DATA.BASE_PATH", "DATA.NUM_WORKERS", "DATA.TEST_BATCHSIZE",
         "SOLVER.EVAL_STEPS", "SOLVER.LOG_PERIOD")  # fmt: skip


class TrainingState(NamedTuple):
    """State of a training after a whole epoch. Its fields are the keys of checkpoint.pt.

    Random generators and learning rates have none: each epoch derives them from `seed` and its number.
    """

    config: Config
    seed: int
    epoch: int  # completed epochs
    best: float  # highest MAP so far
    log: list[dict[str, Any]]  # one entry per epoch
    model: dict[str, Tensor]
    average: dict[str, Tensor]  # moving average of the weights; empty without SOLVER.EMA_DECAY
    optimizer: dict[str, Any]


def write_state(folder: Path, state: TrainingState) -> None:
    """Write checkpoint.pt and log.json."""
    buffer = io.BytesIO()
    config = json.dumps(state.config.model_dump(mode="json"))
    torch.save({**state._asdict(), "config": config, "format": FORMAT}, buffer)
    write_atomic(folder / STATE_FILE, buffer.getvalue())
    write_atomic(folder / LOG_FILE, (json.dumps(state.log, indent=1) + "\n").encode())


def read_state(file: Path, config: Config) -> TrainingState:
    """Read a checkpoint.pt (or the one beside a checkpoint.safetensors) to the CPU.

    Raises CheckpointError if it is not one, or if `config` would change the training.
    """
    file = file.with_suffix(".pt") if file.suffix == ".safetensors" else file
    if not file.is_file():
        raise CheckpointError("%(file)s: no such file to resume from.", file=file)
    try:
        values: Any = torch.load(file, map_location="cpu", weights_only=True)
        if values.pop("format") != FORMAT:
            raise KeyError
        saved_config = from_checkpoint(values["config"])
        state = TrainingState(**{**values, "config": config})
    except (KeyError, TypeError, AttributeError, ValueError, ConfigError):
        raise CheckpointError("%(file)s is not the state of a training.", file=file) from None
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError) as error:
        why = str(error).strip().split("\n")[0]
        raise CheckpointError("%(file)s cannot be read safely: %(why)s", file=file, why=why) from None
    changeable = _CHANGEABLE if config.SOLVER.SCHEDULE == "cosine" else (*_CHANGEABLE, "SOLVER.EPOCHS")
    before, now = _flatten(saved_config.model_dump(mode="json")), _flatten(config.model_dump(mode="json"))
    for key in before:
        if before[key] != now[key] and not key.startswith(changeable):
            raise CheckpointError(
                "%(file)s was trained with %(key)s=%(before)s, not %(now)s; resume it with the same settings.",
                file=file, key=key, before=before[key], now=now[key],
            )  # fmt: skip
    return state


def _flatten(section: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Turn {"A": {"B": 1}} into {"A.B": 1}."""
    flat: dict[str, Any] = {}
    for key, value in section.items():
        flat |= _flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return flat
