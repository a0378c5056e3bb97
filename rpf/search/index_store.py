"""Search indexes as a cache of this installation: <instance>/indexes/<collection uuid>/.

Indexes are built and opened here only. A collection that was copied has the uuid of the original and another folder:
it is searched exactly until its own index is built. An old build is deleted after the swap; searchers keep the files
that they have mapped. rpf.search.stored_index has the format.
"""

import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from rpf.collection import Collection, read_manifest
from rpf.errors import CollectionBusy, ConfigError, RPFError, SearchUnavailable
from rpf.search.attribute_vectors import AttributeVectors
from rpf.search.base import Searcher
from rpf.search.exact import Exact
from rpf.search.indexes.milvus import drop_collections, saved_collections
from rpf.search.indexes.registry import make_candidate_index, make_index
from rpf.search.oversampling import calibrate_oversampling
from rpf.search.score import power_for
from rpf.search.stored_index import (
    METADATA_FILE,
    IndexMetadata,
    StoredIndex,
    check_items,
    compute_checksums,
    hash_files,
    load_index,
    read_metadata,
    read_origin,
    save_index,
)
from rpf.search.two_stage import TwoStageSearcher
from rpf.utils.locks import locked
from rpf.utils.progress import Progress

log = logging.getLogger(__name__)
AUTO = "auto"
EXACT = "exact"
LARGE_COLLECTION = 10_000  # items from which on an index is clearly faster than exact search
MAX_GROWTH = 2  # times the items that an index was trained on; a larger collection gets a new one
MAX_REMOVED_SHARE = 1 / 4  # of the items; an index with more removed items is built again
MAX_UNINDEXED_SHARE = 1 / 10  # of the items, which are scored exactly where the index cannot grow
CHECKED_ITEMS = 64  # newest ones, whose vectors are compared with the index each time it is opened
LOCK_SECONDS = 600.0  # to wait for another build, of a copy of the collection


def check_index_method(method: str) -> None:
    """Raise ConfigError unless `method` is "auto", "exact" or a method of the registry."""
    if method not in (AUTO, EXACT):
        make_index(method)


def choose_method(method: str, items: int) -> str:
    """Return the method of a new index over so many items, on which "auto" depends. Raises ConfigError."""
    check_index_method(method)
    if method == AUTO:
        return "pca" if items >= LARGE_COLLECTION else EXACT
    return method


def index_method(collection: Collection, indexes: Path) -> str | None:
    """Return the method of the collection's index, usable or not, or of an earlier version; None if it has no index."""
    with suppress(OSError, ValueError, RPFError):
        origin = read_origin(_folder(collection, indexes))
        if origin and origin.belongs_to(collection):
            return origin.method
    return None


def lacks_index(collection: Collection, searcher: Searcher, indexes: Path, method: str) -> bool:
    """Return whether "auto" searches exactly only until an index is built, or built again.

    Not for a copy in the same installation, whose index would take the place of the original's.
    """
    if method != AUTO or not isinstance(searcher, Exact) or _wanted_method(collection, indexes) == EXACT:
        return False
    with suppress(OSError, ValueError, RPFError):
        origin = read_origin(_folder(collection, indexes))
        if origin and not origin.belongs_to(collection):
            return read_manifest(Path(origin.folder))[0].uuid != collection.manifest.uuid
    return True


def index_stamp(collection: Collection, indexes: Path) -> tuple[int, int] | None:
    """Return what changes whenever the collection's index is replaced; None if it has no index."""
    try:
        status = os.stat(_folder(collection, indexes) / METADATA_FILE)
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns


def open_searcher(collection: Collection, indexes: Path, method: str) -> Searcher:
    """Open the collection's index if it has one that fits; else, and for "exact", search exactly."""
    stored = None if method == EXACT else _load_or_warn(collection, indexes)
    if stored is None:
        return Exact(collection)
    return TwoStageSearcher(collection, stored.index, stored.ids, stored.metadata.oversampling_factors())


def validate_index(collection: Collection, indexes: Path) -> str:
    """Read every file of the collection's index, and return what is wrong; "" for a sound index or none."""
    folder, stamp, problem = _folder(collection, indexes), index_stamp(collection, indexes), ""
    try:
        stored = _load(collection, folder)
        if stored is not None:
            check_items(collection, stored, len(collection))
            if hash_files(folder / stored.metadata.build, {}) != stored.metadata.files:
                problem = "its files were changed"
    except (OSError, ValueError, RPFError) as error:
        problem = str(error)
    if problem and index_stamp(collection, indexes) != stamp:  # another process has replaced it meanwhile
        return validate_index(collection, indexes)
    return problem


def update_index(
    collection: Collection,
    indexes: Path,
    method: str,
    progress: Progress,
    *,
    rebuild: bool = False,
    wait: float = LOCK_SECONDS,
) -> str:
    """Bring the collection's index up to date with this generation, and return the method in use.

    An index that can grow takes in what was added, until the collection has outgrown what it was trained on. "auto"
    keeps the method of an existing index, chosen by hand or not, unless `rebuild`.
    Raises CollectionBusy if another process builds it for more than `wait` seconds, ConfigError, SearchUnavailable;
    then the index is as before.
    """
    keeps = method == AUTO and not rebuild
    name = _wanted_method(collection, indexes) if keeps else _possible_method(collection, method)
    folder = _folder(collection, indexes)
    if name == EXACT:
        _delete(collection, folder)
        return EXACT
    with _writing(folder, wait):
        stored = None if rebuild else _load_or_warn(collection, indexes)
        if stored is None or stored.metadata.method != name or not _extend(collection, folder, stored, progress):
            _build(collection, folder, name, progress)
    return name


