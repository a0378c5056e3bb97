"""What a training runs on: its processes (one, or several that torchrun started), their device, its number format."""

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

from rpf.errors import ConfigError
from rpf.utils.threads import set_threads

PRECISIONS = ("auto", "bf16", "float32")
# The other processes wait this long at most while the first one evaluates and saves.
PATIENCE = timedelta(hours=6)

T = TypeVar("T")


@dataclass(frozen=True)
class DistributedContext:
    """This process among `count`, from rank 0; `bf16`: whether matrix products run in bfloat16."""

    device: torch.device
    bf16: bool = False
    rank: int = 0
    count: int = 1

    def autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16)

    def prepare(self, model: nn.Module) -> None:
        """Keep depthwise convolutions in float32 on a processor, where their backward pass in bf16 is far slower."""
        if not self.bf16 or self.device.type != "cpu":
            return
        for module in model.modules():
            if isinstance(module, nn.Conv2d) and module.groups == module.in_channels > 1:
                module.forward = partial(_in_float32, module.forward)  # type: ignore[method-assign]

    def share(self, items: Sequence[T]) -> Sequence[T]:
        """This process's part of the items: as many as every other's, so up to count - 1 items are nobody's."""
        return items[self.rank : len(items) - len(items) % self.count : self.count]

    def mean(self, values: Tensor) -> Tensor:
        """The mean of (n,) values over the processes."""
        if self.count > 1:
            dist.all_reduce(values)
        return values / self.count

    def wait(self) -> None:
        """Until all processes have come here."""
        if self.count > 1:
            dist.barrier()


def _in_float32(forward: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    with torch.autocast(x.device.type, enabled=False):
        return forward(x.float())


@contextmanager
def hardware(device: str = "auto", precision: str = "auto") -> Iterator[DistributedContext]:
    """This process's part of the work. Under torchrun, each process takes the GPU of its own number.

    device: as in torch, or "auto"; precision: of PRECISIONS. Raises ConfigError for a device that cannot be used.
    """
    set_threads()
    count, rank, local = (int(os.environ.get(key, "0")) for key in ("WORLD_SIZE", "RANK", "LOCAL_RANK"))
    chosen = _device(device, local if count > 1 else None)
    bf16 = precision == "bf16" or (precision == "auto" and fast_bf16(chosen))
    if count <= 1:
        yield DistributedContext(chosen, bf16)
        return
    if chosen.type == "cuda":
        torch.cuda.set_device(chosen)
        dist.init_process_group("nccl", timeout=PATIENCE, device_id=chosen)
    else:
        dist.init_process_group("gloo", timeout=PATIENCE)
    try:
        yield DistributedContext(chosen, bf16, rank, count)
    finally:
        dist.destroy_process_group()


def fast_bf16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 faster than float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    found = torch.cpu.get_capabilities()
    return device.type == "cpu" and any(found.get(key) for key in ("avx512_bf16", "amx_bf16", "sve_bf16"))


def _device(name: str, local: int | None) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and local is not None:
        name = f"cuda:{local}"
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:  # what torch raises for a device that is not there
        why = str(error).split("\n")[0]
        raise ConfigError("The device %(device)s cannot be used: %(why)s", device=name, why=why) from None
    return device
