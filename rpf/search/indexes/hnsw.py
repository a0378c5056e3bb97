"""Hierarchical navigable small worlds (Malkov and Yashunin 2016): a graph whose edges lead from near to nearer."""

import faiss

from rpf.search.indexes.faiss import Faiss, around


class HNSW(Faiss):
    """FAISS's graph over the first 64 principal components, 8 bits each."""

    title = "HNSW"
    default = "HNSW32_SQ8"

    def _parameters(self, k: int) -> "faiss.SearchParameters | None":
        """As many vectors are kept in sight as are asked for, and some more."""
        if not isinstance(faiss.downcast_index(self._index), faiss.IndexPreTransform):
            return None  # few vectors, without a graph
        return around(self._index, faiss.SearchParametersHNSW(efSearch=max(64, 2 * k)))
