"""Attribute-specific fashion search: the RPF engine (Dong et al., SIGIR 2023) as a library and a command line."""

__version__ = "0.1.0"
