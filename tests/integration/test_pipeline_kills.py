"""Kill -9 at random moments of indexing a folder.

As a program (`python test_pipeline_kills.py COLLECTION IMAGES`) it indexes a folder, to be killed by the test.
"""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rpf.collection import Collection
from rpf.ingest.scan import find_images
from tests.support import ROOT
from tests.unit.ingest.test_pipeline import BATCH, check, draw, run

ROUNDS = int(os.environ.get("TEST_KILLS", "4"))


def start(folder: Path, root: Path) -> subprocess.Popen[bytes]:
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, __file__, str(folder), str(root)], env=environ)


@pytest.mark.soak
def test_ingest_killed_by_sigkill_loses_at_most_the_last_batch(tmp_path: Path) -> None:
    root = tmp_path / "images"
    for number in range(60):
        draw(root / f"{number:02}.png", number)
    paths = find_images(root)
    process = start(tmp_path / "whole", root)
    while not (tmp_path / "whole" / "manifest.json").exists():
        time.sleep(0.001)
    began = time.monotonic()
    assert process.wait() == 0
    duration = time.monotonic() - began
    killed = []
    for turn in range(ROUNDS):
        folder = tmp_path / f"c{turn}"
        process = start(folder, root)
        while not (folder / "manifest.json").exists():
            time.sleep(0.001)
        time.sleep(random.Random(turn).uniform(0, duration))
        process.send_signal(signal.SIGKILL)
        ended = process.wait()
        done = check(folder, root)
        assert done == paths[: len(done)] and (len(done) % BATCH == 0)
        if ended == -signal.SIGKILL:
            killed.append(len(done))
        assert start(folder, root).wait() == 0
        assert check(folder, root) == paths
        # The ids of a batch that was lost are lost as well; nothing else is.
        assert Collection.open(folder).ids[: len(done)].tolist() == list(range(1, len(done) + 1))
        assert len(list((folder / "segments").iterdir())) == 1
    assert killed


if __name__ == "__main__":
    run(Path(sys.argv[1]), Path(sys.argv[2]))
