"""Files of a search index: index.json, and a build folder.

index.json            IndexMetadata, swapped atomically
<build>/ids.npy       the items that the build covers, in its order
<build>/checksums.npy of their vectors
<build>/index/        the files of the index
"""

import secrets
import shutil
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rpf.collection import Collection
from rpf.search.attribute_vectors import indexed_dimension
from rpf.search.base import ROW_BATCH_SIZE, CandidateIndex, Oversampling
from rpf.search.indexes.registry import make_candidate_index, make_index
from rpf.search.score import power_for
from rpf.utils.arrays import map_array, write_array
from rpf.utils.files import file_hash, sync_files, write_atomic

METADATA_FILE = "index.json"
Factor = Annotated[float, Field(ge=1, le=1e6)]


class IndexOrigin(BaseModel):
    """What index.json says in every version."""

    model_config = ConfigDict(frozen=True, strict=True)

    folder: str  # of the collection that the index belongs to, resolved
    method: str

    def belongs_to(self, collection: Collection) -> bool:
        """Return False for the index of a copy of the collection, which has the same uuid."""
        return self.folder == str(collection.folder.resolve())


Origin = TypeVar("Origin", bound=IndexOrigin)


class IndexMetadata(IndexOrigin):
    """The content of index.json."""

    model_config = ConfigDict(extra="forbid")

    oversampling: tuple[tuple[Factor, Factor], ...]  # proposed and rescored, see `calibrate_oversampling`
    trained_on: int  # items
    presence_power: float = 0.0  # in the scores that it was built for (rpf.search.score)
    build: Annotated[str, Field(pattern="^[0-9a-f]{12}$")] = "0" * 12  # the folder of the files
    files: dict[str, str] = {}  # path in the build -> SHA-256

    def oversampling_factors(self) -> list[Oversampling]:
        """Return the factors for 1, 2, ... attributes."""
        return [Oversampling(*pair) for pair in self.oversampling]


@dataclass(frozen=True)
class StoredIndex:
    """An index in memory, as it is or will be on disk."""

    metadata: IndexMetadata
    index: CandidateIndex
    ids: npt.NDArray[np.int64]  # (n,) items that they cover, in their order
    checksums: npt.NDArray[np.uint32]  # (n,) of the vectors of those items


def read_metadata(folder: Path) -> IndexMetadata | None:
    """Read index.json, if any. Raises OSError; ValueError if it is malformed, ConfigError for an unknown method."""
    return _read(folder, IndexMetadata)


def read_origin(folder: Path) -> IndexOrigin | None:
    """Read index.json, if any, of this version or an earlier one. Raises as `read_metadata`."""
    return _read(folder, IndexOrigin)


def _read(folder: Path, kind: type[Origin]) -> Origin | None:
    try:
        origin = kind.model_validate_json((folder / METADATA_FILE).read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except ValidationError as error:
        raise ValueError(f"{METADATA_FILE} is malformed, or of another version") from error
    make_index(origin.method)
    return origin


def load_index(folder: Path, collection: Collection) -> StoredIndex | None:
    """Open the index in `folder`, if any, of the collection or a copy of it.

    Raises OSError, ValueError or RPFError for a damaged index.
    """
    metadata = read_metadata(folder)
    if metadata is None:
        return None
    if metadata.presence_power != power_for(collection.knows_presence):
        raise ValueError("it was built for another score")
    root = folder.resolve() / metadata.build
    ids = np.array(map_array(root, root / "ids.npy", np.int64, (None,)))
    checksums = np.array(map_array(root, root / "checksums.npy", np.uint32, (len(ids),)))
    ascending = np.sort(ids)  # np.unique takes five times as long
    if ascending[0] < 0 or (np.diff(ascending) == 0).any():
        raise ValueError("its ids are malformed")
    index = make_candidate_index(metadata.method, len(collection.manifest.spec.attributes))
    index.open(root / "index", (len(ids), indexed_dimension(collection)))
    return StoredIndex(metadata, index, ids, checksums)


def save_index(folder: Path, stored: StoredIndex) -> None:
    """Write a new build, swap index.json, and delete all other builds. Raises OSError."""
    build = folder / secrets.token_hex(6)
    try:
        build.mkdir()
        write_array(build / "ids.npy", np.int64, stored.ids.shape, [stored.ids])
        write_array(build / "checksums.npy", np.uint32, stored.checksums.shape, [stored.checksums])
        (build / "index").mkdir()
        stored.index.save(build / "index")
        sync_files(build)
        files = hash_files(build, _known_hashes(build, folder / stored.metadata.build, stored.metadata))
        metadata = stored.metadata.model_copy(update={"build": build.name, "files": files})
        write_atomic(folder / METADATA_FILE, metadata.model_dump_json().encode())
    except BaseException:
        shutil.rmtree(build, ignore_errors=True)
        raise
    for path in folder.iterdir():
        if path.is_dir() and path != build:
            shutil.rmtree(path, ignore_errors=True)


def hash_files(build: Path, known: Mapping[str, str]) -> dict[str, str]:
    """Hash every file of a build, but for those that are known: path -> SHA-256."""
    names = {path.relative_to(build).as_posix(): path for path in build.rglob("*") if path.is_file()}
    return {name: known.get(name) or file_hash(path) for name, path in names.items()}


def _known_hashes(build: Path, other: Path, metadata: IndexMetadata) -> dict[str, str]:
    """Return the hashes of the files that a build shares with the other one, of this metadata."""
    shared = dict[str, str]()
    for name, digest in metadata.files.items():
        with suppress(OSError):
            if (build / name).samefile(other / name):
                shared[name] = digest
    return shared


def compute_checksums(collection: Collection, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.uint32]:
    """Compute a checksum (n,) of each row's vector of the first attribute."""
    batches = (rows[start : start + ROW_BATCH_SIZE] for start in range(0, len(rows), ROW_BATCH_SIZE))
    return np.array([zlib.crc32(v.tobytes()) for batch in batches for v in collection.take(0, batch)], np.uint32)


def check_items(collection: Collection, stored: StoredIndex, count: int) -> None:
    """Raise ValueError if an id stands for another item than in the index, as after a restored backup was written.

    Only the `count` newest ids that both have are compared: ids are given in ascending order.
    """
    _, rows, positions = np.intersect1d(collection.ids, stored.ids, assume_unique=True, return_indices=True)
    if (compute_checksums(collection, rows[-count:]) != stored.checksums[positions[-count:]]).any():
        raise ValueError("it was built on other items")
