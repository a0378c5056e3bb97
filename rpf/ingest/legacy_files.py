"""Files of the earlier system: item ids (`c_idxs.npy`, in truth a joblib pickle) and embeddings (`data.h5`).

They come from others, so nothing in them is run, imported, followed or allocated on their word alone.
"""

import io
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
_HEADER = 4096  # joblib's description of an array takes some 220 bytes
_MAX_DIM = 16_384
_MAX_CHUNK = 2**30  # bytes; HDF5 reads a chunk whole


def read_ids(path: Path) -> np.ndarray:
    """Item ids, int64 (N,): from a .npy file, or from the joblib pickle that the earlier system named so.

    Raises CollectionError unless the file is whole and holds one array of different ids, none of them negative.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("it is not a file")
        size = status.st_size
        with path.open("rb") as file:
            start = file.read(len(_NPY))
            file.seek(0)
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
        template = "%(file)s is not a list of item ids: %(why)s."
        raise CollectionError(template, file=path, why=str(error)) from None
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
    """The pickled description of an array, padding (since joblib 1.2), the array's bytes, the end of the pickle."""
    header = file.read(_HEADER)
    array, end = _unpickle_description(header)
    shape, dtype = array.get("shape"), array.get("dtype")
    if array.get("subclass") != _Global("numpy", "ndarray") or array.get("order") != "C":
        raise ValueError("it holds no plain array")
    if dtype not in _INT64:
        raise ValueError("it holds an array of another type than int64")
    if not (isinstance(shape, tuple) and len(shape) == 1 and type(shape[0]) is int and shape[0] >= 0):
        raise ValueError("it holds an array of another shape than (N,)")
    aligned = array.get("numpy_array_alignment_bytes")
    if aligned not in (None, 16):
        raise ValueError("its array is aligned as joblib does not align")
    if aligned is not None:
        padding = 16 - (end + 1) % 16
        if header[end : end + 1 + padding] != bytes([padding]) + b"\xff" * padding:
            raise ValueError("the array does not begin where it should")
        end += 1 + padding
    if size != end + 8 * shape[0] + 1:
        raise ValueError(f"its size is not that of {shape[0]} ids")
    file.seek(end)
    data = file.read(8 * shape[0])
    if len(data) != 8 * shape[0] or file.read() != b".":
        raise ValueError("it does not end after the array")
    return np.frombuffer(data, dtype="<i8").astype(np.int64)


@dataclass(frozen=True)
class _Global:
    """A name that the pickle asks for. It is compared, never looked up."""

    module: str
    name: str


@dataclass
class _Object:
    """An object that the pickle asks to be made: of what, from which arguments, with which state. Nothing is made."""

    made_of: _Global
    arguments: tuple
    state: object = None


_WRAPPER = _Global("joblib.numpy_pickle", "NumpyArrayWrapper")
# numpy.dtype("<i8") as it is pickled; by old releases of NumPy with 0 and 1, which are equal to False and True.
_INT64 = [
    _Object(_Global("numpy", "dtype"), (name, False, True), (3, "<", None, None, None, -1, -1, 0))
    for name in ("i8", "<i8")
]


