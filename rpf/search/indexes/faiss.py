"""FAISS: any index that one of its factory strings describes."""

import math
from pathlib import Path

import faiss
import numpy as np
import numpy.typing as npt

from rpf.search.base import Neighbours, VectorIndex, Vectors, blocks, nearest_first, sample

TRAINING = 50_000  # vectors that an index is trained with
FEWEST = 256  # vectors; fewer are kept as they are, for want of what to train with
LISTS = 1 / 8  # of an inverted file's, to be looked into for the very first neighbours
REFINED = 4.0  # times as many as asked for are looked at again, where a factory string says to refine
FILE = "index.faiss"


class Faiss(VectorIndex):
    """An index by a factory string, such as "Flat", "PCA64,IVF1024,SQ8" or "OPQ32,PQ32x4fs"."""

    title = "FAISS"
    trusting = True
    default = "SQ8"  # 8 bits for each of the first 64 principal components

    def __init__(self, factory: str = "") -> None:
        """Without a factory string it is the default. A wrong one is found by `build`, which knows the vectors."""
        self.factory = factory
        if factory:
            self.title = f"FAISS {factory}"

    def build(self, vectors: Vectors) -> None:
        """See Method. Raises ValueError for a factory string that FAISS cannot make of these vectors."""
        try:
            self._index = faiss.index_factory(vectors.shape[1], self._factory(*vectors.shape), faiss.METRIC_L2)
            self._index.train(sample(vectors, TRAINING))
            self.add(vectors)
        except RuntimeError as error:  # FAISS's own
            raise ValueError(f"FAISS cannot build {self.factory}: {_reason(error)}") from error

    def add(self, vectors: Vectors) -> bool:
        """See Method."""
        for block in blocks(vectors):
            self._index.add(np.ascontiguousarray(block))
        return True

    def search(self, queries: npt.NDArray[np.float32], k: int) -> Neighbours:
        """See Method."""
        k = min(k, self._index.ntotal)
        squared, ids = self._index.search(np.ascontiguousarray(queries), k, params=self._parameters(k))
        return nearest_first(ids, squared)  # FAISS's distances are squared already

    def save(self, folder: Path) -> None:
        """See Method."""
        try:
            faiss.write_index(self._index, str(folder / FILE))
        except RuntimeError as error:  # FAISS's own, such as for a full disk
            raise OSError(_reason(error)) from error

    def open(self, folder: Path, shape: tuple[int, int]) -> None:
        """See Method. FAISS trusts what it reads."""
        try:
            self._index = faiss.read_index(str(folder / FILE))
        except RuntimeError as error:
            raise ValueError(f"{FILE}: {_reason(error)}") from error
        if (self._index.ntotal, self._index.d) != shape:
            raise ValueError(f"{FILE} holds other vectors than expected")

    def _factory(self, n: int, dim: int) -> str:
        """The factory string for n vectors of `dim` numbers."""
        if n < FEWEST:
            return "Flat"
        return self.factory or f"PCA{min(64, dim)},{self.default}"

    def _parameters(self, k: int) -> "faiss.SearchParameters | None":
        """What a search for k neighbours needs to be told: of an inverted file, how many of its lists to look into."""
        ivf, innermost = faiss.try_extract_index_ivf(self._index), None
        if ivf is not None:
            share = min(1.0, LISTS + 4 * k / self._index.ntotal)
            innermost = faiss.SearchParametersIVF(nprobe=math.ceil(share * ivf.nlist))
        return around(self._index, innermost)


def around(index: "faiss.Index", innermost: "faiss.SearchParameters | None") -> "faiss.SearchParameters | None":
    """The search parameters of an index whose innermost one gets those."""
    index = faiss.downcast_index(index)
    if isinstance(index, faiss.IndexRefine):
        own = around(index.base_index, innermost)
        return faiss.IndexRefineSearchParameters(k_factor=REFINED, **({"base_index_params": own} if own else {}))
    if isinstance(index, faiss.IndexPreTransform) and innermost is not None:
        return faiss.SearchParametersPreTransform(index_params=around(index.index, innermost))
    return innermost


def _reason(error: Exception) -> str:
    """The last line of a FAISS error: those before name places in its source."""
    return str(error).strip().splitlines()[-1]
