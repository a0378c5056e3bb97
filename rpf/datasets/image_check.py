"""Check of a dataset's image files, before a run reads them."""

import io
import warnings
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from PIL import Image

from rpf.datasets.annotations import LabelledImage, missing_images
from rpf.errors import BadImage, DatasetError
from rpf.images.decode import FORMATS, open_image, read
from rpf.utils.cores import usable_cores
from rpf.utils.progress import Progress
from rpf.utils.text import EXAMPLES, format_examples

FAULTS = ("missing", "unreadable", "empty", "not an image", "damaged", "too small or too large")


class ImageCheck:
    """Decodes every image that a run will read, each once, and records the bad ones.

    skip_bad: leave bad images out, instead of raising an error.
    """

    def __init__(self, skip_bad: bool = False, progress: Progress = lambda phase, done, total: None) -> None:
        self._skip_bad, self._progress = skip_bad, progress
        self._faults: dict[Path, str] = {}  # of each checked image, "" for a good one

    def check(self, folder: Path, images: Iterable[LabelledImage]) -> None:
        """Check images below a folder. Raises DatasetError for a path that leads out of it."""
        new = list({image.path: image for image in images if folder / image.path not in self._faults}.values())
        self._faults |= dict.fromkeys((folder / path for path in missing_images(folder, new)), "missing")
        paths = [path for image in new if (path := folder / image.path) not in self._faults]
        total = len(self._faults) + len(paths)
        with ThreadPoolExecutor(usable_cores()) as pool:
            for path, fault in zip(paths, pool.map(_fault, paths), strict=True):
                self._faults[path] = fault
                self._progress("checking images", len(self._faults), total)

    def bad_paths(self, folder: Path, images: Iterable[LabelledImage]) -> set[str]:
        """Check images and return the bad ones' paths below the folder. Raises as `check` and `raise_for_bad`."""
        images = list(images)
        self.check(folder, images)
        self.raise_for_bad()
        return {image.path for image in images if self._faults[folder / image.path]}

    def raise_for_bad(self) -> None:
        """Raise one DatasetError for all bad images, unless they are left out."""
        if (skipped := self.skipped()) and not self._skip_bad:
            raise DatasetError(
                "%(bad)d of the %(total)d images cannot be used: %(faults)s. "
                "Repair these files, or leave them out with --skip-bad.",
                bad=skipped["images"], total=len(self._faults), faults=describe(skipped),
            )  # fmt: skip

    def skipped(self) -> dict[str, Any]:
        """Summarise the bad images as in report.json; empty if there are none.

        {"images": number, each of FAULTS: number, "examples": {fault: up to EXAMPLES paths}}
        """
        paths = {fault: [str(path) for path in self._faults if self._faults[path] == fault] for fault in FAULTS}
        counts = {fault: len(bad) for fault, bad in paths.items() if bad}
        if not counts:
            return {}
        examples = {fault: paths[fault][:EXAMPLES] for fault in counts}
        return {"images": sum(counts.values()), **counts, "examples": examples}


def open_checked(path: Path) -> Image.Image:
    """Open an image of a dataset. Raises DatasetError if it has become unreadable since its check."""
    try:
        return open_image(path)
    except (BadImage, OSError) as error:
        raise DatasetError("%(path)s: %(why)s", path=path, why=error) from None


def describe(skipped: Mapping[str, Any]) -> str:
    """Format the result of `ImageCheck.skipped`: "2 missing (a.jpg, b.jpg), 1 empty (c.jpg)"."""
    return ", ".join(
        f"{skipped[fault]} {fault} {format_examples(paths, skipped[fault])}"
        for fault, paths in skipped["examples"].items()
    )


def _fault(path: Path) -> str:
    """Return the fault of an existing image, "" for none. Decodes it, as headers do not show that it is cut off."""
    try:
        data = read(path)
        if not data:
            return "empty"
        open_image(data)
    except OSError:
        return "unreadable"
    except BadImage as error:
        if error.params:  # a limit
            return "too small or too large"
        return "damaged" if _has_header(data) else "not an image"
    return ""


def _has_header(data: bytes) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            Image.open(io.BytesIO(data), formats=FORMATS).close()
    except Exception:  # decoders of damaged files raise nearly anything
        return False
    return True
