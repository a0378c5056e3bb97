"""Tags: presence and values of the images of a folder or of the items of a collection.

Those of a folder are collected in a journal, a line of JSON for each image, so that an interrupted run resumes.
"""

import fcntl
import json
import os
from collections.abc import Collection as Paths
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rpf.attributes import Attribute
from rpf.collection import Collection, ImageFolder
from rpf.errors import ConfigError
from rpf.inference.interface import ModelOutput
from rpf.ingest.pipeline import BATCH_SIZE, ImageRecord, LoadedImage, load_batches, load_image, reason
from rpf.models.base import TwoBranchModel
from rpf.search.description import AttributeDescription, describe
from rpf.utils.files import sync_folder
from rpf.utils.progress import Progress

DECIMALS = 5  # of the values in a journal; not of presence, which decides whether a part is missing
ITEM_BATCH_SIZE = 1024


class Tag(NamedTuple):
    """What is recognised in one image."""

    path: str  # posix, relative to the folder; "" for an item without an image
    item_id: int | None  # None for an image of a folder
    attributes: dict[str, AttributeDescription]


class Journal(AbstractContextManager["Journal"]):
    """The tags of a folder's images so far; appended to in whole batches, for one process."""

    def __init__(self, path: Path) -> None:
        """Open the journal, or create it; a line that was torn by a crash is cut off. Raises ConfigError, OSError."""
        self.path = path
        self._file = path.open("a+b")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            raise ConfigError('Another process is writing "%(path)s"; wait for its end.', path=path) from None
        end, self.paths = 0, set[str]()
        for record, size in _whole_lines(self._file):
            self.paths.add(record["path"])
            end += size
        self._file.truncate(end)
        sync_folder(path.parent)

    def __exit__(self, *exc: object) -> None:
        self._file.close()

    def append(self, paths: Sequence[str], output: ModelOutput, positions: Sequence[int]) -> None:
        """Append a batch of images with the model's output for the attributes at these positions, durably."""
        lines = []
        for row, path in enumerate(paths):
            presence = None if output.presence is None else output.presence[row, positions].tolist()
            values = None if output.values is None else np.nan_to_num(output.values[row, positions])
            shares = None if values is None else values.astype(float).round(DECIMALS).tolist()
            lines.append(json.dumps({"path": path, "presence": presence, "values": shares}) + "\n")
        self._file.write("".join(lines).encode())
        self._file.flush()
        os.fsync(self._file.fileno())
        self.paths.update(paths)

    def tags(self, attributes: Sequence[Attribute], paths: Paths[str]) -> Iterator[Tag]:
        """Yield the tags of these images; attributes: those that were recognised, in their order."""
        with self.path.open("rb") as file:
            for record, _ in _whole_lines(file):
                if record["path"] in paths:
                    presence, values = (_as_array(record[name]) for name in ("presence", "values"))
                    yield Tag(record["path"], None, describe(attributes, presence, values))


def tag_images(
    journal: Journal,
    folder: ImageFolder,
    paths: Sequence[str],
    model: TwoBranchModel,
    keys: Sequence[str],
    progress: Progress,
    batch_size: int = BATCH_SIZE,
) -> list[tuple[str, str]]:
    """Recognise the attributes `keys` of the images that are not in the journal; return those that cannot be read, and
    why."""
    positions = [model.attributes.index(key) for key in keys]
    remaining = [ImageRecord(path) for path in paths if path not in journal.paths]
    earlier, skipped = len(paths) - len(remaining), list[tuple[str, str]]()

    def report(done: int, total: int) -> None:
        progress("tagging", earlier + done, earlier + total)

    for batch in load_batches(partial(load_image, folder, {}, ()), remaining, batch_size, report):
        loaded = [outcome for _, outcome in batch if isinstance(outcome, LoadedImage)]
        skipped += [(path, reason(outcome)) for path, outcome in batch if isinstance(outcome, Exception)]
        if loaded:
            output = model.embed([outcome.image for outcome in loaded], [positions] * len(loaded), skip_missing=True)
            journal.append([outcome.item.path for outcome in loaded], output, positions)
    return skipped


def stored_tags(collection: Collection, attributes: Sequence[Attribute], progress: Progress) -> Iterator[Tag]:
    """Yield the tags of a collection's items in the order of their ids, from what is stored with them."""
    positions = [collection.vocabulary.index(attribute.key) for attribute in attributes]
    for start in range(0, len(collection), ITEM_BATCH_SIZE):
        progress("tagging", start, len(collection))
        rows = np.arange(start, min(start + ITEM_BATCH_SIZE, len(collection)))
        values = collection.values_of(rows)[:, positions]
        presence = collection.presence_by_attribute[:, rows][positions].T if collection.knows_presence else None
        for at, item in enumerate(collection.items(collection.ids[rows].tolist())):
            described = describe(attributes, None if presence is None else presence[at], values[at])
            yield Tag(item.path, item.id, described)
    progress("tagging", len(collection), len(collection))


def _whole_lines(file: Any) -> Iterator[tuple[dict[str, Any], int]]:
    """Yield the records of a journal with the bytes that they take, up to a line that was torn."""
    file.seek(0)
    for line in file:
        try:
            record = json.loads(line) if line.endswith(b"\n") else None
        except ValueError:
            record = None
        if record is None:
            return
        yield record, len(line)


def _as_array(numbers: list[Any] | None) -> "np.ndarray[Any, np.dtype[np.float64]] | None":
    return None if numbers is None else np.array(numbers)
