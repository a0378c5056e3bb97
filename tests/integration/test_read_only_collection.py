"""Collection in a read-only folder, with the SQLite log of a killed writer."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import ROOT
from tests.support.read_only import read_only

APPEND = """
import os, signal, sys
from pathlib import Path
import numpy as np
from rpf.collection import Writer, NewItem
writer = Writer.open(Path(sys.argv[1]))
shape = 1, len(writer.manifest.spec.attributes), writer.manifest.spec.dim
vectors = np.ones(shape) / np.sqrt(shape[2])
writer.append([NewItem("new.jpg", "", 0, 1, 1, {})], vectors, None)
os.kill(os.getpid(), signal.SIGKILL)
"""
READ = """
import sys
from pathlib import Path
from rpf.collection import Collection
collection = Collection.open(Path(sys.argv[1]))
print(len(collection), collection.item(int(collection.ids[-1])).path)
"""


def run(program: str, folder: Path, *prefix: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*prefix, sys.executable, "-c", program, folder], cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("missing", ["none", "items.sqlite-shm", "items.sqlite-*"])
def test_read_only_collection_with_the_log_of_a_killed_writer_opens(shop: Path, tmp_path: Path, missing: str) -> None:
    """Open a copy whose last rows are in SQLite's log only, with and without the log's index."""
    folder = tmp_path / "shop"
    shutil.copytree(shop, folder)
    count = 11
    if missing != "items.sqlite-*":
        run(APPEND, folder)
        count += 1
        assert (folder / "items.sqlite-wal").stat().st_size > 0
    for path in folder.glob(missing):
        path.unlink()
    files = {path.name: path.read_bytes() for path in folder.glob("items.sqlite*")}
    done = run(READ, folder, *read_only(folder))
    assert done.stdout == f"{count} {'new' if count == 12 else '011'}.jpg\n", done.stderr
    assert {path.name: path.read_bytes() for path in folder.glob("items.sqlite*")} == files
