"""Baselines for our search: the published system's, and two libraries of graph search where they are installed."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

from rpf.collection import Collection
from rpf.search.base import Neighbours, RankedRows, VectorIndex, Vectors, batches, nearest_first
from rpf.search.indexes.faiss import FaissIndex
from rpf.search.request import ResolvedRequest

PUBLISHED = "published"
PUBLISHED_TOP_K = 50  # neighbours in each attribute


class PublishedSearcher:
    """The published system's search: the 50 nearest in each attribute by a flat FAISS index, similarities summed."""

    title = "published system"

    def __init__(self, collection: Collection, methods: Sequence[VectorIndex]) -> None:
        self.collection = collection
        self.methods = methods  # FaissIndex("Flat") for each attribute

    def search(self, request: ResolvedRequest) -> RankedRows:
        """See rpf.search.base.Searcher: an item counts as 0 in attributes of which it is not among the 50 nearest."""
        sums: dict[int, float] = defaultdict(float)
        for query, attribute, weight in zip(request.vectors, request.attributes, request.weights, strict=True):
            neighbours = self.methods[attribute].search(query[None], PUBLISHED_TOP_K)
            for row, squared in zip(neighbours.ids[0].tolist(), neighbours.distances[0].tolist(), strict=True):
                sums[row] += weight * (1 - squared / 2)
        rows = np.array(sorted(sums, key=lambda row: (-sums[row], row))[: request.k], np.int64)
        scores = np.array([sums[row] for row in rows.tolist()]) / request.weights.sum()
        zeros = np.zeros((len(request.attributes), len(rows)))
        return RankedRows(rows, scores, zeros.astype(np.float32), zeros.astype(bool))


class HNSWLib(VectorIndex):
    """hnswlib's graph over whole vectors."""

    title = "hnswlib"
    FILE_NAME = "graph.hnswlib"

    def build(self, vectors: Vectors) -> None:
        """See rpf.search.base.VectorIndex."""
        import hnswlib

        n, dim = vectors.shape
        self._graph = hnswlib.Index(space="ip", dim=dim)
        self._graph.set_num_threads(faiss.omp_get_max_threads())
        self._graph.init_index(max_elements=n, ef_construction=200, M=16, random_seed=0)
        for block in batches(vectors):
            self._graph.add_items(block)

    def search(self, queries: npt.NDArray[np.float32], k: int) -> Neighbours:
        """See rpf.search.base.VectorIndex."""
        self._graph.set_ef(max(64, 2 * k))
        ids, distances = self._graph.knn_query(queries, k, num_threads=1)  # 1 - cosine
        return nearest_first(ids.astype(np.int64), 2 * distances)

    def save(self, folder: Path) -> None:
        """See rpf.search.base.VectorIndex."""
        self._graph.save_index(str(folder / self.FILE_NAME))

    def open(self, folder: Path, shape: tuple[int, int]) -> None:
        """See rpf.search.base.VectorIndex."""
        import hnswlib

        self._graph = hnswlib.Index(space="ip", dim=shape[1])
        self._graph.load_index(str(folder / self.FILE_NAME), max_elements=shape[0])


class USearch(VectorIndex):
    """usearch's graph over whole vectors of 16 bits, mapped from its file."""

    title = "usearch"
    FILE_NAME = "graph.usearch"
    _graph: Any  # the library's types lack some of its methods

    def build(self, vectors: Vectors) -> None:
        """See rpf.search.base.VectorIndex."""
        from usearch.index import Index

        self._graph = Index(ndim=vectors.shape[1], metric="cos", dtype="f16", connectivity=16, expansion_add=200)
        start = 0
        for block in batches(vectors):
            keys = np.arange(start, start + len(block))
            self._graph.add(keys, block, threads=faiss.omp_get_max_threads())
            start += len(block)

    def search(self, queries: npt.NDArray[np.float32], k: int) -> Neighbours:
        """See rpf.search.base.VectorIndex."""
        self._graph.expansion_search = max(64, 2 * k)
        ids, distances = np.full((len(queries), k), -1), np.full((len(queries), k), np.inf)
        for line, query in enumerate(queries):
            matches = self._graph.search(query, k, threads=1)
            ids[line, : len(matches.keys)], distances[line, : len(matches.keys)] = matches.keys, 2 * matches.distances
        return nearest_first(ids, distances)

    def save(self, folder: Path) -> None:
        """See rpf.search.base.VectorIndex."""
        self._graph.save(str(folder / self.FILE_NAME))

    def open(self, folder: Path, shape: tuple[int, int]) -> None:
        """See rpf.search.base.VectorIndex."""
        from usearch.index import Index

        self._graph = Index.restore(str(folder / self.FILE_NAME), view=True)


BASELINES: dict[str, type[VectorIndex]] = {PUBLISHED: FaissIndex, "hnswlib": HNSWLib, "usearch": USearch}


def make_baseline(name: str) -> VectorIndex:
    """Make a baseline's index for one attribute. Raises ImportError when its library is not installed."""
    if name == PUBLISHED:
        return FaissIndex("Flat")
    __import__(name)
    return BASELINES[name]()
