"""Check of a dataset's image files, before a run reads them."""

import io
import warnings
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from PIL import Image

from rpf.datasets.annotations import Labelled, missing_images
from rpf.errors import BadImage, DatasetError
from rpf.images.decode import FORMATS, open_image, read
from rpf.utils.cores import usable_cores
from rpf.utils.text import EXAMPLES, format_examples

KINDS = ("missing", "unreadable", "empty", "not an image", "damaged", "too small or too large")

Progress = Callable[[str, int, int], None]  # phase, done, total


class ImageCheck:
    """Decodes every image that a run will read, each once, and keeps which cannot be used.

    skip_bad: whether these are left out; else they are an error.
    """

    def __init__(self, skip_bad: bool = False, progress: Progress = lambda phase, done, total: None) -> None:
        self._skip_bad, self._progress = skip_bad, progress
        self._kinds: dict[Path, str] = {}  # of each image that was checked, "" for a good one

    def look(self, folder: Path, items: Iterable[Labelled]) -> None:
        """Check images below a folder. Raises DatasetError for a path that leads out of it."""
        new = list({item.path: item for item in items if folder / item.path not in self._kinds}.values())
        self._kinds |= dict.fromkeys((folder / path for path in missing_images(folder, new)), "missing")
        paths = [path for item in new if (path := folder / item.path) not in self._kinds]
        total = len(self._kinds) + len(paths)
        with ThreadPoolExecutor(usable_cores()) as pool:
            for path, kind in zip(paths, pool.map(_kind, paths), strict=True):
                self._kinds[path] = kind
                self._progress("checking images", len(self._kinds), total)

    def bad(self, folder: Path, items: Iterable[Labelled]) -> set[str]:
        """Check images and return the paths of those to leave out. Raises DatasetError as `look` and `refuse`."""
        items = list(items)
        self.look(folder, items)
        self.refuse()
        return {item.path for item in items if self._kinds[folder / item.path]}

    def refuse(self) -> None:
        """Raise DatasetError for all bad images at once, unless they are to be left out."""
        if (skipped := self.skipped()) and not self._skip_bad:
            raise DatasetError(
                "%(bad)d of the %(total)d images cannot be used: %(kinds)s. "
                "Mend these files, or leave them out with --skip-bad.",
                bad=skipped["images"], total=len(self._kinds), kinds=describe(skipped),
            )  # fmt: skip

    def skipped(self) -> dict[str, Any]:
        """Return what report.json says of the bad images; nothing where all can be used.

        {"images": number, each of KINDS: number, "examples": {kind: up to EXAMPLES paths}}
        """
        paths = {kind: [str(path) for path, own in self._kinds.items() if own == kind] for kind in KINDS}
        paths = {kind: some for kind, some in paths.items() if some}
        if not paths:
            return {}
        counts = {kind: len(some) for kind, some in paths.items()}
        examples = {kind: some[:EXAMPLES] for kind, some in paths.items()}
        return {"images": sum(counts.values()), **counts, "examples": examples}


def describe(skipped: Mapping[str, Any]) -> str:
    """Put what `ImageCheck.skipped` returns into words: "2 missing (a.jpg, b.jpg), 1 empty (c.jpg)"."""
    return ", ".join(
        f"{skipped[kind]} {kind} {format_examples(some, skipped[kind])}" for kind, some in skipped["examples"].items()
    )


def _kind(path: Path) -> str:
    """Return the fault of an image that is there, "" for none. Headers alone would not show a file cut off."""
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