def _unpickle_description(header: bytes) -> tuple[dict[str, Any], int]:
    """The state of the NumpyArrayWrapper that a joblib pickle begins with, and where the array's bytes begin.

    An unpickler of just the operations that occur there. It makes numbers, texts, tuples, dictionaries, and inert
    records in place of the three classes; what else a pickle may hold, it refuses.
    """
    stream = io.BytesIO(header)
    stack: list[Any] = []
    memo: dict[int, Any] = {}
    try:
        for opcode, argument, _ in pickletools.genops(stream):
            name = opcode.name
            if name in ("PROTO", "FRAME"):
                pass
            elif name in ("SHORT_BINUNICODE", "BINUNICODE", "BININT", "BININT1", "BININT2"):
                stack.append(argument)
            elif name in _CONSTANTS:
                stack.append(_CONSTANTS[name])
            elif name == "EMPTY_DICT":
                stack.append({})
            elif name in ("MEMOIZE", "BINPUT"):
                memo[len(memo) if argument is None else int(argument)] = stack[-1]
            elif name == "BINGET":
                stack.append(memo[int(argument or 0)])
            elif name == "GLOBAL":
                stack.append(_Global(*str(argument).split(" ")))
            elif name == "STACK_GLOBAL":
                stack.append(_Global(*_pop(stack, 2, str)))
            elif name in ("TUPLE1", "TUPLE2", "TUPLE3"):
                stack.append(tuple(_pop(stack, int(name[-1]))))
            elif name == "TUPLE":
                stack.append(tuple(_pop_to_mark(stack)))
            elif name in ("NEWOBJ", "REDUCE"):
                (arguments,) = _pop(stack, 1, tuple)
                (made_of,) = _pop(stack, 1, _Global)
                stack.append(_Object(made_of, arguments))
            elif name == "SETITEMS":
                items = _pop_to_mark(stack)
                if not all(type(key) is str for key in items[::2]) or type(stack[-1]) is not dict:
                    raise ValueError("keys")  # a deep tuple as a key would take for ever to hash
                stack[-1].update(zip(items[::2], items[1::2], strict=True))
            elif name == "BUILD":
                state = stack.pop()
                (built,) = _pop(stack, 1, _Object)
                built.state = state
                stack.append(built)
                if built.made_of == _WRAPPER:
                    break
            else:
                raise ValueError(name)
        (wrapper,) = stack
        if not wrapper.arguments and type(wrapper.state) is dict:
            return wrapper.state, stream.tell()
        raise ValueError("no wrapper")
    except (ValueError, IndexError, KeyError, TypeError, AttributeError) as error:
        raise ValueError("it holds something else than one joblib array, or is damaged") from error


_MARK = object()
_CONSTANTS: dict[str, object] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": (), "MARK": _MARK}


def _pop(stack: list[Any], count: int, kind: type = object) -> list[Any]:
    """The topmost objects, lowest first, all of that kind."""
    taken = [stack.pop() for _ in range(count)][::-1]
    if not all(isinstance(item, kind) for item in taken):
        raise ValueError("kind")
    return taken


def _pop_to_mark(stack: list[Any]) -> list[Any]:
    taken = []
    while (item := stack.pop()) is not _MARK:
        taken.append(item)
    return taken[::-1]


@dataclass(frozen=True)
class Embeddings:
    """An HDF5 file with datasets attr0, attr1, ... of (count, dim) float32; it is opened only while it is read."""

    path: Path
    attributes: int
    count: int
    dim: int

    def batches(self, size: int = 1024) -> Iterator[np.ndarray]:
        """All items in order: (n, attributes, dim) float32, n <= size, each vector scaled to norm 1.

        Raises CollectionError at a vector that has no direction (zeros, or a number that is not finite), or when
        the file cannot be read.
        """
        for start in range(0, self.count, size):
            stop = min(start + size, self.count)
            yield self._read(start, stop)

    def _read(self, start: int, stop: int) -> np.ndarray:
        try:
            with h5py.File(self.path, "r", locking=False) as file:
                datasets = _datasets(file)
                if (len(datasets), *datasets[0].shape) != (self.attributes, self.count, self.dim):
                    raise ValueError("it has changed while it was read")
                raw = np.stack([dataset[start:stop] for dataset in datasets], axis=1)
        except _H5_ERRORS as error:
            raise _unreadable(self.path, error) from None
        norm = np.sqrt(np.einsum("nad,nad->na", raw, raw, dtype=np.float64))
        bad = np.argwhere(~(np.isfinite(norm) & (norm > 0)))
        if len(bad):
            row, attribute = bad[0]
            template = "%(file)s: row %(row)d of attr%(attribute)d has no direction (zeros, or not finite)."
            raise CollectionError(template, file=self.path, row=start + row, attribute=attribute)
        unit: np.ndarray = (raw / norm[..., None]).astype(np.float32)
        return unit


def read_embeddings(path: Path) -> Embeddings:
    """The embeddings that the earlier system keeps in data.h5. Raises CollectionError unless the file is as it should.

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
    """attr0, attr1, ..., checked: in this very file, float32, all of one shape (N, D)."""
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
        if dataset.chunks and 4 * dataset.chunks[0] * dataset.chunks[1] > _MAX_CHUNK:
            raise ValueError(f"{name} is stored in chunks of over a gigabyte")
        if datasets and dataset.shape != datasets[0].shape:
            raise ValueError(f"{name} is {dataset.shape}, attr0 is {datasets[0].shape}")
        datasets.append(dataset)
    return datasets
