"""Collections for tests: each item's vectors, boxes, parts and hash follow from its path."""

import hashlib
import itertools
import os
import signal
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

import rpf
from rpf.collection import Collection, Item, NewItem, Writer

ATTRIBUTES = ("sleeve_length", "collar_design", "coat length")
DIM = 8
ALL = int(os.environ.get("TEST_KILLS", "4")) >= 200  # crash at each line, as `make soak` does
STRIDE = 1 if ALL else 23  # lines from one crash to the next
PACKAGE = str(Path(rpf.__file__).parent)


def seed(path: str) -> np.random.Generator:
    return np.random.default_rng(int.from_bytes(hashlib.sha256(path.encode()).digest()[:8], "big"))


def vectors(path: str) -> np.ndarray:
    """The (A, D) unit vectors that belong to a path in these tests."""
    found = seed(path).normal(size=(len(ATTRIBUTES), DIM))
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)


def box(path: str) -> np.ndarray:
    return seed(path).integers(1, 500, (len(ATTRIBUTES), 4)).astype(np.int32)


def applicable(path: str) -> np.ndarray:
    """The (A,) probabilities of having a part, the last of them unknown for some."""
    found = seed(path).random(len(ATTRIBUTES)).astype(np.float16)
    found[-1] = np.nan if found[0] < 0.3 else found[-1]
    return found


def new(path: str) -> NewItem:
    return NewItem(path, hashlib.sha256(path.encode()).hexdigest(), len(path), 40, 30, {"sleeve_length": len(path) % 9})


def write(folder: Path, **options: Any) -> Writer:
    known = {"checkpoint": "abc", "attributes": ATTRIBUTES, "dim": DIM, "root": "images"}
    return Writer(folder, **{**known, **options})


def append(writer: Writer, paths: Sequence[str], boxes: bool = True, parts: bool = True, **options: Any) -> list[int]:
    embeddings = np.stack([vectors(path) for path in paths])
    all_boxes = np.stack([box(path) for path in paths]) if boxes else None
    all_parts = np.stack([applicable(path) for path in paths]) if parts else None
    return writer.append([new(path) for path in paths], embeddings, all_boxes, all_parts, **options)


def names(start: int, stop: int) -> list[str]:
    return [f"{number:04}.jpg" for number in range(start, stop)]


def check(collection: Collection, boxes: bool = True, parts: bool = True) -> dict[str, int]:
    """Assert that every item has what belongs to its path, by every way of asking; returns path -> id."""
    assert len(collection) == len(collection.ids) == collection.manifest.count
    assert (np.diff(collection.ids) > 0).all()
    items = collection.items(collection.ids.tolist())
    assert [item.id for item in items] == collection.ids.tolist()
    for item in items:
        assert item == Item(item.id, **vars(new(item.path)))
        np.testing.assert_allclose(collection.vectors(item.id), vectors(item.path), atol=1e-3)
        if boxes:
            np.testing.assert_array_equal(collection.boxes(item.id), box(item.path))
        if parts:
            np.testing.assert_array_equal(collection.applicable(item.id), applicable(item.path))
    for attribute, size in itertools.product(range(len(ATTRIBUTES)), (3, 10_000)):
        at = 0
        for rows, block in collection.chunks(attribute, size):
            assert rows.start == at and block.dtype == np.float16
            wanted = [vectors(item.path)[attribute] for item in items[rows]]
            np.testing.assert_allclose(block, wanted, atol=1e-3)
            at = rows.stop
        assert at == len(collection)
    if parts and items:
        wanted = [[applicable(item.path)[attribute] < 0.5 for item in items] for attribute in (2, 0)]
        np.testing.assert_array_equal(collection.lacking([2, 0]), wanted)
    return {item.path: item.id for item in items}


def fork(work: Callable[[], None]) -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # other threads of pytest hold nothing of ours
        child = os.fork()
    if child:
        return child
    try:
        work()
        os._exit(0)
    except BaseException as error:
        os.write(2, f"{error!r}\n".encode())
        os._exit(1)


def killed_at(step: int, work: Callable[..., None], make: Callable[[], Any] | None = None) -> bool:
    """Run `work` (on what `make` makes) in a process that kills itself at the step-th new line of rpf it comes to.

    Returns False if it ended before.
    """
    seen: set[tuple[str, int]] = set()

    def trace(frame: FrameType, event: str, arg: Any) -> Any:
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        if event == "line":
            seen.add((frame.f_code.co_filename, frame.f_lineno))
            if len(seen) > step:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    def traced() -> None:
        arguments = [make()] if make else []
        sys.settrace(trace)
        work(*arguments)

    status = os.waitpid(fork(traced), 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)
