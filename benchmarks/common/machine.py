"""The processor, memory and package versions of this machine."""

import platform
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import psutil

from rpf.utils.cores import usable_cores

PACKAGES = ("numpy", "torch", "openvino", "faiss-cpu", "scikit-learn", "hnswlib", "usearch")


def machine() -> dict[str, Any]:
    """Describe the machine; a package that is not installed has the version None."""
    versions = {package.name: package.version for package in distributions()}
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    processors = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "processor": processors[0] if processors else platform.processor(),
        "cores": usable_cores(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "python": platform.python_version(),
        **{package: versions.get(package) for package in PACKAGES},
    }


def describe(machine: dict[str, Any]) -> str:
    """Format a machine as one phrase."""
    packages = ", ".join(f"{name} {machine[name]}" for name in PACKAGES if machine.get(name))
    head = f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gib']} GiB"
    return f"{head}; Python {machine['python']}, {packages}"
