"""Arrays in .npy files, which may come from strangers."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def write_array(path: Path, dtype: npt.DTypeLike, shape: tuple[int, ...], blocks: Iterable[Array]) -> None:
    """Write blocks in C order as one .npy array of that dtype and shape, and sync it.

    As a stream: a memory map would hold dirty pages, and would end the process by SIGBUS on a full disk.
    """
    dtype = np.dtype(dtype)
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    with path.open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, header)
        for block in blocks:
            stream.write(np.ascontiguousarray(block, dtype=dtype).data)
        stream.flush()
        os.fsync(stream.fileno())


def map_array(root: Path, path: Path, dtype: npt.DTypeLike, shape: tuple[int | None, ...]) -> Array:
    """Map the .npy file `path` read-only; None in `shape` is any number above 0.

    Raises FileNotFoundError if it is missing, ValueError if it lies outside `root` or is not a C-ordered array of that
    dtype and shape.
    """
    if not path.resolve(strict=True).is_relative_to(root):
        raise ValueError(f"{path.name} leads outside of the collection")
    try:
        mapped = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, TypeError, SyntaxError, OverflowError) as error:
        raise ValueError(f"{path.name} is not a NumPy array: {error}") from error
    if not isinstance(mapped, np.memmap):
        raise ValueError(f"{path.name} is not a NumPy array")
    fits = len(mapped.shape) == len(shape) and all(
        have > 0 and want in (None, have) for have, want in zip(mapped.shape, shape, strict=True)
    )
    if mapped.dtype != np.dtype(dtype) or not fits or not mapped.flags.c_contiguous:
        raise ValueError(f"{path.name} has {mapped.dtype} {mapped.shape} where {np.dtype(dtype)} {shape} is expected")
    return np.asarray(mapped)
