"""A collection's index on disk: made, brought up to date, opened.

index/<generation>/
  index.json      the method, and how many candidates it needs
  ids.npy         the items it is built on, in its order
  <attribute>/    the method's files, a folder for each attribute (0, 1, ...)
"""

import hmac
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rpf.collection import Collection, Writer
from rpf.errors import ConfigError, RPFError
from rpf.search.attribute_vectors import AttributeVectors
from rpf.search.base import Searcher, VectorIndex
from rpf.search.exact import Exact
from rpf.search.indexes.registry import make_method
from rpf.search.oversampling import calibrate_oversampling
from rpf.search.two_stage import TwoStageSearcher
from rpf.utils.arrays import map_array, write_array
from rpf.utils.files import file_hash, write_atomic
from rpf.utils.progress import Progress

log = logging.getLogger(__name__)
AUTOMATIC = "auto"
EXACT = "exact"
LARGE = 10_000  # items from which on searching by an index is clearly better
MAX_BYTES = 2**16
FILE = "index.json"


@dataclass(frozen=True)
class IndexMetadata:
    """What index.json says."""

    method: str
    oversampling: tuple[float, ...]  # as rpf.search.oversampling says, for each number of attributes
    trained_on: int  # items when it was built; those added since are in it or not
    seal: str  # over the files, by this installation's key

    @classmethod
    def read(cls, folder: Path) -> "IndexMetadata":
        """Raises OSError, ValueError for what is malformed, ConfigError for a method that is not known."""
        with (folder / FILE).open("rb") as stream:
            data = json.loads(stream.read(MAX_BYTES))
        if not isinstance(data, dict) or data.keys() != {"method", "oversampling", "trained_on", "seal"}:
            raise ValueError(f"{FILE} has other keys than expected")
        method, oversampling, trained_on, seal = (data[key] for key in ("method", "oversampling", "trained_on", "seal"))
        numbers = isinstance(oversampling, list) and all(type(own) is float and 1 <= own <= 1e6 for own in oversampling)
        if not (numbers and isinstance(method, str) and type(trained_on) is int and isinstance(seal, str)):
            raise ValueError(f"{FILE} is malformed")
        make_method(method)
        return cls(method, tuple(oversampling), trained_on, seal)


def method_for(setting: str, count: int) -> str:
    """The method that a collection of `count` items is searched by, from the setting. Raises ConfigError."""
    if setting == AUTOMATIC:
        return "pca" if count >= LARGE else EXACT
    if setting != EXACT:
        make_method(setting)
    return setting


def method_in_use(collection: Collection) -> str | None:
    """The method of the collection's index, whether that can be used or not; None if it has none that says so."""
    try:
        return IndexMetadata.read(collection.index_folder).method if collection.index_folder else None
    except (OSError, ValueError, RPFError):
        return None


def validate_index(collection: Collection, key: str) -> str:
    """Why the collection's index is not one that this installation made and nobody changed; "" if all is well."""
    try:
        if collection.index_folder:
            _open(collection, key, thorough=True)
    except (OSError, ValueError, RPFError) as error:
        return str(error)
    return ""


def update_index(writer: Writer, setting: str, key: str, progress: Progress, anew: bool = False) -> str:
    """Give the collection the index that it should have by now, and return the method's name.

    An index takes in what was added, if its method can and it has not outgrown what it was trained on; else, and with
    `anew`, it is built. What a method cannot take in is scored exactly until it is a tenth of the collection.
    The setting "auto" keeps the method of an index that is there, whoever chose it, unless it is built `anew`.
    Raises ConfigError, SearchUnavailable, CollectionError; then everything is as it was.
    """
    collection = Collection.open(writer.folder)
    in_use = method_in_use(collection) if setting == AUTOMATIC and not anew else None
    name = in_use or method_for(setting, len(collection))
    old = _usable(collection, key)
    if name == EXACT or not len(collection):
        if collection.manifest.index:
            writer.put_index(None)
            _discard(old)
        return EXACT
    if old is not None and old.kept.method == name and not anew:
        fresh = np.setdiff1d(collection.ids, old.ids)
        gone = len(np.setdiff1d(old.ids, collection.ids))
        if len(collection) < 2 * old.kept.trained_on and gone < len(collection) / 4:
            if not len(fresh):
                return name
            rows = np.searchsorted(collection.ids, fresh)
            columns = [
                AttributeVectors(collection, a, rows, _teller(progress, collection, a)) for a in range(len(old.methods))
            ]
            if all(method.add(column) for method, column in zip(old.methods, columns, strict=True)):
                ids = np.concatenate([old.ids, fresh])
                kept = old.kept
                writer.put_index(lambda folder: _save(folder, kept, old.methods, ids, key))
                return name
            if len(fresh) < len(collection) / 10:
                return name
    methods = _built(collection, name, progress)
    try:
        made = IndexMetadata(name, tuple(calibrate_oversampling(collection, methods)), len(collection), "")
        writer.put_index(lambda folder: _save(folder, made, methods, collection.ids, key))
    except BaseException:
        if Collection.open(writer.folder).manifest.index == collection.manifest.index:  # the old one is in use still
            for method in methods:
                method.discard()
        raise
    _discard(old)
    return name


