"""CPU quotas as Linux shows them, in trees of files."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpf.utils.cores import thread_limit, usable_cores

AFFINITY_CORES = len(os.sched_getaffinity(0))

Tree = Callable[[dict[str, str]], Path]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Return a function that writes files below a root."""

    def write(files: dict[str, str]) -> Path:
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        return tmp_path

    return write


V2 = {"proc/self/cgroup": "0::/system.slice/rpf.service\n"}
V1 = {"proc/self/cgroup": "5:cpu,cpuacct:/docker/ab:c\n4:memory:/docker/ab:c\n0::/\n"}
DEEP = "sys/fs/cgroup/cpu,cpuacct/docker/ab:c/cpu.cfs_"


@pytest.mark.parametrize(
    "files",
    [
        V2 | {"sys/fs/cgroup/system.slice/rpf.service/cpu.max": "100000 100000\n"},
        V2 | {"sys/fs/cgroup/system.slice/rpf.service/cpu.max": "20000 100000\n"},
        V2 | {"sys/fs/cgroup/system.slice/cpu.max": "50000 50000\n"},  # of all services together
        V2 | {"sys/fs/cgroup/cpu.max": "100000 100000\n"},  # a container that does not see its name
        V2 | {"sys/fs/cgroup/unified/system.slice/cpu.max": "100000 100000\n"},
        V2 | {"sys/fs/cgroup/cpu.max": "max 100000\n", "sys/fs/cgroup/system.slice/cpu.max": "100000 100000\n"},
        {"proc/self/cgroup": "0::/../../pod\n", "sys/fs/cgroup/cpu.max": "100000 100000\n"},
        V1 | {f"{DEEP}quota_us": "100000\n", f"{DEEP}period_us": "100000\n"},
        V1 | {"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "30000\n", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n"},
    ],
)
def test_usable_cores_quota_of_one_core_gives_one(tree: Tree, files: dict[str, str]) -> None:
    assert usable_cores(tree(files)) == 1
    assert thread_limit(tree(files)) == (1 if AFFINITY_CORES > 1 else 0)


@pytest.mark.parametrize(
    "files",
    [
        {},
        V2,
        V1,
        V2 | {"sys/fs/cgroup/system.slice/rpf.service/cpu.max": "max 100000\n"},
        V2 | {"sys/fs/cgroup/other.slice/cpu.max": "100000 100000\n"},
        V2 | {"sys/fs/cgroup/cpu.max": f"{AFFINITY_CORES * 100_000} 100000\n"},
        V2 | {"sys/fs/cgroup/cpu.max": "9999999 1000\n"},
        V2 | {"sys/fs/cgroup/cpu.max": "100000 0\n"},
        V2 | {"sys/fs/cgroup/cpu.max": "\n"},
        V1 | {f"{DEEP}quota_us": "-1\n", f"{DEEP}period_us": "100000\n"},
        V1 | {f"{DEEP}quota_us": "100000\n"},
        {"proc/self/cgroup": "nonsense\n\0::\n"},
    ],
)
def test_usable_cores_without_quota_counts_affinity(tree: Tree, files: dict[str, str]) -> None:
    assert usable_cores(tree(files)) == AFFINITY_CORES
    assert thread_limit(tree(files)) == 0


@pytest.mark.skipif(AFFINITY_CORES < 2, reason="needs two cores")
def test_usable_cores_part_of_a_core_is_rounded_up(tree: Tree) -> None:
    assert usable_cores(tree(V2 | {"sys/fs/cgroup/cpu.max": "110000 100000\n"})) == 2


@given(st.binary(max_size=40), st.binary(max_size=30))
def test_usable_cores_any_file_content_gives_a_valid_count(
    tmp_path_factory: pytest.TempPathFactory, cgroup: bytes, quota: bytes
) -> None:
    root = tmp_path_factory.mktemp("tree")
    for name, data in {"proc/self/cgroup": b"0::/a\n2:cpu:/a\n" + cgroup, "sys/fs/cgroup/cpu.max": quota}.items():
        (root / name).parent.mkdir(parents=True)
        (root / name).write_bytes(data)
    assert 1 <= usable_cores(root) <= AFFINITY_CORES
