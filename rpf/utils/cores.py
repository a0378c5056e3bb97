"""Usable processor cores: affinity and the CPU quota of the cgroups."""

import os
from collections.abc import Iterator
from math import ceil
from pathlib import Path, PurePosixPath


def usable_cores(root: Path = Path("/")) -> int:
    """Count the cores that affinity and CPU quota leave to this process, at least 1. `root` holds proc/ and sys/."""
    return max(1, min([_affinity(), *map(ceil, _quotas(root))]))


def thread_limit(root: Path = Path("/")) -> int:
    """Return how many threads a CPU quota allows, 0 if all cores: libraries respect affinity by themselves."""
    cores = usable_cores(root)
    return cores if cores < _affinity() else 0


def _affinity() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _quotas(root: Path) -> Iterator[float]:
    """Yield the quotas, in cores, of this process's cgroups and their parents: all of them apply."""
    mounts = root / "sys/fs/cgroup"
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        parts = [part for part in PurePosixPath(path).parts if part not in ("/", "..")]
        for level in range(len(parts) + 1):
            below = Path(*parts[:level])
            if not controllers:  # version 2, alone or beside version 1
                for mount in (mounts, mounts / "unified"):
                    yield from _ratio(*_text(mount / below / "cpu.max").split())
            elif "cpu" in controllers.split(","):
                for mount in {mounts / controllers, mounts / "cpu"}:
                    names = ("cpu.cfs_quota_us", "cpu.cfs_period_us")
                    yield from _ratio(*(_text(mount / below / name).strip() for name in names))


def _ratio(quota: str = "", period: str = "", *_: str) -> Iterator[float]:
    """Yield quota / period; nothing for "max", -1 and other texts."""
    if quota.isdecimal() and period.isdecimal() and int(quota) and int(period):
        yield int(quota) / int(period)


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode(errors="replace")
    except (OSError, ValueError):
        return ""
