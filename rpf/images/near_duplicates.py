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
An image is compared with the first of each group of duplicates only (its *original*), so that a chain of small changes
cannot grow. Similar figures, and times, are in benchmarks/results/duplicates:

    python -m benchmarks duplicates luma/media clothing/images --out benchmarks/results/duplicates
"""

import imagehash
import numpy as np
import numpy.typing as npt
from PIL import Image

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


def fingerprint(image: Image.Image) -> bytes:
    """Compute the fingerprint, `FINGERPRINT_BYTES` long, of an RGB image."""
    small = image.resize((HASHED_SIDE, HASHED_SIDE), Image.Resampling.LANCZOS, reducing_gap=3.0)
    bits = imagehash.phash(small, hash_size=HASH_SIZE).hash
    colours = small.convert("YCbCr").resize((GRID_SIZE, GRID_SIZE), Image.Resampling.BILINEAR)
    return bytes([VERSION]) + np.packbits(bits).tobytes() + colours.tobytes()


def parse_fingerprints(data: bytes) -> Fingerprints:
    """Return fingerprints that stand one behind another as (n, FINGERPRINT_BYTES). Raises ValueError."""
    return np.frombuffer(data, np.uint8).reshape(-1, FINGERPRINT_BYTES)


def are_duplicates(image: Fingerprints, others: Fingerprints) -> npt.NDArray[np.bool_]:
    """Compare a fingerprint (FINGERPRINT_BYTES,) with others (n, FINGERPRINT_BYTES); return (n,)."""
    cells = (others[:, COLOURS].astype(np.int32) - image[COLOURS]).reshape(len(others), GRID_SIZE**2, 3)
    squares = (cells**2).sum(axis=2)
    close = (squares.max(axis=1) <= MAX_CELL_DISTANCE**2) & (squares.mean(axis=1) <= MAX_GRID_DISTANCE**2)
    return np.asarray(close & (hash_distances(image, hash_words(others)) <= MAX_HASH_DISTANCE))


def hash_words(fingerprints: Fingerprints) -> npt.NDArray[np.uint64]:
    """Return the hashes of (n, FINGERPRINT_BYTES) as (4, n) words, for `hash_distances`."""
    return np.ascontiguousarray(np.ascontiguousarray(fingerprints[:, HASH]).view(np.uint64).T)


def hash_distances(image: Fingerprints, words: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint16]:
    """Count the bits (n,) that differ between a fingerprint (FINGERPRINT_BYTES,) and hashes (4, n).

    Fingerprints of another version than ours differ in all.
    """
    if image[0] != VERSION:
        return np.full(words.shape[1], HASH_SIZE**2, np.uint16)
    return np.bitwise_count(words ^ hash_words(image[None])).sum(axis=0, dtype=np.uint16)
