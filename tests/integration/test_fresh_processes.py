"""Modules in a fresh process: the packages they load and the processes and threads they start."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rpf.settings import Settings
from tests.support import ROOT
from tests.support.commands import environment
from tests.support.mounting import with_mounted


def test_attributes_module_loads_no_heavy_package() -> None:
    """Import it as pages and commands do that only name attributes, and must not load PyTorch."""
    heavy = (
        "import sys, rpf.attributes; print([m for m in ('torch', 'numpy', 'flask', 'pydantic') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", heavy], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_model_is_loaded_without_the_compiler_which_is_there_if_wanted(settings: Settings) -> None:
    """PyTorch's compiler takes seconds to load; torch.compile and torchvision find the real one."""
    code = """
import sys
from rpf.inference.load import load_model, load_uncompiled
from rpf.settings import DEFAULT_CHECKPOINT, Settings
load_model(Settings())
load_uncompiled(Settings(checkpoint=DEFAULT_CHECKPOINT))
print([name for name in ("torch._dynamo", "torch._inductor", "sympy") if name in sys.modules])
import torch
print(torch.compile(lambda value: value + 1, backend="eager")(torch.ones(1)).item(), torch._dynamo.__file__ is not None)
align = sys.modules["torchvision.ops.roi_align"]
print(align.is_compile_supported("cpu") == torch._dynamo.utils.is_compile_supported("cpu"))
"""
    env = os.environ | environment(settings)
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "2.0 True", "True"]


def test_openvino_sends_no_telemetry(tmp_path: Path) -> None:
    """Run it outside of CI's settings: it stores no client id in the home folder, and starts no process.

    The events fail without a network, but a new process sends each of them.
    """
    code = """
import multiprocessing, sys
from torch import nn
from rpf.inference.openvino import convert
multiprocessing.Process.start = lambda process: print("started", process)
convert(nn.Conv2d(3, 1, 3).eval(), (8, 8))
print([name for name in sys.modules if name.startswith("openvino_telemetry.")])
"""
    ours = {key: value for key, value in os.environ.items() if key not in {"CI", "TF_BUILD", "JENKINS_URL"}}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=ours | {"HOME": str(tmp_path)}, capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[-2:] == ["[]", ""]
    assert "started" not in done.stdout
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two cores")
def test_quota_limits_the_threads_of_the_libraries(tmp_path: Path) -> None:
    files = {
        "sys/fs/cgroup/cpu.max": "100000 100000\n",
        "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "100000\n",
        "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
    }  # fmt: skip
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    code = (
        "import rpf, torch, faiss; print(torch.get_num_threads(), faiss.omp_get_max_threads());"
        "torch.set_num_threads(2); from rpf.utils.devices import set_threads;"
        "print(set_threads(), torch.get_num_threads(), torch.get_num_interop_threads());"
        "print(set_threads(2), torch.get_num_threads())"
    )
    environment = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"}
    command = [sys.executable, "-c", code]
    done = with_mounted("--bind", str(tmp_path / "sys/fs/cgroup"), "/sys/fs/cgroup", command=command, env=environment)
    assert done.stdout.split() == ["1", "1", "1", "1", "1", "2", "2"], done.stderr


COUNT_THREADS = """
import os, sys
os.sched_setaffinity(0, set(map(int, sys.argv[1:])))
import openvino
networks = []

class Core(openvino.Core):
    def compile_model(self, *args, **kwargs):
        networks.append(super().compile_model(*args, **kwargs))
        return networks[-1]

openvino.Core = Core
import rpf, faiss, torch
from rpf.engine import SearchEngine
from rpf.settings import Settings
from rpf.utils.cores import usable_cores

SearchEngine(Settings())
print(usable_cores(), torch.get_num_threads(), torch.get_num_interop_threads(), faiss.omp_get_max_threads())
print(*{network.get_property("INFERENCE_NUM_THREADS") for network in networks})
"""


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two cores")
@pytest.mark.parametrize("limit", ["affinity", "quota"])
def test_limit_of_one_core_gives_every_pool_one_thread(settings: Settings, tmp_path: Path, limit: str) -> None:
    cores = sorted(os.sched_getaffinity(0))[: 1 if limit == "affinity" else None]
    command = [sys.executable, "-c", COUNT_THREADS, *map(str, cores)]
    env = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"} | environment(settings)
    if limit == "affinity":
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    else:
        (tmp_path / "cpu.max").write_text("100000 100000\n")
        done = with_mounted("--bind", str(tmp_path), "/sys/fs/cgroup", command=command, env=env)
    assert done.stdout.split() == ["1", "1", "1", "1", "1"], done.stderr