def open_index(collection: Collection, setting: str, key: str) -> Searcher:
    """What searches the collection: its index if it has one that can be used, else all of it exactly."""
    opened = None if setting == EXACT else _usable(collection, key)
    if opened is None:
        return Exact(collection)
    return TwoStageSearcher(collection, opened.methods, opened.ids, opened.kept.oversampling)


@dataclass(frozen=True)
class _Opened:
    kept: IndexMetadata
    methods: list[VectorIndex]
    ids: npt.NDArray[np.int64]


def _usable(collection: Collection, key: str) -> _Opened | None:
    """The collection's index, or None if it has none or a stranger's or damaged one, which the log tells."""
    if collection.index_folder is None:
        return None
    try:
        return _open(collection, key)
    except (OSError, ValueError, RPFError) as error:
        if not collection.changed():  # else a writer may have put another in its place
            log.warning(
                "The index of the collection %s is not used: %s. Make it anew with: python -m rpf compact %s",
                collection.name, error, collection.name,
            )  # fmt: skip
        return None


def _open(collection: Collection, key: str, thorough: bool = False) -> _Opened:
    """The index of a collection that has one. Raises OSError, ValueError or RPFError for one that cannot be used, or,
    where `thorough`, was changed in any way since this installation made it."""
    folder = collection.index_folder
    assert folder is not None
    kept = IndexMetadata.read(folder)
    methods = [make_method(kept.method) for _ in collection.manifest.attributes]
    # Files of a foreign library: it trusts what it reads, so they must be our own.
    if (thorough or any(method.trusting for method in methods)) and _seal(folder, kept, key) != kept.seal:
        raise ValueError("it was made by another installation, or changed")
    ids = np.array(map_array(folder.resolve(), folder / "ids.npy", np.int64, (None,)))
    if len(np.unique(ids)) != len(ids) or ids.min() < 0:
        raise ValueError("its ids are malformed")
    for attribute, method in enumerate(methods):
        method.open(folder / str(attribute), (len(ids), collection.manifest.dim))
    return _Opened(kept, methods, ids)


def _built(collection: Collection, name: str, progress: Progress) -> list[VectorIndex]:
    """A method for each attribute, built on all items."""
    methods: list[VectorIndex] = []
    try:
        for attribute, key in enumerate(collection.manifest.attributes):
            methods.append(make_method(name))
            methods[-1].label = f"{collection.name}_{key}"
            methods[-1].build(AttributeVectors(collection, attribute, tell=_teller(progress, collection, attribute)))
    except BaseException as error:
        for method in methods:
            method.discard()
        if isinstance(error, ValueError):  # what a method cannot make of these vectors, such as FAISS by its factory
            raise ConfigError("%(why)s", why=error) from error
        raise
    return methods


def _teller(progress: Progress, collection: Collection, attribute: int) -> Callable[[int], None]:
    """Tells the progress through one attribute's vectors as that through all attributes'."""
    total, before = len(collection), attribute * len(collection)
    return lambda done: progress("building the index", before + done, total * len(collection.manifest.attributes))


def _save(
    folder: Path, kept: IndexMetadata, methods: Sequence[VectorIndex], ids: npt.NDArray[np.int64], key: str
) -> None:
    write_array(folder / "ids.npy", np.int64, ids.shape, [ids])
    for attribute, method in enumerate(methods):
        (folder / str(attribute)).mkdir()
        method.save(folder / str(attribute))
    sealed = asdict(kept) | {"seal": _seal(folder, kept, key)}
    write_atomic(folder / FILE, json.dumps(sealed).encode())


def _seal(folder: Path, kept: IndexMetadata, key: str) -> str:
    """What only who knows the key can say of these files and what index.json says beside."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / FILE)
    hashes = {path.relative_to(folder).as_posix(): file_hash(path) for path in files}
    text = json.dumps([hashes, asdict(kept) | {"seal": ""}], sort_keys=True)
    return hmac.digest(key.encode(), text.encode(), "sha256").hex()


def _discard(opened: _Opened | None) -> None:
    for method in opened.methods if opened else ():
        method.discard()
