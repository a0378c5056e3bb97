"""Galleries of any size for search benchmarks, generated from the embeddings of real images.

The first items are the real ones. Each of the others is a garment put together from real ones and photographed again:
half of them take all attributes from one real item, half take each attribute from another one; and each vector is
moved by a random share (0 to 1) of the difference between two of the 10 nearest neighbours of its real one, so that it
stays among the vectors that a model gives, as dense where those are dense. A generated item has the presence of the
items that its attributes come from, and the values that a classifier gives for its vectors.
"""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from rpf.collection import Collection, CollectionSpec, NewItem, Writer
from rpf.errors import ConfigError
from rpf.images.decode import open_image
from rpf.inference.interface import Embedder
from rpf.models.value_classifier import ValueClassifier
from rpf.search.principal_axes import principal_axes
from rpf.utils.progress import Progress

NEIGHBOURS = 10
ITEM_BATCH_SIZE = 10_000
DISTANCE_BATCH_SIZE = 1024
CROP_SHARE = 0.9  # of the width and height of a query image
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class SearchDataset:
    """Embeddings of real items and of query images."""

    attributes: tuple[str, ...]
    items: Floats  # (A, n, D)
    queries: Floats  # (A, m, D)
    presence: npt.NDArray[np.float16]  # (A, n) of the items; 1 where it is unknown


class GalleryItems(NamedTuple):
    """m items of a gallery."""

    vectors: Floats  # (m, A, D)
    presence: npt.NDArray[np.float16]  # (m, A)


def read_dataset(
    collection: Collection, attributes: Sequence[str], model: Embedder, queries: int, progress: Progress
) -> SearchDataset:
    """Read the collection's embeddings and presence for these attributes, and embed `queries` of its images as another
    photographer would take them: mirrored, and cropped on random sides."""
    columns, rows = [collection.vocabulary.index(key) for key in attributes], np.arange(len(collection))
    items = np.stack([collection.take(column, rows).astype(np.float32) for column in columns])
    rng = np.random.default_rng(0)
    count = min(queries, len(collection))
    embeddings: list[Floats] = []
    for row in rng.choice(len(collection), count, replace=False):
        image = open_image(collection.image_path(collection.item(int(collection.ids[row]))))
        embeddings.append(model.embed([_rephotograph(image, rng)]).embedding[0, columns])
        progress("embedding queries", len(embeddings), count)
    presence = collection.presence_by_attribute[columns]
    return SearchDataset(tuple(attributes), items, np.stack(embeddings, axis=1), presence)


def change_dimension(dataset: SearchDataset, dimension: int) -> tuple[SearchDataset, float]:
    """Change the embedding dimension; also returns the share of the vectors' squared length that is retained.

    More dimensions: a random rotation, which changes no cosine. Fewer: the first principal components.
    """
    rng = np.random.default_rng(1)
    items, queries, retained = [], [], []
    for vectors, query_vectors in zip(dataset.items, dataset.queries, strict=True):
        if dimension >= vectors.shape[1]:
            axes = np.linalg.qr(rng.standard_normal((dimension, vectors.shape[1])))[0].astype(np.float32)
        else:
            axes = principal_axes(vectors, dimension).axes
        projected = vectors @ axes.T
        retained.append(float((projected**2).sum(axis=1).mean()))
        items.append(_unit(projected))
        queries.append(_unit(query_vectors @ axes.T))
    changed = SearchDataset(dataset.attributes, np.stack(items), np.stack(queries), dataset.presence)
    return changed, float(np.mean(retained))


