"""The processes of a training (one, or several started by torchrun), their device and their number format."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from rpf.utils.devices import choose_device, set_threads

BARRIER_TIMEOUT = timedelta(hours=6)  # while the first process evaluates and saves

T = TypeVar("T")


@dataclass(frozen=True)
class DistributedContext:
    """This process, of rank 0 to world_size - 1. bf16: matrix products run in bfloat16."""

    device: torch.device
    bf16: bool = False
    rank: int = 0
    world_size: int = 1

    def autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16)

    def prepare(self, model: nn.Module) -> None:
        """Keep depthwise convolutions in float32 on a CPU, where their backward pass in bf16 is far slower."""
        if not self.bf16 or self.device.type != "cpu":
            return
        for module in model.modules():
            if isinstance(module, nn.Conv2d) and module.groups == module.in_channels > 1:
                module.forward = partial(_in_float32, module.forward)  # type: ignore[method-assign]

    def shard(self, items: Sequence[T]) -> Sequence[T]:
        """Return this process's share of the items; all shares are equal, so up to world_size - 1 are left out."""
        return items[self.rank : len(items) - len(items) % self.world_size : self.world_size]

    def mean(self, values: Tensor) -> Tensor:
        """Average (n,) values over the processes."""
        if self.world_size > 1:
            dist.all_reduce(values)
        return values / self.world_size

    def barrier(self) -> None:
        """Wait until all processes have come here."""
        if self.world_size > 1:
            dist.barrier()


def _in_float32(forward: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    with torch.autocast(x.device.type, enabled=False):
        return forward(x.float())


@contextmanager
def distributed_context(device: str = "auto", precision: str = "auto") -> Iterator[DistributedContext]:
    """Join the processes of torchrun, if there are any; each takes the GPU of its local rank.

    device: as in torch, or "auto"; precision: "auto", "bf16" or "float32". Raises ConfigError for an unusable device.
    """
    set_threads()
    world_size, rank, local_rank = (int(os.environ.get(key, "0")) for key in ("WORLD_SIZE", "RANK", "LOCAL_RANK"))
    chosen = choose_device(device, local_rank if world_size > 1 else None)
    bf16 = precision == "bf16" or (precision == "auto" and has_fast_bf16(chosen))
    if world_size <= 1:
        yield DistributedContext(chosen, bf16)
        return
    if chosen.type == "cuda":
        torch.cuda.set_device(chosen)
        dist.init_process_group("nccl", timeout=BARRIER_TIMEOUT, device_id=chosen)
    else:
        dist.init_process_group("gloo", timeout=BARRIER_TIMEOUT)
    try:
        yield DistributedContext(chosen, bf16, rank, world_size)
    finally:
        dist.destroy_process_group()


def has_fast_bf16(device: torch.device) -> bool:
    """Tell whether the device multiplies bfloat16 faster than float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    capabilities = torch.cpu.get_capabilities()
    return device.type == "cpu" and any(capabilities.get(key) for key in ("avx512_bf16", "amx_bf16", "sve_bf16"))
