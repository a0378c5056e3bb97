"""Every search method, by the name that commands and settings know it by."""

from rpf.errors import ConfigError
from rpf.search.base import VectorIndex
from rpf.search.exact import FlatIndex
from rpf.search.indexes.faiss import Faiss
from rpf.search.indexes.hnsw import HNSW
from rpf.search.indexes.kdtree import KDTree
from rpf.search.indexes.lsh import LSH
from rpf.search.indexes.milvus import Milvus
from rpf.search.indexes.pca import PCAIndex

METHODS: dict[str, type[VectorIndex]] = {  # those that need no server
    "none": FlatIndex,
    "pca": PCAIndex,
    "kdtree": KDTree,
    "lsh": LSH,
    "faiss": Faiss,
    "hnsw": HNSW,
}


def make_method(name: str) -> VectorIndex:
    """The method of that name, nothing built yet; "faiss:FACTORY" is FAISS's index by that factory string.

    Raises ConfigError for another name.
    """
    if name.startswith("faiss:") and name != "faiss:":
        return Faiss(name.removeprefix("faiss:"))
    if name == "milvus":
        return Milvus()
    if name not in METHODS:
        names = ", ".join([*METHODS, "milvus"])
        raise ConfigError(
            '"%(name)s" is not one of the search methods %(names)s, or faiss:FACTORY.', name=name, names=names
        )
    return METHODS[name]()
