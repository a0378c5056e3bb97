"""Attribute-specific fashion search: the RPF engine (Dong et al., SIGIR 2023) as a library and a command line."""

import os

__version__ = "0.1.0"

# Else PyTorch's threads, when they have no work, keep the cores from OpenVINO's: a tenth of a search's time.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
