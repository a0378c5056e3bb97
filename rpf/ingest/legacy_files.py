"""Files of the earlier system: item ids (`c_idxs.npy`, a joblib pickle in spite of its name), embeddings (`data.h5`).

They come from strangers: nothing in them is executed, imported or followed, and no size in them is trusted.
"""

import io
import itertools
import pickletools
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import h5py
import numpy as np

from rpf.errors import CollectionError

_NPY = b"\x93NUMPY"
_PICKLE = b"\x80"
_COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x5d\x00\x00", b"\x78", b"\x04\x22\x4d\x18", b"ZF")
_HEADER_BYTES = 4096  # joblib's description of an array takes about 220
_MAX_DIM = 16_384
_MAX_CHUNK_BYTES = 2**30  # HDF5 reads a chunk whole


def read_ids(path: Path) -> np.ndarray:
    """Read item ids, int64 (N,), from a .npy file, or from the joblib pickle that the earlier system named so.

    Raises CollectionError unless the file is complete and holds one array of different ids, none of them negative.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("it is not a file")
        size = status.st_size
        with path.open("rb") as file:
            start = file.peek(len(_NPY))[: len(_NPY)]
            if start == _NPY:
                ids = _read_npy(path, size)
            elif start.startswith(_PICKLE):
                ids = _read_joblib(file, size)
            elif start.startswith(_COMPRESSED):
                raise ValueError("it is compressed; save it again without compression")
            else:
                raise ValueError("it is neither a .npy file nor a joblib pickle of an array")
        if len(ids) and ids.min() < 0:
            raise ValueError(f"it holds the negative id {ids.min()}")
        if len(np.unique(ids)) != len(ids):
            raise ValueError("it holds an id more than once")
    except OSError as error:
        raise CollectionError("%(file)s: %(why)s.", file=path, why=error.strerror or "cannot be read") from None
    except ValueError as error:
        raise CollectionError("%(file)s is not a list of item ids: %(why)s.", file=path, why=str(error)) from None
    return ids


def _read_npy(path: Path, size: int) -> np.ndarray:
    try:
        # A map allocates nothing, and fails where the header promises more than the file holds.
        array: Any = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # NumPy's header parser fails on damaged files in many ways, SyntaxError among them
        raise ValueError("the .npy file is damaged") from error
    if array.dtype != np.dtype("<i8") or array.ndim != 1:
        raise ValueError(f"int64 (N,) is expected, it holds {array.dtype} {array.shape}")
    if array.offset + array.nbytes != size:
        raise ValueError("its size is not what its header says")
    return np.array(array)


def _read_joblib(file: BinaryIO, size: int) -> np.ndarray:
    """Read the pickled description of an array, padding (since joblib 1.2), the array's bytes, the pickle's end."""
    header = file.read(_HEADER_BYTES)
    count, aligned, end = _read_description(header)
    if aligned:
        padding = 16 - (end + 1) % 16
        if header[end : end + 1 + padding] != bytes([padding]) + b"\xff" * padding:
            raise ValueError("the array does not begin where it should")
        end += 1 + padding
    if size != end + 8 * count + 1:
        raise ValueError(f"its size is not that of {count} ids")
    file.seek(end)
    data = file.read(8 * count)
    if len(data) != 8 * count or file.read() != b".":
        raise ValueError("it does not end after the array")
    return np.frombuffer(data, dtype="<i8").astype(np.int64)


def _read_description(header: bytes) -> tuple[int, bool, int]:
    """Return the length of the array, whether its bytes are aligned, and where its description ends.

    The operations of the pickle are compared with those that joblib writes for an int64 array; none is executed. An
    Unpickler with an allow-list would not do: it allocates and hashes on the pickle's word alone.
    """
    stream = io.BytesIO(header)
    tokens: list[Any] = []  # operations as tuples, so that no text can pass for one
    memo: dict[int | None, Any] = {}
    try:
        for opcode, argument, _ in pickletools.genops(stream):
            if opcode.name in ("MEMOIZE", "BINPUT"):
                memo[len(memo) if argument is None else argument] = tokens[-1]
            elif opcode.name == "BINGET":
                tokens.append(memo[argument])
            elif opcode.name == "GLOBAL":
                tokens += [*str(argument).split(" "), ("STACK_GLOBAL",)]
            elif opcode.name in _CONSTANTS:
                tokens.append(_CONSTANTS[opcode.name])
            elif opcode.name not in ("PROTO", "FRAME"):
                tokens.append((opcode.name,) if argument is None else argument)
            if tokens.count(("BUILD",)) == 2:
                break
        count = tokens[_description(0, "", False, False).index("shape") + 1]
        if type(count) is int and count >= 0:
            for code, mmap, aligned in itertools.product(("i8", "<i8"), (False, True), (False, True)):
                if tokens == _description(count, code, mmap, aligned):
                    return count, aligned, stream.tell()
    except (ValueError, IndexError, KeyError, TypeError, AttributeError) as error:
        raise ValueError("it is damaged, or not a joblib pickle") from error
    raise ValueError("it holds something else than one plain int64 array (N,)")


_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}


def _description(count: int, code: str, mmap: bool, aligned: bool) -> list[Any]:
    """List the operations of a pickled NumpyArrayWrapper, less framing and memos; old NumPy wrote 0, 1 for booleans."""
    name = ("STACK_GLOBAL",)
    alignment = ["numpy_array_alignment_bytes", 16] if aligned else []
    return [
        "joblib.numpy_pickle", "NumpyArrayWrapper", name, ("EMPTY_TUPLE",), ("NEWOBJ",), ("EMPTY_DICT",), ("MARK",),
        "subclass", "numpy", "ndarray", name, "shape", count, ("TUPLE1",), "order", "C",
        "dtype", "numpy", "dtype", name, code, False, True, ("TUPLE3",), ("REDUCE",),
        ("MARK",), 3, "<", None, None, None, -1, -1, 0, ("TUPLE",), ("BUILD",),
        "allow_mmap", mmap, *alignment, ("SETITEMS",), ("BUILD",),
    ]  # fmt: skip


@dataclass(frozen=True)
class Embeddings:
    """HDF5 file with datasets attr0, attr1, ... of (count, dim) float32; it is opened only while it is read."""

    path: Path
    attributes: int
    count: int
    dim: int

    def batches(self, size: int = 1024) -> Iterator[np.ndarray]:
        """Yield all items in order: (n, attributes, dim) float32, n <= size, each vector scaled to norm 1.

        Raises CollectionError at a vector that has no direction (zeros, or a number that is not finite), or when
        the file cannot be read.
        """
        for start in range(0, self.count, size):
            try:
                with h5py.File(self.path, "r", locking=False) as file:
                    datasets = _datasets(file)
                    if (len(datasets), *datasets[0].shape) != (self.attributes, self.count, self.dim):
                        raise ValueError("it has changed while it was read")
                    raw = np.stack([dataset[start : start + size] for dataset in datasets], axis=1)
            except _H5_ERRORS as error:
                raise _unreadable(self.path, error) from None
            norm = np.sqrt(np.einsum("nad,nad->na", raw, raw, dtype=np.float64))
            bad = np.argwhere(~(np.isfinite(norm) & (norm > 0)))
            if len(bad):
                raise CollectionError(
                    "%(file)s: row %(row)d of attr%(attribute)d has no direction (zeros, or not finite).",
                    file=self.path,
                    row=start + bad[0][0],
                    attribute=bad[0][1],
                )
            yield (raw / norm[..., None]).astype(np.float32)


def read_embeddings(path: Path) -> Embeddings:
    """Open the embeddings in data.h5. Raises CollectionError for an unexpected layout.

    `count` is what the file claims; compare it with the number of ids before reading.
    """
    try:
        with h5py.File(path, "r", locking=False) as file:
            datasets = _datasets(file)
            return Embeddings(path, len(datasets), *datasets[0].shape)
    except _H5_ERRORS as error:
        raise _unreadable(path, error) from None


_H5_ERRORS = (OSError, ValueError, TypeError, KeyError, RuntimeError)  # h5py raises all of these on damaged files


def _unreadable(path: Path, error: Exception) -> CollectionError:
    if isinstance(error, FileNotFoundError):
        return CollectionError("%(file)s: there is no such file.", file=path)
    why = str(error) if type(error) is ValueError else "it is damaged, or not an HDF5 file"
    return CollectionError("%(file)s cannot be read as embeddings: %(why)s.", file=path, why=why)


def _datasets(file: h5py.File) -> Sequence[h5py.Dataset]:
    """Return attr0, attr1, ..., checked: in this very file, float32, all of one shape (N, D)."""
    names = [name for name in file if name.startswith("attr")]
    if not names or set(names) != {f"attr{number}" for number in range(len(names))}:
        raise ValueError("datasets attr0, attr1, ... are expected, without a gap")
    datasets: list[h5py.Dataset] = []
    for number in range(len(names)):
        name = f"attr{number}"
        # A link, a virtual dataset or one with its data elsewhere could have us read any file of this machine.
        if type(file.get(name, getlink=True)) is not h5py.HardLink:
            raise ValueError(f"{name} is a link")
        dataset = file[name]
        if not isinstance(dataset, h5py.Dataset):
            raise ValueError(f"{name} is not a dataset")
        if dataset.is_virtual or dataset.external:
            raise ValueError(f"the data of {name} lie in another file")
        if dataset.dtype != np.float32 or dataset.ndim != 2 or not 0 < dataset.shape[1] <= _MAX_DIM:
            raise ValueError(f"{name} is {dataset.dtype} {dataset.shape}, float32 (N, D) is expected")
        if dataset.chunks and 4 * dataset.chunks[0] * dataset.chunks[1] > _MAX_CHUNK_BYTES:
            raise ValueError(f"{name} is stored in chunks of over a gigabyte")
        if datasets and dataset.shape != datasets[0].shape:
            raise ValueError(f"{name} is {dataset.shape}, attr0 is {datasets[0].shape}")
        datasets.append(dataset)
    return datasets
