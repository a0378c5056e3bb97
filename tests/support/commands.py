"""The commands of the program for tests: in this process, or in one that can be killed.

As a program (`python -m tests.support.commands`) it loads what commands need once, and forks for each command it reads.
"""

import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import h5py
import joblib
import numpy as np
from click.testing import CliRunner

from benchmarks.commands import benchmarks
from rpf.cli import main
from rpf.settings import Settings
from tests.support import ROOT


def environment(settings: Settings) -> dict[str, str]:
    """Return the environment variables that give a process these settings."""
    return {
        "RPF_COLLECTIONS": str(settings.collections),
        "RPF_COLLECTION": settings.collection,
        "RPF_CHECKPOINT": str(settings.checkpoint),
        "RPF_INSTANCE": str(settings.instance),
        "RPF_INDEX_METHOD": settings.index_method,
    }


def snapshot(folder: Path) -> dict[str, bytes]:
    """Read all files in a folder but SQLite's log, which any reader creates."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(("-wal", "-shm")))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


class Run:
    """The command line over a folder of collections, which returns its output and checks its exit status."""

    def __init__(self, settings: Settings, **more: str) -> None:
        """Take further environment variables as `more`."""
        self.settings = settings
        self.env = environment(settings) | more

    def __call__(self, *args: object, status: int = 0, stream: str = "") -> str:
        """Run a command; return `stream`, by default stderr of an error (status 2, in one line), else stdout."""
        program = benchmarks if args[0] == "benchmarks" else main
        done = CliRunner(env=self.env).invoke(program, list(map(str, args[program is benchmarks :])))
        assert done.exit_code == status, done.output
        if status == 2:
            assert done.stderr.strip().splitlines()[-1].startswith("Error: ")
        output: str = getattr(done, stream or ("stderr" if status == 2 else "stdout"))
        return output


def import_legacy_items(run: Run, folder: Path) -> None:
    """Import three items of the earlier system, without their checkpoint, as the collection "old"."""
    vectors = np.random.default_rng(0).standard_normal((3, 2048)).astype(np.float32)
    with h5py.File(folder / "data.h5", "w") as file:
        for attribute in range(8):
            file[f"attr{attribute}"] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    joblib.dump(np.arange(3), folder / "ids.npy")
    run("import-legacy", "old", "--embeddings", folder / "data.h5", "--ids", folder / "ids.npy")


class Forked:
    """Process that forks for each command, one at a time."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.pid = 0

    def start(self, *args: object) -> None:
        """Start a command, and return when it runs."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(list(map(str, args))) + "\n")
        self._process.stdin.flush()
        self.pid = int(self.heard())

    def heard(self) -> str:
        """Read the next line: "locked" or "free" (the collection's lock), or the exit status, below 0 for a signal."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def wait(self) -> list[str]:
        """Read the remaining lines of the command; the last is its exit status."""
        lines = [self.heard()]
        while lines[-1] in ("locked", "free"):
            lines.append(self.heard())
        return lines

    def run(self, *args: object) -> int:
        """Run a command, and return its exit status."""
        self.start(*args)
        return int(self.wait()[-1])

    def kill(self) -> None:
        """Send SIGKILL; the command may have ended before."""
        os.kill(self.pid, signal.SIGKILL)


@contextmanager
def forked(settings: Settings, log: Path) -> Iterator[Forked]:
    """Start a process that forks for each command with these settings, and logs to the file `log`."""
    variables: Mapping[str, str] = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **environment(settings)}
    with log.open("a") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.commands"],
            env={**os.environ, **variables},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=out,
            text=True,
        )
    try:
        yield Forked(process)
    finally:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.close()
        process.stdout.close()
        process.wait()


def _serve() -> None:
    import faiss  # noqa: F401
    import sklearn.neighbors  # noqa: F401

    import rpf.engine
    import rpf.ingest.copy_images
    import rpf.ingest.re_embed
    import rpf.ingest.repair  # noqa: F401
    from rpf.collection import writer
    from rpf.collection.cleanup import STAGING_FOLDER

    out = os.dup(1)
    os.dup2(2, 1)
    locked = writer.locked

    def say(text: object) -> None:
        os.write(out, f"{text}\n".encode())

    @contextmanager
    def telling(folder: Path, wait: float) -> Iterator[None]:
        with locked(folder, wait):
            if folder.name == STAGING_FOLDER:  # within a collection that is locked already
                yield
                return
            say("locked")
            yield
            say("free")

    writer.locked = telling
    before = None
    for line in sys.stdin:
        if before is not None:
            os.waitpid(before.si_pid, 0)  # not earlier: so long its number is nobody else's, and may be killed
        child = os.fork()
        if not child:
            signal.alarm(300)  # ends a command that hangs
            say(os.getpid())
            os._exit(_status(json.loads(line)))  # without Python's cleanup, which takes seconds
        before = os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
        assert before is not None
        say(before.si_status if before.si_code == os.CLD_EXITED else -before.si_status)


def _status(args: list[str]) -> int:
    try:
        main(args)
    except SystemExit as ended:
        return int(ended.code or 0)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
    return 70  # and no status of a command


if __name__ == "__main__":
    _serve()
