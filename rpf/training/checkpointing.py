"""What a training leaves in its folder, each file written whole or not at all.

- model_best.safetensors: the weights with the highest MAP so far;
- checkpoint.safetensors: the weights of the last epoch, to be used like any others;
- checkpoint.pt: all that is needed to go on, the weights included, so that no crash can part them from the rest;
- log.json: one entry per epoch.
"""

import io
import json
import pickle
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from rpf.config import Config
from rpf.errors import CheckpointError
from rpf.utils.files import write_atomic

BEST, LAST, STATE, LOG = "model_best.safetensors", "checkpoint.safetensors", "checkpoint.pt", "log.json"
FORMAT = "rpf-training-1"

# Settings that may change when a training goes on: they have no part in its numbers.
_FREE = ("SAVE_DIR", "DEVICE", "LOGGER", "DATA.BASE_PATH", "DATA.NUM_WORKERS", "DATA.TEST_BATCHSIZE",
         "SOLVER.EVAL_STEPS", "SOLVER.LOG_PERIOD")  # fmt: skip


class State(NamedTuple):
    """All that a training needs to go on after a whole epoch.

    No state of random generators or learning rates: each epoch sets them anew from `seed` and its number.
    """

    config: Config
    seed: int
    epoch: int  # epochs done
    best: float  # highest MAP so far
    log: list[dict[str, Any]]  # one entry per epoch
    model: dict[str, Tensor]
    average: dict[str, Tensor]  # with SOLVER.AVERAGE, else empty
    optimizer: dict[str, Any]


def write_state(folder: Path, state: State) -> None:
    """Write checkpoint.pt and log.json."""
    config = json.dumps(state.config.model_dump(mode="json"))
    buffer = io.BytesIO()
    torch.save({**state._asdict(), "config": config, "format": FORMAT}, buffer)
    write_atomic(folder / STATE, buffer.getvalue())
    write_atomic(folder / LOG, (json.dumps(state.log, indent=1) + "\n").encode())


def read_state(file: Path, config: Config) -> State:
    """The state in a checkpoint.pt (or in the one beside a checkpoint.safetensors), on the processor.

    Raises CheckpointError when it is not one, or when `config` would train otherwise than the one it was made with.
    """
    file = file.with_suffix(".pt") if file.suffix == ".safetensors" else file
    if not file.is_file():
        raise CheckpointError("%(file)s: no such file to go on from", file=file)
    try:
        values: Any = torch.load(file, map_location="cpu", weights_only=True)
        if values.pop("format") != FORMAT:
            raise KeyError
        made_with = Config.model_validate_json(values["config"])
        state = State(**{**values, "config": config})
    except (KeyError, TypeError, AttributeError, ValueError):
        raise CheckpointError("%(file)s is no state of a training that can go on", file=file) from None
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError) as error:
        why = str(error).strip().split("\n")[0]
        raise CheckpointError("%(file)s cannot be read safely: %(why)s", file=file, why=why) from None
    free = _FREE if config.SOLVER.SCHEDULE == "cosine" else (*_FREE, "SOLVER.EPOCHS")
    then, now = _flat(made_with.model_dump(mode="json")), _flat(config.model_dump(mode="json"))
    for key in then:
        if then[key] != now[key] and not key.startswith(free):
            raise CheckpointError(
                "%(file)s was trained with %(key)s=%(then)s, not %(now)s; it can go on only as it began",
                file=file, key=key, then=then[key], now=now[key],
            )  # fmt: skip
    return state


def _flat(section: dict[str, Any], before: str = "") -> dict[str, Any]:
    """{"A": {"B": 1}} -> {"A.B": 1}."""
    flat: dict[str, Any] = {}
    for key, value in section.items():
        flat |= _flat(value, f"{before}{key}.") if isinstance(value, dict) else {before + key: value}
    return flat
