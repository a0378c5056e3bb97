"""Collections for tests: each item's vectors, boxes, presence and hash follow from its path."""

import hashlib
import itertools
import json
import os
import signal
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

import rpf
from rpf.collection import Collection, CollectionSpec, Item, NewItem, Writer
from rpf.inference.interface import Embedder
from rpf.ingest.pipeline import ImageRecord, IngestReport, ingest, merge_small_segments
from rpf.utils.progress import Progress

ATTRIBUTES = ("sleeve_length", "collar_design", "coat length")
DIM = 8
ALL = int(os.environ.get("TEST_KILLS", "4")) >= 200  # crash at each line, as `make soak` does
STRIDE = 1 if ALL else 61  # lines from one crash to the next
PACKAGE = str(Path(rpf.__file__).parent)


def seed(path: str) -> np.random.Generator:
    return np.random.default_rng(int.from_bytes(hashlib.sha256(path.encode()).digest()[:8], "big"))


def vectors(path: str) -> np.ndarray:
    """Return the (A, D) unit vectors of a path, drawn from a seed."""
    values = seed(path).normal(size=(len(ATTRIBUTES), DIM))
    return (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)


def box(path: str) -> np.ndarray:
    return seed(path).integers(1, 500, (len(ATTRIBUTES), 4)).astype(np.int32)


def presence(path: str) -> np.ndarray:
    """Return the (A,) probabilities of presence, the last of them unknown for some paths."""
    probabilities = seed(path).random(len(ATTRIBUTES)).astype(np.float16)
    probabilities[-1] = np.nan if probabilities[0] < 0.3 else probabilities[-1]
    return probabilities


def values(path: str) -> np.ndarray:
    """Return the (A, 4) probabilities of the values."""
    logits = seed(path).normal(size=(len(ATTRIBUTES), 4))
    return (np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)).astype(np.float16)


def known_presence(path: str) -> np.ndarray:
    """Return what is read of it: 1 where it is unknown."""
    return np.nan_to_num(presence(path), nan=1)


def new(path: str) -> NewItem:
    return NewItem(path, hashlib.sha256(path.encode()).hexdigest(), len(path), 40, 30, {"sleeve_length": len(path) % 9})


def write(folder: Path, **options: Any) -> Writer:
    wait = options.pop("wait", 0.0)
    return Writer.open(folder, replace(CollectionSpec("abc", ATTRIBUTES, DIM, "images"), **options), wait=wait)


def as_format_1(folder: Path, optional: Sequence[str] = ("title", "index")) -> None:
    """Rewrite a collection as a program of format 1 would have, with a search index in its folder."""
    manifest = json.loads((folder / "manifest.json").read_bytes())
    manifest |= {"format": 1, "index": "0000000007"}
    for key in {"title", "index", "uuid", "incomplete"}.difference(optional):
        del manifest[key]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "index" / "0000000007" / "0").mkdir(parents=True)
    (folder / "index" / "0000000007" / "index.json").write_text("{}")


def append(writer: Writer, paths: Sequence[str], boxes: bool = True, parts: bool = True, **options: Any) -> list[int]:
    embeddings = np.stack([vectors(path) for path in paths])
    all_boxes = np.stack([box(path) for path in paths]) if boxes else None
    presences = np.stack([presence(path) for path in paths]) if parts else None
    probabilities = np.stack([values(path) for path in paths]) if parts else None
    return writer.append([new(path) for path in paths], embeddings, all_boxes, presences, probabilities, **options)


def index_images(
    folder: Path,
    root: Path,
    images: Sequence[ImageRecord],
    embedder: Embedder,
    progress: Progress = lambda phase, done, total: None,
    *,
    title: str = "",
    relative_root: str | None = None,
    **options: Any,
) -> IngestReport:
    """Bring images into a collection, which is created if it does not exist, as `rpf index` does."""
    place = str(root.resolve()) if relative_root is None else relative_root
    spec = CollectionSpec(embedder.checkpoint_hash, embedder.attributes, embedder.dim, place, title)
    with Writer.open(folder, spec) as writer:
        report = ingest(writer, images, embedder, progress, **options)
        merge_small_segments(writer, progress)
    return report


def names(start: int, stop: int) -> list[str]:
    return [f"{number:04}.jpg" for number in range(start, stop)]


def check(collection: Collection, boxes: bool = True, parts: bool = True) -> dict[str, int]:
    """Assert that every item has the values of its path, by every way of reading; return path -> id."""
    assert len(collection) == len(collection.ids) == collection.manifest.count
    assert (np.diff(collection.ids) > 0).all()
    items = collection.items(collection.ids.tolist())
    assert [item.id for item in items] == collection.ids.tolist()
    for item in items:
        assert item == Item(id=item.id, **vars(new(item.path)))
        np.testing.assert_allclose(collection.vectors(item.id), vectors(item.path), atol=1e-3)
        if boxes:
            np.testing.assert_array_equal(collection.boxes(item.id), box(item.path))
        if parts:
            np.testing.assert_array_equal(collection.presence(item.id), known_presence(item.path))
            np.testing.assert_array_equal(collection.values(item.id), values(item.path))
    for attribute, size in itertools.product(range(len(ATTRIBUTES)), (3, 10_000)):
        at = 0
        for rows, block in collection.chunks(attribute, size):
            assert rows.start == at and block.dtype == np.float16
            wanted = [vectors(item.path)[attribute] for item in items[rows]]
            np.testing.assert_allclose(block, wanted, atol=1e-3)
            at = rows.stop
        assert at == len(collection)
    if parts and items:
        wanted = np.stack([known_presence(item.path) for item in items]).T
        np.testing.assert_array_equal(collection.presence_by_attribute, wanted)
        probabilities = np.stack([values(item.path) for item in items])
        np.testing.assert_array_equal(collection.recognised.values, probabilities.argmax(axis=2).T)
        np.testing.assert_array_equal(collection.recognised.probabilities, probabilities.max(axis=2).T * wanted)
    return {item.path: item.id for item in items}


def fork(work: Callable[[], None]) -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # other threads of pytest hold nothing of ours
        child = os.fork()
    if child:
        return child
    signal.alarm(300)  # ends a child that hangs
    threadpool_limits(1)  # OpenMP would wait for the parent's threads, which no child has
    try:
        work()
        os._exit(0)
    except BaseException as error:
        os.write(2, f"{error!r}\n".encode())
        os._exit(1)


def killed_at(step: int, work: Callable[..., None], make: Callable[[], Any] | None = None) -> bool:
    """Run `work` (on what `make` makes) in a process that kills itself at the step-th new line of rpf it comes to.

    Return False if it ended before.
    """
    lines: set[tuple[str, int]] = set()

    def trace(frame: FrameType, event: str, arg: Any) -> Any:
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        if event == "line":
            lines.add((frame.f_code.co_filename, frame.f_lineno))
            if len(lines) > step:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    def traced() -> None:
        arguments = [make()] if make else []
        sys.settrace(trace)
        work(*arguments)

    status = os.waitpid(fork(traced), 0)[1]
    assert status in (0, signal.SIGKILL)
    return status != 0
