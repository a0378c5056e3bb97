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
from rpf.datasets.annotations import Label, read_parts, read_retrieval
from rpf.datasets.image_check import ImageCheck
from rpf.errors import BadImage, ConfigError, DatasetError
from rpf.images.decode import open_image
from rpf.models.rpf import RPF, ModelOutput
from rpf.utils.cores import usable_cores
from rpf.utils.progress import Progress

Branch = Literal["region", "patch", "both"]
DECODERS = 4


@dataclass(frozen=True)
class Side:
    """Some images of one attribute, such as its queries: m images and their values."""

    images: npt.NDArray[np.int64]  # (m,) places in Benchmark.paths
    values: npt.NDArray[np.int64]  # (m,)


@dataclass(frozen=True)
class Task:
    """What is searched for in what, for one attribute."""

    attribute: str
    queries: Side
    candidates: Side
    parts: Side  # images of which is known whether the garment has that part at all: 1 if so, 0 if not

    def relevant(self) -> npt.NDArray[np.int64]:
        """(m,) how many candidates have the value of each query."""
        values = self.queries.values
        return np.bincount(self.candidates.values, minlength=values.max(initial=0) + 1)[values]


@dataclass(frozen=True)
class Benchmark:
    """The tasks of a split, one for each attribute of the config in its order; some may have no queries."""

    split: str
    paths: tuple[Path, ...]  # each image of a task, once
    tasks: tuple[Task, ...]

    @property
    def count(self) -> int:
        """How many queries there are."""
        return sum(len(task.queries.values) for task in self.tasks)


@dataclass(frozen=True)
class Vectors:
    """What a model makes of a task's images."""

    task: Task
    queries: npt.NDArray[np.float32]  # (m, D), unit vectors
    candidates: npt.NDArray[np.float32]  # (n, D), unit vectors
    presence: npt.NDArray[np.float32] | None = None  # (p,) how likely `task.parts` have it; None without that head


def read_benchmark(
    data: config.Data, split: str, with_parts: bool = False, check: ImageCheck | None = None
) -> Benchmark:
    """Read the tasks of the split "valid" or "test"; only that split's files are opened.

    An image that is both query and candidate of an attribute is searched for and found like any other; one with two
    values of it is two candidates, as published. `parts` are empty unless asked for. Raises DatasetError: a file is
    malformed, nothing can be searched for, images cannot be used (all at once, unless `check` leaves them out).
    """
    found = read_retrieval(data.folder, data, split)
    parts: list[Label] = []
    if with_parts:
        index = {name: attribute for attribute, name in enumerate(data.ATTRIBUTES.NAME)}
        for image, own in enumerate(read_parts(data.folder, data, split)):
            parts += [Label(image, index[name], int(has)) for name, has in own.items()]
    used = sorted({label.image for label in (*found.queries, *found.candidates, *parts)})
    bad = (check or ImageCheck()).bad(data.folder, [found.images[image] for image in used])
    paths = [path for image in used if (path := found.images[image].path) not in bad]
    place = {path: at for at, path in enumerate(paths)}

    def side(labels: Sequence[Label], attribute: int) -> Side:
        own = [label for label in labels if label.attribute == attribute and found.images[label.image].path in place]
        images = [place[found.images[label.image].path] for label in own]
        return Side(np.array(images, dtype=np.int64), np.array([label.value for label in own], dtype=np.int64))

    tasks = [
        Task(name, side(found.queries, attribute), side(found.candidates, attribute), side(parts, attribute))
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
    made: list[Vectors] = []
    tell = progress or (lambda phase, done, total: None)
    done = 0
    tell("embedding", done, len(benchmark.paths))
    for pictures in _decoded(benchmark.paths, batch):
        seen = model.embed(pictures)
        vectors = _branch(seen, branch)
        made = made or [_empty(task, vectors.shape[-1], seen.presence is not None) for task in benchmark.tasks]
        for own, column in zip(made, columns, strict=True):
            _fill(own.queries, own.task.queries, done, vectors[:, column])
            _fill(own.candidates, own.task.candidates, done, vectors[:, column])
            if own.presence is not None and seen.presence is not None:
                _fill(own.presence, own.task.parts, done, seen.presence[:, column])
        done += len(pictures)
        tell("embedding", done, len(benchmark.paths))
    return made


def _empty(task: Task, dim: int, with_parts: bool) -> Vectors:
    """Room for what is found."""
    queries, candidates, parts = (len(side.images) for side in (task.queries, task.candidates, task.parts))
    return Vectors(
        task,
        np.empty((queries, dim), dtype=np.float32),
        np.empty((candidates, dim), dtype=np.float32),
        np.empty(parts, dtype=np.float32) if with_parts else None,
    )


def _fill(lines: npt.NDArray[np.float32], side: Side, first: int, found: npt.NDArray[np.float32]) -> None:
    """Put what was found of the images `first`, `first` + 1, ... into the side's lines of these images."""
    here = np.flatnonzero((side.images >= first) & (side.images < first + len(found)))
    lines[here] = found[side.images[here] - first]


def _branch(seen: ModelOutput, branch: Branch) -> npt.NDArray[np.float32]:
    """(n, A, D) unit vectors of the branch."""
    if branch == "patch" and seen.patch is not None:
        return seen.patch
    return seen.region if branch == "region" else seen.embedding


def _decoded(paths: Sequence[Path], batch: int) -> Iterator[list[Image.Image]]:
    """The pictures in batches; the next one is decoded while the model works on the last."""
    batches = [paths[at : at + batch] for at in range(0, len(paths), batch)]
    with ThreadPoolExecutor(min(DECODERS, usable_cores())) as pool:
        coming = [pool.submit(_open, path) for path in batches[0]]
        for following in [*batches[1:], []]:
            ready = [picture.result() for picture in coming]
            coming = [pool.submit(_open, path) for path in following]
            yield ready


def _open(path: Path) -> Image.Image:
    try:
        return open_image(path)
    except (BadImage, OSError) as error:
        raise DatasetError("%(path)s: %(why)s", path=path, why=error) from None
