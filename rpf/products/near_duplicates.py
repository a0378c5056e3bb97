"""Near-duplicates: one image in other sizes, formats and qualities, by perceptual hash and colours.

Perceptual hashes read brightness only, so that colours of one cut have the same. A fingerprint therefore has two parts:
the 256-bit pHash of the library ImageHash, and the colours of a grid of 12 x 12 cells. Two images are duplicates where
both are close.

The size of the grid was chosen on 750 images (a shop's photographs, garments alone, drawn garments), the limits on half
of them. On the other half:

- 99.4% of 5,776 copies find their original: resized to 0.25 to 0.8, JPEG of quality 30 to 90, WebP, sharpened, or
  several of these. Two thirds of the missed ones are a quarter as large, and JPEG of quality 30;
- no two colours of a product are joined (206 pairs), nor other photographs of it (416), nor drawn garments of one kind
  (4,720); of 3,024 pairs of a copy with another colour, two, whose colours differ in a thin trim only.

Of 11 million pairs of different images, none is joined. Copies that are cut off or have margins are not recognised.
Similar figures, and times, are in benchmarks/results/duplicates:

    python -m benchmarks duplicates luma/media clothing/images --out benchmarks/results/duplicates
"""

from typing import Any

import imagehash
import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.fft import dct
from scipy.spatial import KDTree

Fingerprints = npt.NDArray[np.uint8]

VERSION = 1  # the first byte of a fingerprint; one with another is a duplicate of nothing
HASH_SIZE = 16  # rows and columns of bits
HASHED_SIDE = 4 * HASH_SIZE  # pixels, as ImageHash has it
GRID_SIZE = 12  # rows and columns of cells, each with Y, Cb and Cr
HASH = slice(1, 1 + HASH_SIZE**2 // 8)
COLOURS = slice(HASH.stop, HASH.stop + 3 * GRID_SIZE**2)
FINGERPRINT_BYTES = COLOURS.stop

MAX_HASH_DISTANCE = 32  # bits
MAX_CELL_DISTANCE = 7.5  # levels (0 to 255), Euclidean over Y, Cb and Cr, of any cell
MAX_GRID_DISTANCE = 3.5  # the same, as root mean square of all cells

SEARCH_BATCH_SIZE = 16  # rows; small, as each may be close to all others
ROW_BATCH_SIZE = 8192
WAVES = dct(np.eye(GRID_SIZE), axis=0, norm="ortho")  # orthonormal, the longest first


def fingerprint(image: Image.Image) -> bytes:
    """Compute the fingerprint, `FINGERPRINT_BYTES` long, of an RGB image."""
    small = image.resize((HASHED_SIDE, HASHED_SIDE), Image.Resampling.LANCZOS, reducing_gap=3.0)
    bits = imagehash.phash(small, hash_size=HASH_SIZE).hash
    colours = small.convert("YCbCr").resize((GRID_SIZE, GRID_SIZE), Image.Resampling.BILINEAR)
    return bytes([VERSION]) + np.packbits(bits).tobytes() + colours.tobytes()


def find_duplicate(fingerprints: Fingerprints, image: bytes) -> int:
    """Return the first of the rows (n, FINGERPRINT_BYTES) that is a duplicate of an image's fingerprint, or -1.

    Over the first members of groups, it gives the group that `join` would put the image into as the last row.
    """
    duplicates = np.flatnonzero(_are_duplicates(np.frombuffer(image, np.uint8), fingerprints))
    return int(duplicates[0]) if len(duplicates) else -1


def join(fingerprints: Fingerprints) -> npt.NDArray[np.int64]:
    """Group near-duplicates: the row of the first member of its group for each row of (n, FINGERPRINT_BYTES).

    Each row, in their order, joins the earliest group of whose first member it is a duplicate, or begins a group. Other
    members do not count, so that a chain of small changes cannot grow: two members are at most twice the limits apart.
    Where being duplicates is transitive, the order of the rows does not matter.
    """
    usable = np.flatnonzero(fingerprints[:, 0] == VERSION)
    rows = fingerprints[usable]
    first = np.arange(len(rows))
    points = _project(rows)
    tree = KDTree(points)
    for start in range(0, len(rows), SEARCH_BATCH_SIZE):
        batch = np.arange(start, min(start + SEARCH_BATCH_SIZE, len(rows)))
        batch = batch[first[batch] == batch]
        near_rows = tree.query_ball_point(points[batch], MAX_GRID_DISTANCE * GRID_SIZE)
        for row, near in zip(batch, near_rows, strict=True):
            if len(near) > 1 and first[row] == row:  # an earlier row of the batch may have taken it
                later = np.array(near)
                later = later[(later > row) & (first[later] == later)]
                first[later[_are_duplicates(rows[row], rows[later])]] = row
    groups = np.arange(len(fingerprints))
    groups[usable] = usable[first]
    return groups


def _are_duplicates(image: Fingerprints, others: Fingerprints) -> npt.NDArray[np.bool_]:
    """Compare a fingerprint (FINGERPRINT_BYTES,) with others (n, FINGERPRINT_BYTES)."""
    differing = (others[:, HASH] ^ image[HASH]).view(np.uint64)
    duplicates = np.bitwise_count(differing).sum(axis=1, dtype=np.int64) <= MAX_HASH_DISTANCE
    duplicates &= (others[:, 0] == VERSION) & (image[0] == VERSION)
    close = np.flatnonzero(duplicates)
    for start in range(0, len(close), ROW_BATCH_SIZE):
        rows = close[start : start + ROW_BATCH_SIZE]
        cells = (others[rows, COLOURS].astype(np.int32) - image[COLOURS]).reshape(len(rows), GRID_SIZE**2, 3)
        squares = (cells**2).sum(axis=2)
        within_limits = (squares.max(axis=1) <= MAX_CELL_DISTANCE**2) & (squares.mean(axis=1) <= MAX_GRID_DISTANCE**2)
        duplicates[rows] = within_limits
    return duplicates


def _project(fingerprints: Fingerprints) -> npt.NDArray[Any]:
    """Project grids of colours onto eight directions in which images differ much.

    The directions are orthonormal: duplicates are at most MAX_GRID_DISTANCE * GRID_SIZE apart, and little else is.
    """
    points = np.empty((len(fingerprints), 8))
    for start in range(0, len(points), ROW_BATCH_SIZE):
        batch = slice(start, start + ROW_BATCH_SIZE)
        cells = fingerprints[batch, COLOURS].reshape(-1, GRID_SIZE, GRID_SIZE, 3)
        brightness = np.einsum("ui,nij,vj->nuv", WAVES[:2], cells[..., 0], WAVES[:3], optimize=True)
        points[batch, :6] = brightness.reshape(-1, 6)
        points[batch, 6:] = cells[..., 1:].mean(axis=(1, 2)) * GRID_SIZE
    return points
