"""Every search method, by the name that commands know it by."""

from rpf.index import Method
from rpf.index.exact import NoIndex
from rpf.index.faiss import Flat
from rpf.index.kdtree import KDTree
from rpf.index.lsh import LSH

METHODS: dict[str, type[Method]] = {"none": NoIndex, "kdtree": KDTree, "lsh": LSH, "faiss": Flat}
