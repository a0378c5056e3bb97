"""The Region-to-Patch Framework (Dong et al., SIGIR 2023, arXiv 2305.10260)."""
