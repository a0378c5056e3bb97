"""Cases to send: each door with each image, or a pairwise choice of them, and each door with each added file.

TEST_ORDINARY=all sends all images in all sizes.
"""

import os
from itertools import product
from pathlib import Path

from rpf.ingest.scan import SUFFIXES
from tests.e2e.ordinary.doors import DOORS
from tests.e2e.ordinary.images import FORMATS, SIZES
from tests.e2e.ordinary.pairs import pairwise
from tests.support import ROOT

FILES = Path(__file__).parent / "files"
SHARED = ROOT.parent / "shared"
LARGEST = 2  # photographs of each folder
ALL = os.environ.get("TEST_ORDINARY") == "all"
FEW_SIZES = (0.1, 3, 50)  # megapixels: a thumbnail, a shop, the limit

Case = tuple[str, str, str]  # door, size ("12 MP", or "file"), format or file name


def sizes() -> dict[str, float]:
    """Return the sizes, in megapixels, by their names."""
    return {f"{megapixels} MP": megapixels for megapixels in (SIZES if ALL else FEW_SIZES)}


def drawn() -> list[Case]:
    """List doors with drawn images, all or a pairwise choice, in the images' order."""
    whole = [
        (door, size, name)
        for (size, megapixels), name, door in product(sizes().items(), FORMATS, DOORS)
        if megapixels <= FORMATS[name].max_megapixels
    ]
    return whole if ALL else sorted(pairwise(whole), key=whole.index)


def files() -> dict[str, Path]:
    """Find the files in `files`, and in ../shared, if present, its small failing inputs and largest photographs."""
    paths = [*FILES.iterdir(), *SHARED.glob("reports/*")]
    for folder in ("clothing/images", "street/images"):
        paths += sorted(SHARED.glob(f"{folder}/*"), key=lambda path: path.stat().st_size)[-LARGEST:]
    return {path.name: path for path in sorted(paths) if path.suffix.lower() in SUFFIXES}


def added() -> list[Case]:
    """Pair each door with each added file."""
    return [(door, "file", name) for name, door in product(files(), DOORS)]
