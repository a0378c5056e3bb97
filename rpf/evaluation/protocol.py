"""The published retrieval protocol: each attribute's queries against all candidates of that attribute."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from rpf.config import DataConfig
from rpf.datasets.annotations import Label, read_presence, read_retrieval_split
from rpf.datasets.image_check import ImageCheck, open_checked
from rpf.errors import ConfigError, DatasetError
from rpf.models.base import TwoBranchModel
from rpf.models.output import TwoBranchOutput
from rpf.utils.cores import usable_cores
from rpf.utils.progress import Progress

Branch = Literal["region", "patch", "both"]
Floats32 = npt.NDArray[np.float32]
Observer = Callable[[int, TwoBranchOutput], None]
MAX_DECODERS = 4


@dataclass(frozen=True)
class ImageValues:
    """m images and a value of one attribute for each."""

    images: npt.NDArray[np.int64]  # (m,) indices of Benchmark.paths
    values: npt.NDArray[np.int64]  # (m,)


@dataclass(frozen=True)
class RetrievalTask:
    """Queries and candidates of one attribute."""

    attribute: str
    queries: ImageValues
    candidates: ImageValues
    presence: ImageValues  # images for which it is known whether the garment has the part: 1 present, 0 missing

    def relevant(self) -> npt.NDArray[np.int64]:
        """Count the candidates that have the value of each query, (m,)."""
        values = self.queries.values
        return np.bincount(self.candidates.values, minlength=values.max(initial=0) + 1)[values]


@dataclass(frozen=True)
class Benchmark:
    """A split's tasks, one for each attribute in the order of the config; some may have no queries."""

    split: str
    paths: tuple[Path, ...]  # each image of a task, once
    tasks: tuple[RetrievalTask, ...]

    @property
    def query_count(self) -> int:
        return sum(len(task.queries.values) for task in self.tasks)


@dataclass(frozen=True)
class TaskEmbeddings:
    """A model's output for a task's images."""

    task: RetrievalTask
    queries: Floats32  # (m, D), unit vectors
    candidates: Floats32  # (n, D), unit vectors
    presence: Floats32 | None = None  # (p,) probabilities for `task.presence`; None without the presence head


def read_benchmark(
    data: DataConfig, split: str, with_presence: bool = False, check: ImageCheck | None = None
) -> Benchmark:
    """Read the tasks of the split "valid" or "test"; open only that split's files.

    As published, an image may be query and candidate of an attribute, and one with two values is two candidates.
    `RetrievalTask.presence` is empty unless with_presence. Raises DatasetError if a file is malformed, there is
    nothing to search for, or images are bad (one error for all, unless `check` leaves them out).
    """
    retrieval = read_retrieval_split(data.folder, data, split)
    presence: list[Label] = []
    if with_presence:
        index = {name: attribute for attribute, name in enumerate(data.ATTRIBUTES.NAME)}
        for image, parts in enumerate(read_presence(data.folder, data, split)):
            presence += [Label(image, index[name], int(is_present)) for name, is_present in parts.items()]
    used = sorted({label.image for label in (*retrieval.queries, *retrieval.candidates, *presence)})
    bad = (check or ImageCheck()).bad_paths(data.folder, [retrieval.images[image] for image in used])
    paths = [path for image in used if (path := retrieval.images[image].path) not in bad]
    path_index = {path: at for at, path in enumerate(paths)}

    def select(labels: Sequence[Label], attribute: int) -> ImageValues:
        pairs = [
            (path_index[path], label.value)
            for label in labels
            if label.attribute == attribute and (path := retrieval.images[label.image].path) in path_index
        ]
        images, values = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
        return ImageValues(images, values)

    tasks = [
        RetrievalTask(
            name,
            select(retrieval.queries, attribute),
            select(retrieval.candidates, attribute),
            select(presence, attribute),
        )
        for attribute, name in enumerate(data.ATTRIBUTES.NAME)
    ]
    if not any(len(task.queries.values) and len(task.candidates.values) for task in tasks):
        raise DatasetError(
            "%(folder)s: the split %(split)s has no attribute with both queries and candidates.",
            folder=data.folder,
            split=split,
        )
    return Benchmark(split, tuple(data.folder / path for path in paths), tuple(tasks))


def embed_benchmark(
    model: TwoBranchModel,
    benchmark: Benchmark,
    branch: Branch = "both",
    batch_size: int = 64,
    progress: Progress = lambda *_: None,
    observers: Sequence[Observer] = (),
) -> list[TaskEmbeddings]:
    """Embed every image once and sort the embeddings by task.

    observers: are called with the place of a batch's first image in `benchmark.paths`, and its output.
    Raises ConfigError if the model does not have an attribute or the branch, DatasetError if an image cannot be read.
    """
    if branch == "patch" and model.patch is None:
        raise ConfigError("The checkpoint has no patch branch.")
    if unknown := [task.attribute for task in benchmark.tasks if task.attribute not in model.attributes]:
        raise ConfigError('The checkpoint does not know the attribute "%(name)s".', name=unknown[0])
    columns = [model.attributes.index(task.attribute) for task in benchmark.tasks]
    results: list[TaskEmbeddings] = []
    done, total = 0, len(benchmark.paths)
    progress("embedding", done, total)
    for images in decode_batches(benchmark.paths, batch_size):
        output = model.embed(images)
        for observe in observers:
            observe(done, output)
        embeddings = getattr(output, "embedding" if branch == "both" else branch)
        results = results or [
            _allocate(task, embeddings.shape[-1], output.presence is not None) for task in benchmark.tasks
        ]
        for result, column in zip(results, columns, strict=True):
            _fill(result.queries, result.task.queries, done, embeddings[:, column])
            _fill(result.candidates, result.task.candidates, done, embeddings[:, column])
            if result.presence is not None and output.presence is not None:
                _fill(result.presence, result.task.presence, done, output.presence[:, column])
        done += len(images)
        progress("embedding", done, total)
    return results


def _allocate(task: RetrievalTask, dim: int, with_presence: bool) -> TaskEmbeddings:
    return TaskEmbeddings(
        task,
        np.empty((len(task.queries.images), dim), dtype=np.float32),
        np.empty((len(task.candidates.images), dim), dtype=np.float32),
        np.empty(len(task.presence.images), dtype=np.float32) if with_presence else None,
    )


def _fill(rows: Floats32, labelled: ImageValues, first: int, values: Floats32) -> None:
    """Copy the values of the images `first`, `first` + 1, ... to the rows of these images."""
    positions = np.flatnonzero((labelled.images >= first) & (labelled.images < first + len(values)))
    rows[positions] = values[labelled.images[positions] - first]


def decode_batches(paths: Sequence[Path], batch_size: int) -> Iterator[list[Image.Image]]:
    """Yield the images in batches; the next batch is decoded while the caller works on the last."""
    batches = [paths[at : at + batch_size] for at in range(0, len(paths), batch_size)]
    with ThreadPoolExecutor(min(MAX_DECODERS, usable_cores())) as pool:
        pending = [pool.submit(open_checked, path) for path in batches[0]]
        for following in [*batches[1:], []]:
            images = [image.result() for image in pending]
            pending = [pool.submit(open_checked, path) for path in following]
            yield images
