"""Registry of search methods by the names that commands and settings use.

To add one: subclass VectorIndex (or ScoringIndex) in a file of this folder, and name it in INDEXES.
"""

from importlib import import_module

from rpf.errors import ConfigError
from rpf.search.base import VectorIndex

INDEXES = {  # method -> module and class, imported on first use: some of the libraries are large
    "none": ("rpf.search.indexes.flat", "FlatIndex"),
    "pca": ("rpf.search.indexes.pca", "PCAIndex"),
    "kdtree": ("rpf.search.indexes.kdtree", "KDTreeIndex"),
    "lsh": ("rpf.search.indexes.faiss", "LSHIndex"),
    "faiss": ("rpf.search.indexes.faiss", "FaissIndex"),
    "hnsw": ("rpf.search.indexes.faiss", "HNSWIndex"),
    "milvus": ("rpf.search.indexes.milvus", "MilvusIndex"),
}
PARAMETRIC = "faiss"  # the method that takes a parameter after a colon, its factory string


def make_index(method: str) -> VectorIndex:
    """Make the empty index of a method, such as "pca" or "faiss:PCA64,SQ8". Raises ConfigError for another name."""
    name, colon, parameter = method.partition(":")
    if name not in INDEXES or (colon and (name != PARAMETRIC or not parameter)):
        raise ConfigError(
            '"%(name)s" is not one of the search methods %(names)s, or faiss:FACTORY.',
            name=method,
            names=", ".join(INDEXES),
        )
    module, class_name = INDEXES[name]
    index_class = getattr(import_module(module), class_name)
    return index_class(parameter) if parameter else index_class()
