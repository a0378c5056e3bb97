"""FAISS indexes: any factory string, the HNSW graph (Malkov and Yashunin 2016), locality-sensitive hashing."""

import math
from functools import cached_property
from pathlib import Path

import faiss
import numpy as np
import numpy.typing as npt

from rpf.search.base import Neighbours, VectorIndex, Vectors, batches, nearest_first, sample
from rpf.search.principal_axes import MAX_COMPONENTS

TRAINING_VECTORS = 50_000  # an index is trained with so many at most
MIN_TRAINING_VECTORS = 256  # fewer vectors cannot train an index and are stored as they are
MIN_LISTED_VECTORS = 10_000
PROBED_SHARE = 1 / 8  # of an inverted file's lists, for the very first neighbours
REFINE_FACTOR = 4.0  # times k candidates are refined, where a factory string says to refine
INDEX_FILE = "index.faiss"


class FaissIndex(VectorIndex):
    """An index by a factory string, such as "Flat", "IVF1024,SQ8" or "PQ32x4fs"."""

    title = "FAISS"
    encoding = "SQ8"  # of the first principal components, where no factory string is given

    def __init__(self, factory: str = "") -> None:
        """factory: a FAISS factory string, checked by `build`; principal components in `encoding` if empty."""
        self.factory = factory
        if factory:
            self.title = f"FAISS {factory}"

    def build(self, vectors: Vectors) -> None:
        """Train the index and add the vectors. Raises ValueError for a factory string that does not fit them."""
        try:
            metric = faiss.METRIC_INNER_PRODUCT if self.is_joint else faiss.METRIC_L2
            self._index = faiss.index_factory(vectors.shape[1], self._factory_for(*vectors.shape), metric)
            self._index.train(sample(vectors, TRAINING_VECTORS))
            self.add(vectors)
        except RuntimeError as error:  # FAISS raises nothing else
            raise ValueError(f"FAISS cannot build {self.factory}: {_reason(error)}") from error

    def add(self, vectors: Vectors) -> bool:
        """Add vectors to the trained index."""
        for batch in batches(vectors):
            self._index.add(np.ascontiguousarray(batch))
        return True

    def search(self, queries: npt.NDArray[np.float32], k: int) -> Neighbours:
        """Search with parameters that fit k."""
        k = min(k, self._index.ntotal)
        measure, ids = self._index.search(np.ascontiguousarray(queries), k, params=self._search_parameters(k))
        return nearest_first(ids, 2 - 2 * measure if self.is_joint else measure)

    def propose(self, query: npt.NDArray[np.float32], k: int) -> npt.NDArray[np.int64]:
        """Search without sorting equal ones again, which would take half as long as the search."""
        _, ids = self._index.search(query[None], k, params=self._search_parameters(k))
        return np.asarray(ids[ids >= 0])

    def search_passing(
        self, query: npt.NDArray[np.float32], k: int, passing: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.int64]:
        """Skip the other vectors; all lists of an inverted file are visited, as the nearest ones may pass no vector."""
        ivf, selector = faiss.try_extract_index_ivf(self._index), _select(passing)
        if ivf is None:
            innermost = faiss.SearchParameters(sel=selector)
        else:
            innermost = faiss.SearchParametersIVF(sel=selector, nprobe=ivf.nlist)
        try:
            _, ids = self._index.search(query[None], k, params=_wrap_parameters(self._index, innermost))
        except RuntimeError:  # of an index that cannot, such as PQ16
            return super().search_passing(query, k, passing)
        return np.asarray(ids[ids >= 0])

    def save(self, folder: Path) -> None:
        """Write FAISS's own file."""
        try:
            faiss.write_index(self._index, str(folder / INDEX_FILE))
        except RuntimeError as error:  # such as for a full disk
            raise OSError(_reason(error)) from error

    def open(self, folder: Path, shape: tuple[int, int]) -> None:
        """Read FAISS's own file, which must come from this installation: FAISS trusts it."""
        try:
            self._index = faiss.read_index(str(folder / INDEX_FILE))
        except RuntimeError as error:
            raise ValueError(f"{INDEX_FILE}: {_reason(error)}") from error
        if (self._index.ntotal, self._index.d) != shape:
            raise ValueError(f"{INDEX_FILE} holds {self._index.ntotal} vectors of dimension {self._index.d}")

    def _factory_for(self, n: int, dim: int) -> str:
        """Return the factory string for n vectors of that dimension."""
        if n < MIN_TRAINING_VECTORS:
            return "Flat"
        if self.factory or self.is_joint:
            return self.factory or self.encoding
        return f"PCA{min(MAX_COMPONENTS, dim)},{self.encoding}"

    def _search_parameters(self, k: int) -> "faiss.SearchParameters | None":
        """Return how many lists of an inverted file to visit; None for other indexes."""
        ivf, innermost = faiss.try_extract_index_ivf(self._index), None
        if ivf is not None:
            share = min(1.0, PROBED_SHARE + 4 * k / self._index.ntotal)
            innermost = faiss.SearchParametersIVF(nprobe=math.ceil(share * ivf.nlist))
        return _wrap_parameters(self._index, innermost)


