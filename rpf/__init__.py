"""Attribute-specific fashion search: the RPF engine (Dong et al., SIGIR 2023) as a library and a command line."""

import os
import sys

from rpf.utils.cores import thread_limit

__version__ = "0.1.0"

# Else PyTorch's threads, when they have no work, keep the cores from OpenVINO's: a tenth of a search's time.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# OpenMP and BLAS know affinity but no CPU quota, and read this once, when they are loaded.
if _limit := thread_limit():
    os.environ.setdefault("OMP_NUM_THREADS", str(_limit))

# Else OpenVINO reports its use to its makers, by processes that it starts for that (docs.openvino.ai, "Telemetry").
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # as if it were not installed
