"""Baselines for our search: the published system's, and two libraries of graph search where they are installed."""

from collections import defaultdict
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

from rpf.search.base import Neighbours, RankedRows, VectorIndex, Vectors, batches, nearest_first
from rpf.search.request import ResolvedRequest

PUBLISHED = "published"
# Registered in the process of a trial, they are built, stored and searched like our own methods.
GRAPHS = {"hnswlib": (__name__, "HNSWLib"), "usearch": (__name__, "USearch")}
BASELINES = (PUBLISHED, *GRAPHS)
PUBLISHED_TOP_K = 50  # neighbours in each attribute


class PublishedSearcher:
    """The published system's search: the 50 nearest in each attribute by a flat FAISS index, similarities summed."""

    title = "published system"

    def __init__(self, methods: Sequence[VectorIndex]) -> None:
        self.methods = methods  # the index "faiss:Flat" for each attribute

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


class GraphIndex(VectorIndex):
    """Graph of another library over whole vectors."""

    FILE_NAME = "graph"
    module: str  # of the library

    def __init__(self) -> None:
        """Raise ImportError when the library is not installed."""
        self._library: Any = import_module(self.module)  # usearch's types lack some of its methods


class HNSWLib(GraphIndex):
    """hnswlib's graph over whole vectors."""

    title = module = "hnswlib"

    def build(self, vectors: Vectors) -> None:
        """See rpf.search.base.VectorIndex."""
        self._graph = self._library.Index(space="ip", dim=vectors.shape[1])
        self._graph.set_num_threads(faiss.omp_get_max_threads())
        self._graph.init_index(max_elements=vectors.shape[0], ef_construction=200, M=16, random_seed=0)
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
        self._graph = self._library.Index(space="ip", dim=shape[1])
        self._graph.load_index(str(folder / self.FILE_NAME), max_elements=shape[0])


class USearch(GraphIndex):
    """usearch's graph over whole vectors of 16 bits, mapped from its file."""

    title, module = "usearch", "usearch.index"

    def build(self, vectors: Vectors) -> None:
        """See rpf.search.base.VectorIndex."""
        self._graph = self._library.Index(
            ndim=vectors.shape[1], metric="cos", dtype="f16", connectivity=16, expansion_add=200
        )
        for block in batches(vectors):
            keys = len(self._graph) + np.arange(len(block))
            self._graph.add(keys, block, threads=faiss.omp_get_max_threads())

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
        self._graph = self._library.Index.restore(str(folder / self.FILE_NAME), view=True)
