"""Registry of search methods by the names that commands and settings use.

To add one: subclass VectorIndex in a file of this folder, and name it in INDEXES. It is built for each attribute, or
once on the rows of a JointIndex where it is in JOINT.
"""

import re
from importlib import import_module

from rpf.errors import ConfigError
from rpf.search.attribute_indexes import AttributeIndexes
from rpf.search.base import CandidateIndex, VectorIndex
from rpf.search.joint_index import JointIndex

INDEXES = {  # method -> module and class, imported on first use: some of the libraries are large
    "none": ("rpf.search.indexes.flat", "FlatIndex"),
    "pca": ("rpf.search.indexes.faiss", "PCAIndex"),
    "kdtree": ("rpf.search.indexes.kdtree", "KDTreeIndex"),
    "lsh": ("rpf.search.indexes.faiss", "LSHIndex"),
    "faiss": ("rpf.search.indexes.faiss", "FaissIndex"),
    "hnsw": ("rpf.search.indexes.faiss", "HNSWIndex"),
    "milvus": ("rpf.search.indexes.milvus", "MilvusIndex"),
}
JOINT = ("pca", "faiss", "milvus")
# Graphs and inverted lists group rows by all attributes together, and miss what is near in a few of them only.
GROUPING = re.compile("IVF|HNSW|NSG|IMI")
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


def make_candidate_index(method: str, attributes: int) -> CandidateIndex:
    """Make the empty index of a method over so many attributes. Raises ConfigError for an unknown method."""
    name, _, parameter = method.partition(":")
    if name in JOINT and not GROUPING.search(parameter):
        return JointIndex(make_index(method), attributes)
    return AttributeIndexes([make_index(method) for _ in range(attributes)])
