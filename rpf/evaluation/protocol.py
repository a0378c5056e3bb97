"""The published protocol: each attribute's queries against all candidates of that attribute (DESIGN, section 2)."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from rpf import config
from rpf.data.annotations import Label, missing_images, read_retrieval
from rpf.errors import BadImage, ConfigError, DatasetError
from rpf.images import open_image
from rpf.indexing import Progress
from rpf.model.rpf import RPF, Embedded

Branch = Literal["region", "patch", "both"]
DECODERS = 4
NAMED = 50  # missing images that a message lists


@dataclass(frozen=True)
class Side:
    """The queries, or the candidates, of one attribute: m images and their values."""

    images: npt.NDArray[np.int64]  # (m,) places in Benchmark.paths
    values: npt.NDArray[np.int64]  # (m,)


@dataclass(frozen=True)
class Task:
    """What is searched for in what, for one attribute."""

    attribute: str
    queries: Side
    candidates: Side


@dataclass(frozen=True)
class Benchmark:
    """The tasks of a split, one for each attribute of the config in its order; some may have no queries."""

    split: str
    paths: tuple[Path, ...]  # each image that is a query or a candidate, once
    tasks: tuple[Task, ...]

    @property
    def count(self) -> int:
        """How many queries there are."""
        return sum(len(task.queries.values) for task in self.tasks)


@dataclass(frozen=True)
class Vectors:
    """A task's embeddings: unit vectors, float32."""

    task: Task
    queries: npt.NDArray[np.float32]  # (m, D)
    candidates: npt.NDArray[np.float32]  # (n, D)


def read_benchmark(data: config.Data, split: str) -> Benchmark:
    """The tasks of the split "valid" or "test"; only that split's files are opened.

    An image that is both query and candidate of an attribute is searched for and found like any other. Raises
    DatasetError: a file is malformed, nothing can be searched for, images are missing (all are reported at once).
    """
    found = read_retrieval(data.folder, data, split)
    used = sorted({label.image for label in (*found.queries, *found.candidates)})
    if missing := missing_images(data.folder, [found.images[image] for image in used]):
        raise _are_missing(missing, data.folder, split)
    place = {path: at for at, path in enumerate(dict.fromkeys(found.images[image].path for image in used))}

    def side(labels: Sequence[Label], attribute: int) -> Side:
        own = [label for label in labels if label.attribute == attribute]
        images = [place[found.images[label.image].path] for label in own]
        return Side(np.array(images, dtype=np.int64), np.array([label.value for label in own], dtype=np.int64))

    tasks = [
        Task(name, side(found.queries, attribute), side(found.candidates, attribute))
        for attribute, name in enumerate(data.ATTRIBUTES.NAME)
    ]
    if not any(len(task.queries.values) and len(task.candidates.values) for task in tasks):
        template = "%(folder)s: the split %(split)s has no attribute with both queries and candidates."
        raise DatasetError(template, folder=data.folder, split=split)
    return Benchmark(split, tuple(data.folder / path for path in place), tuple(tasks))


def embed(
    model: RPF, benchmark: Benchmark, branch: Branch = "both", batch: int = 64, progress: Progress | None = None
) -> list[Vectors]:
    """Embed every image once, `batch` at a time, and sort the vectors by task.

    Raises ConfigError if the model lacks an attribute or the branch, DatasetError if an image cannot be read.
    """
    if branch == "patch" and model.patch is None:
        raise ConfigError("The checkpoint has no patch branch.")
    if unknown := [task.attribute for task in benchmark.tasks if task.attribute not in model.attributes]:
        raise ConfigError("The checkpoint does not know the attribute %(name)s.", name=unknown[0])
    columns = [model.attributes.index(task.attribute) for task in benchmark.tasks]
    rows = [np.unique(np.concatenate([task.queries.images, task.candidates.images])) for task in benchmark.tasks]
    pieces: list[list[npt.NDArray[np.float32]]] = [[] for _ in rows]
    tell = progress or (lambda phase, done, total: None)
    done = 0
    tell("embedding", done, len(benchmark.paths))
    for pictures in _decoded(benchmark.paths, batch):
        seen = _branch(model.embed(pictures), branch)
        for own, column, piece in zip(rows, columns, pieces, strict=True):
            here = own[(own >= done) & (own < done + len(pictures))] - done
            piece.append(seen[here, column])
        done += len(pictures)
        tell("embedding", done, len(benchmark.paths))
    vectors = [np.concatenate(piece) for piece in pieces]  # row i is the image rows[i]
    return [
        Vectors(
            task,
            own[np.searchsorted(row, task.queries.images)],
            own[np.searchsorted(row, task.candidates.images)],
        )
        for task, own, row in zip(benchmark.tasks, vectors, rows, strict=True)
    ]


def _branch(seen: Embedded, branch: Branch) -> npt.NDArray[np.float32]:
    """(n, A, D) unit vectors of the branch."""
    if branch == "patch" and seen.patch is not None:
        return seen.patch
    return seen.region if branch == "region" else seen.embedding


def _decoded(paths: Sequence[Path], batch: int) -> Iterator[list[Image.Image]]:
    """The pictures in batches; the next one is decoded while the model works on the last."""
    batches = [paths[at : at + batch] for at in range(0, len(paths), batch)]
    with ThreadPoolExecutor(DECODERS) as pool:
        coming = [pool.submit(_open, path) for path in batches[0]]
        for following in [*batches[1:], []]:
            ready = [picture.result() for picture in coming]
            coming = [pool.submit(_open, path) for path in following]
            yield ready


def _open(path: Path) -> Image.Image:
    try:
        return open_image(path)
    except BadImage as error:
        raise DatasetError("%(path)s: %(why)s", path=path, why=error) from None


def _are_missing(missing: list[str], folder: Path, split: str) -> DatasetError:
    names = ", ".join(missing[:NAMED]) + (f" and {len(missing) - NAMED} more" if len(missing) > NAMED else "")
    template = "%(folder)s: %(count)d images of the split %(split)s are missing: %(names)s."
    return DatasetError(template, folder=folder, count=len(missing), split=split, names=names)
