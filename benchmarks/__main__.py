"""`python -m benchmarks`: measurements of search, serving, inference and accuracy on this machine."""

from benchmarks.commands import benchmarks

benchmarks(prog_name="python -m benchmarks")
