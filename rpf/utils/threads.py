"""Threads of PyTorch and OpenVINO."""

import torch

from rpf.utils.cores import thread_limit


def set_threads(threads: int = 0) -> int:
    """Set PyTorch's number of threads and return OpenVINO's; 0 is all cores that a CPU quota leaves, if there is one.

    PyTorch may have been loaded before rpf, which limits the libraries' threads when it is imported.
    """
    limit = threads or thread_limit()
    if limit:
        torch.set_num_threads(threads or min(limit, torch.get_num_threads()))
    return limit
