"""Collections of any size to measure search on, made from the embeddings of real pictures.

The first items are the real ones. Each of the others is a garment put together from real ones and photographed anew:
half of them take all attributes from one real item, half take each attribute from another one; and each vector is
moved by a random share (0 to 1) of the difference between two of the 10 nearest neighbours of its real one, so that
it stays among vectors that a model gives, as dense where those are dense. Vectors of another length than the model's
are rotated at random into more dimensions, which changes no cosine, or cut to the first principal components.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from rpf.collection import Collection, CollectionSpec, NewItem, Writer
from rpf.images.decode import open_image
from rpf.inference.interface import Embedder
from rpf.search.attribute_vectors import AttributeVectors
from rpf.search.indexes.pca import principal_axes
from rpf.utils.progress import Progress

NEAR = 10
AT_ONCE = 10_000
CROP = 0.9  # of the width and height of a picture that asks
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Source:
    """Real embeddings, and those of pictures that ask."""

    attributes: tuple[str, ...]
    items: Floats  # (A, n, D)
    queries: Floats  # (A, m, D)


def read_source(
    collection: Collection, attributes: Sequence[str], model: Embedder, count: int, tell: Progress
) -> Source:
    """The collection's embeddings for these attributes, and `count` of its pictures as somebody else would take them:
    mirrored, and cut by a tenth of their width and height on random sides, embedded anew."""
    columns = [collection.vocabulary.index(key) for key in attributes]
    items = np.stack([AttributeVectors(collection, column)[:] for column in columns])
    rng = np.random.default_rng(0)
    asked: list[Floats] = []
    for done, row in enumerate(rng.choice(len(collection), min(count, len(collection)), replace=False)):
        picture = open_image(collection.image_path(collection.item(int(collection.ids[row]))))
        asked.append(model.embed([_anew(picture, rng)]).embedding[0, columns])
        tell("embedding queries", done + 1, min(count, len(collection)))
    return Source(tuple(attributes), items, np.stack(asked, axis=1))


def turned(source: Source, numbers: int) -> tuple[Source, float]:
    """The source with vectors of that many numbers, and the share of their squared length that this keeps."""
    dim = source.items.shape[2]
    rng = np.random.default_rng(1)
    items, queries, kept = [], [], []
    for own, asked in zip(source.items, source.queries, strict=True):
        if numbers >= dim:
            axes = np.linalg.qr(rng.standard_normal((numbers, dim)))[0].astype(np.float32)  # (numbers, dim)
        else:
            axes = principal_axes(own, numbers)
        own, asked = own @ axes.T, asked @ axes.T
        kept.append(float((own**2).sum(axis=1).mean()))
        items.append(own / np.linalg.norm(own, axis=1, keepdims=True))
        queries.append(asked / np.linalg.norm(asked, axis=1, keepdims=True))
    return Source(source.attributes, np.stack(items), np.stack(queries)), float(np.mean(kept))


def write_gallery(folder: Path, source: Source, count: int, tell: Progress) -> None:
    """A collection of `count` items without pictures."""
    with Writer.open(folder, CollectionSpec("", source.attributes, source.items.shape[2], "images")) as writer:
        done = 0
        for vectors in gallery(source, count, seed=2):
            writer.append([NewItem("", "", 0, 0, 0, {})] * len(vectors), vectors, None)
            done += len(vectors)
            tell(f"making {count:,} items", done, count)
        writer.optimize()


def gallery(source: Source, count: int, seed: int) -> Iterator[Floats]:
    """(m, A, D) at a time: the real items, as many as there are, and then made ones."""
    real = source.items.shape[1]
    yield from (
        source.items[:, at : min(at + AT_ONCE, count)].transpose(1, 0, 2) for at in range(0, min(real, count), AT_ONCE)
    )
    rng = np.random.default_rng(seed)
    near = [_nearest(own) for own in source.items]
    for at in range(real, count, AT_ONCE):
        yield _made(source, near, min(AT_ONCE, count - at), rng)


def _made(source: Source, near: Sequence[npt.NDArray[np.int64]], count: int, rng: np.random.Generator) -> Floats:
    """(count, A, D)"""
    real = source.items.shape[1]
    whole, one = rng.random(count) < 0.5, rng.integers(0, real, count)
    made = []
    for own, neighbours in zip(source.items, near, strict=True):
        donor = np.where(whole, one, rng.integers(0, real, count))
        near_by = neighbours.shape[1]
        one_of_them = rng.integers(0, near_by, count)
        another = (one_of_them + rng.integers(1, near_by, count)) % near_by
        step = own[neighbours[donor, one_of_them]] - own[neighbours[donor, another]]
        vectors = own[donor] + rng.random((count, 1), np.float32) * step
        made.append(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    return np.stack(made, axis=1)


def _nearest(vectors: Floats) -> npt.NDArray[np.int64]:
    """(n, NEAR) neighbours of each, without itself."""
    n = len(vectors)
    found = np.empty((n, min(NEAR, n - 1)), np.int64)
    for at in range(0, n, 1024):
        cosines = vectors[at : at + 1024] @ vectors.T
        cosines[np.arange(len(cosines)), np.arange(at, at + len(cosines))] = -np.inf
        found[at : at + 1024] = np.argpartition(-cosines, found.shape[1] - 1, axis=1)[:, : found.shape[1]]
    return found


def _anew(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    width, height = (max(1, round(CROP * side)) for side in picture.size)
    left, top = (
        int(rng.integers(0, whole - part + 1)) for whole, part in zip(picture.size, (width, height), strict=True)
    )
    return ImageOps.mirror(picture).crop((left, top, left + width, top + height))
