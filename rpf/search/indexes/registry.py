"""Every search method, by the name that commands and settings know it by."""

from rpf.errors import ConfigError
from rpf.search.base import Method
from rpf.search.exact import NoIndex
from rpf.search.indexes.faiss import Faiss
from rpf.search.indexes.hnsw import HNSW
from rpf.search.indexes.kdtree import KDTree
from rpf.search.indexes.lsh import LSH
from rpf.search.indexes.milvus import Milvus
from rpf.search.indexes.pca import Reduced

METHODS: dict[str, type[Method]] = {  # those that need no server
    "none": NoIndex,
    "pca": Reduced,
    "kdtree": KDTree,
    "lsh": LSH,
    "faiss": Faiss,
    "hnsw": HNSW,
}


def make_method(name: str) -> Method:
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
