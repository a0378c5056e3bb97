"""`python -m benchmarks`: speed, memory and recall on this machine."""

from benchmarks.commands import bench

bench(prog_name="python -m benchmarks")
