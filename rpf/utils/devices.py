"""Devices and threads of PyTorch and OpenVINO."""

from contextlib import suppress

import torch

from rpf.errors import ConfigError
from rpf.utils.cores import thread_limit


def set_threads(threads: int = 0) -> int:
    """Set PyTorch's number of threads and return OpenVINO's; 0 is all cores that a CPU quota leaves, if there is one.

    PyTorch may have been loaded before rpf, which limits the libraries' threads when it is imported.
    """
    limit = threads or thread_limit()
    if limit:
        torch.set_num_threads(threads or min(limit, torch.get_num_threads()))
        with suppress(RuntimeError):  # it can be set only once, before the first use
            torch.set_num_interop_threads(limit)
    return limit


def choose_device(name: str, local_rank: int | None = None) -> torch.device:
    """Return the device of that name; "auto" is the GPU if there is one.

    local_rank: number of the GPU, for one of several processes. Raises ConfigError for a device that cannot be used.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and local_rank is not None:
        name = f"cuda:{local_rank}"
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:  # torch raises either for a missing device
        why = str(error).split("\n")[0]
        raise ConfigError('The device "%(device)s" cannot be used: %(why)s', device=name, why=why) from None
    return device