def write_gallery(
    folder: Path, dataset: SearchDataset, size: int, progress: Progress, classifier: ValueClassifier | None = None
) -> None:
    """Write a collection of `size` items without images; with a classifier, which needs vectors of the model's own
    dimension in all of its attributes, they have presence and values too. Raises ConfigError where the disk is full."""
    _check_room(folder.parent, 2 * size * dataset.items.shape[0] * dataset.items.shape[2])
    spec = CollectionSpec("", dataset.attributes, dataset.items.shape[2], "images")
    with Writer.open(folder, spec) as writer:
        for number, (vectors, presence) in enumerate(generate_gallery(dataset, size, seed=2)):
            progress(f"generating {size:,} items", min(size, number * ITEM_BATCH_SIZE), size)
            known = (presence, classifier.probabilities(vectors, np.ones(len(vectors)))) if classifier else ()
            writer.append([NewItem("", "", 0, 0, 0, {})] * len(vectors), vectors, None, *known)
        writer.optimize()


def _check_room(folder: Path, embedding_bytes: int) -> None:
    """Raise ConfigError unless the disk has room for the embeddings twice, as they are written and merged."""
    free = shutil.disk_usage(folder).free
    if free < 2 * embedding_bytes:
        raise ConfigError(
            'The gallery needs %(need).1f GB in "%(folder)s", where %(free).1f GB are free: name another by --work.',
            need=2 * embedding_bytes / 1e9, free=free / 1e9, folder=folder,
        )  # fmt: skip


def generate_gallery(dataset: SearchDataset, size: int, seed: int) -> Iterator[GalleryItems]:
    """Yield the real items, as many as there are, then generated ones."""
    real = dataset.items.shape[1]
    for start in range(0, min(real, size), ITEM_BATCH_SIZE):
        rows = slice(start, min(start + ITEM_BATCH_SIZE, size))
        yield GalleryItems(dataset.items[:, rows].transpose(1, 0, 2), dataset.presence[:, rows].T)
    rng = np.random.default_rng(seed)
    neighbours = [_nearest(vectors) for vectors in dataset.items]
    for start in range(real, size, ITEM_BATCH_SIZE):
        yield _generate(dataset, neighbours, min(ITEM_BATCH_SIZE, size - start), rng)


def _generate(
    dataset: SearchDataset, neighbours: Sequence[npt.NDArray[np.int64]], count: int, rng: np.random.Generator
) -> GalleryItems:
    real = dataset.items.shape[1]
    whole, donor_of_all = rng.random(count) < 0.5, rng.integers(0, real, count)
    vectors, presence = [], []
    for attribute, (real_vectors, nearest) in enumerate(zip(dataset.items, neighbours, strict=True)):
        donor = np.where(whole, donor_of_all, rng.integers(0, real, count))
        first = rng.integers(0, nearest.shape[1], count)
        second = (first + rng.integers(1, nearest.shape[1], count)) % nearest.shape[1]
        step = real_vectors[nearest[donor, first]] - real_vectors[nearest[donor, second]]
        vectors.append(_unit(real_vectors[donor] + rng.random((count, 1), np.float32) * step))
        presence.append(dataset.presence[attribute, donor])
    return GalleryItems(np.stack(vectors, axis=1), np.stack(presence, axis=1))


def _nearest(vectors: Floats) -> npt.NDArray[np.int64]:
    """Find the (n, NEIGHBOURS) neighbours of each vector, without itself."""
    n, k = len(vectors), min(NEIGHBOURS, len(vectors) - 1)
    nearest = np.empty((n, k), np.int64)
    for start in range(0, n, DISTANCE_BATCH_SIZE):
        cosines = vectors[start : start + DISTANCE_BATCH_SIZE] @ vectors.T
        cosines[np.arange(len(cosines)), np.arange(start, start + len(cosines))] = -np.inf
        nearest[start : start + DISTANCE_BATCH_SIZE] = np.argpartition(-cosines, k - 1, axis=1)[:, :k]
    return nearest


def _unit(vectors: Floats) -> Floats:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def _rephotograph(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Mirror an image and crop it on random sides."""
    width, height = (max(1, round(CROP_SHARE * side)) for side in image.size)
    left, top = (
        int(rng.integers(0, whole - part + 1)) for whole, part in zip(image.size, (width, height), strict=True)
    )
    return ImageOps.mirror(image).crop((left, top, left + width, top + height))