def _wanted_method(collection: Collection, indexes: Path) -> str:
    """Return the method that "auto" stands for: that of an existing index, chosen by hand or not."""
    return _possible_method(collection, index_method(collection, indexes) or AUTO)


def _possible_method(collection: Collection, method: str) -> str:
    name = choose_method(method, len(collection))
    return name if len(collection) and collection.manifest.uuid else EXACT


def _folder(collection: Collection, indexes: Path) -> Path:
    return indexes / (collection.manifest.uuid or "none")  # format 1 has no uuid before the first write, and no index


def _load(collection: Collection, folder: Path) -> StoredIndex | None:
    """Open the collection's index, but not that of a copy of it. Raises as `load_index`."""
    metadata = read_metadata(folder)
    return load_index(folder, collection) if metadata and metadata.belongs_to(collection) else None


def _load_or_warn(collection: Collection, indexes: Path) -> StoredIndex | None:
    """Open the collection's index; None, and a warning in the log, if it cannot be used."""
    stamp = index_stamp(collection, indexes)
    try:
        stored = _load(collection, _folder(collection, indexes))
        if stored is not None:
            check_items(collection, stored, CHECKED_ITEMS)
        return stored
    except (OSError, ValueError, RPFError) as error:
        if index_stamp(collection, indexes) == stamp:  # else another process has just replaced it
            log.warning(
                'The search index of "%s" is not used: %s. Build it again with: rpf build-index %s',
                collection.name, error, collection.name,
            )  # fmt: skip
        return None


def _extend(collection: Collection, folder: Path, stored: StoredIndex, progress: Progress) -> bool:
    """Add the items that the index does not have yet; return False if it has to be built again."""
    items = len(collection)
    fresh = np.setdiff1d(collection.ids, stored.ids, assume_unique=True)  # else 100 times as long
    removed = len(np.setdiff1d(stored.ids, collection.ids, assume_unique=True))
    if items >= MAX_GROWTH * stored.metadata.trained_on or removed >= MAX_REMOVED_SHARE * items:
        return False
    if not len(fresh):
        return True
    rows = np.searchsorted(collection.ids, fresh)
    attributes = range(len(collection.manifest.spec.attributes))
    if not stored.index.add([AttributeVectors(collection, attribute, rows, progress) for attribute in attributes]):
        return len(fresh) < MAX_UNINDEXED_SHARE * items
    ids = np.concatenate([stored.ids, fresh])
    checksums = np.concatenate([stored.checksums, compute_checksums(collection, rows)])
    save_index(folder, replace(stored, ids=ids, checksums=checksums))
    return True


def _build(collection: Collection, folder: Path, method: str, progress: Progress) -> None:
    """Build an index on all items, and discard the index that it replaces."""
    replaced = saved_collections(folder)
    attributes = range(len(collection.manifest.spec.attributes))
    index = make_candidate_index(method, len(attributes))
    try:
        index.build([AttributeVectors(collection, attribute, progress=progress) for attribute in attributes])
        metadata = IndexMetadata(
            folder=str(collection.folder.resolve()),
            method=method,
            oversampling=tuple(calibrate_oversampling(collection, index)),
            trained_on=len(collection),
            presence_power=power_for(collection.knows_presence),
        )
        checksums = compute_checksums(collection, np.arange(len(collection)))
        save_index(folder, StoredIndex(metadata, index, collection.ids, checksums))
    except BaseException as error:
        index.discard()
        if isinstance(error, ValueError):  # such as FAISS's, for a factory string that does not fit the vectors
            raise ConfigError("%(why)s", why=error) from error
        raise
    drop_collections(replaced)


def _delete(collection: Collection, folder: Path) -> None:
    """Delete the collection's index, but not that of a copy of it."""
    try:
        if _load(collection, folder) is None:
            return
    except (OSError, ValueError, RPFError) as error:
        log.warning('The search index of "%s" was damaged, and is deleted: %s', collection.name, error)
    with _writing(folder, LOCK_SECONDS):
        deleted = saved_collections(folder)
        (folder / METADATA_FILE).unlink(missing_ok=True)
        shutil.rmtree(folder)
    drop_collections(deleted)


@contextmanager
def _writing(folder: Path, wait: float) -> Iterator[None]:
    """Lock the folder of an index, made if need be. Raises CollectionBusy, ConfigError if it cannot be written."""
    try:
        with locked(folder, wait):
            yield
    except CollectionBusy as error:
        raise CollectionBusy(
            "Another process is building this search index. The collection itself is up to date; the next command "
            "brings its index up to date."
        ) from error
    except SearchUnavailable as error:
        raise SearchUnavailable(
            "%(why)s The collection itself is up to date; the next command brings its index up to date.", why=error
        ) from error
    except OSError as error:
        raise ConfigError(
            'The search index cannot be written to "%(folder)s": %(why)s. Make room, or set RPF_INSTANCE to a folder '
            "that can be written. The collection itself is up to date.",
            folder=folder.parent, why=error.strerror or error,
        ) from error  # fmt: skip