class InvertedLists(FaissIndex):
    """Vectors in 16 bits, in lists by the nearest of many centroids; a few lists are visited."""

    def _factory_for(self, n: int, dim: int) -> str:
        lists = round(n**0.5)
        return f"IVF{lists},SQfp16" if n >= MIN_LISTED_VECTORS else "SQfp16"


class PCAIndex(FaissIndex):
    """Product quantization in 4 bits, scanned by table look-ups in the processor's registers (FAISS's fast scan)."""

    title = "PCA"
    single = InvertedLists

    def _factory_for(self, n: int, dim: int) -> str:
        if n < MIN_TRAINING_VECTORS:
            return "Flat"
        if self.is_joint:
            return f"PQ{dim}x4fs"
        components = min(MAX_COMPONENTS, dim)
        return f"PCA{components},PQ{components}x4fs,Refine(SQfp16)"


class HNSWIndex(FaissIndex):
    """FAISS's graph over the first principal components, 8 bits each."""

    title = "HNSW"
    encoding = "HNSW32_SQ8"

    def search_passing(
        self, query: npt.NDArray[np.float32], k: int, passing: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.int64]:
        """Scan the codes of the graph: with a selector, a walk through it takes longer and misses more."""
        transform = faiss.downcast_index(self._index)
        if not isinstance(transform, faiss.IndexPreTransform):
            return super().search_passing(query, k, passing)
        codes = faiss.downcast_index(faiss.downcast_index(transform.index).storage)
        reduced = faiss.downcast_VectorTransform(transform.chain.at(0)).apply(query[None])
        _, ids = codes.search(reduced, k, params=faiss.SearchParameters(sel=_select(passing)))
        return np.asarray(ids[ids >= 0])

    def _search_parameters(self, k: int) -> "faiss.SearchParameters | None":
        """Keep twice as many candidates as are requested."""
        if not isinstance(faiss.downcast_index(self._index), faiss.IndexPreTransform):
            return None  # few vectors, without a graph
        return _wrap_parameters(self._index, faiss.SearchParametersHNSW(efSearch=max(64, 2 * k)))


class LSHIndex(FaissIndex):
    """FAISS's IndexLSH with as many bits as dimensions: a 32nd of the memory, compared by Hamming distance."""

    title = "LSH"

    def add(self, vectors: Vectors) -> bool:
        """Add vectors."""
        self.__dict__.pop("_codes", None)
        return super().add(vectors)

    @cached_property
    def _codes(self) -> "faiss.IndexBinaryFlat":
        """Copy the codes into an index that can skip vectors, once a search has a filter."""
        lsh = faiss.downcast_index(self._index)
        codes = faiss.IndexBinaryFlat(8 * lsh.code_size)
        codes.add(faiss.vector_to_array(lsh.codes).reshape(-1, lsh.code_size))
        return codes

    def search_passing(
        self, query: npt.NDArray[np.float32], k: int, passing: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.int64]:
        """Skip the other codes."""
        code = faiss.downcast_index(self._index).sa_encode(query[None])
        _, ids = self._codes.search(code, k, params=faiss.SearchParameters(sel=_select(passing)))
        return np.asarray(ids[ids >= 0])

    def search(self, queries: npt.NDArray[np.float32], k: int) -> Neighbours:
        """Estimate distances from the share of bits that differ, which is the angle over pi."""
        hamming, ids = self._index.search(np.ascontiguousarray(queries), min(k, self._index.ntotal))
        bits = faiss.downcast_index(self._index).nbits
        return nearest_first(ids, 2 - 2 * np.cos(np.pi * hamming.astype(np.float64) / bits))

    def _factory_for(self, n: int, dim: int) -> str:
        # Rotated (r), so that the bits cut in random directions, by a fixed seed of FAISS's own; no trained thresholds
        # (t), so that each bit is a side of a plane through the origin.
        return "LSHr"


def _select(passing: npt.NDArray[np.bool_]) -> "faiss.IDSelector":
    return faiss.IDSelectorBitmap(np.packbits(passing, bitorder="little"))


def _wrap_parameters(
    index: "faiss.Index", innermost: "faiss.SearchParameters | None"
) -> "faiss.SearchParameters | None":
    """Wrap the parameters of the innermost index for the indexes around it."""
    index = faiss.downcast_index(index)
    if isinstance(index, faiss.IndexRefine):
        base = _wrap_parameters(index.base_index, innermost)
        return faiss.IndexRefineSearchParameters(
            k_factor=REFINE_FACTOR, **({"base_index_params": base} if base else {})
        )
    if isinstance(index, faiss.IndexPreTransform) and innermost is not None:
        return faiss.SearchParametersPreTransform(index_params=_wrap_parameters(index.index, innermost))
    return innermost


def _reason(error: Exception) -> str:
    """Return the last line of a FAISS error; those before name places in its source."""
    return str(error).strip().splitlines()[-1]
