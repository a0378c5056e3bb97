"""Recall of near-duplicates among copies of images, false joins of different images, and time."""

import io
import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np
from PIL import Image, ImageFilter

from benchmarks.common.machine import describe, machine
from benchmarks.common.report import table, write_report
from benchmarks.common.timing import timed
from rpf.cli.options import FILE, Bar
from rpf.collection.originals import TABLES, Originals, read_copies
from rpf.images.decode import open_image, read
from rpf.images.near_duplicates import FINGERPRINT_BYTES, VERSION, are_duplicates, fingerprint, parse_fingerprints
from rpf.ingest.scan import find_images
from rpf.utils.progress import Progress

GALLERY_SIZE = 200_000  # fingerprints that those of the timed images are compared with
TIMED_IMAGES = 200
FILTERS = [getattr(Image.Resampling, name) for name in ("LANCZOS", "BICUBIC", "BILINEAR", "BOX")]
COLUMNS = {"copy": "{copy}", "finds its original": "{recall:.1%}"}


def _resize(image: Image.Image, scale: float, resampling: Image.Resampling = Image.Resampling.LANCZOS) -> Image.Image:
    return image.resize((max(16, round(image.width * scale)), max(16, round(image.height * scale))), resampling)


def _encode(image: Image.Image, kind: str, quality: int) -> Image.Image:
    out = io.BytesIO()
    image.save(out, kind, quality=quality)
    return open_image(out.getvalue())


def _sharpen(image: Image.Image) -> Image.Image:
    return image.filter(ImageFilter.UnsharpMask(radius=1, percent=80, threshold=0))


def _chain(image: Image.Image) -> Image.Image:
    rng = random.Random(image.tobytes())
    copy = _resize(image, rng.uniform(0.25, 0.8), rng.choice(FILTERS))
    if rng.random() < 0.5:
        copy = _sharpen(copy)
    for _ in range(rng.randint(1, 2)):
        copy = _encode(copy, rng.choice(["JPEG", "WEBP"]), rng.randint(30, 90))
    return copy


def _cut(image: Image.Image, share: float) -> Image.Image:
    return image.crop((round(image.width * share), round(image.height * share), *image.size))


def _with_margins(image: Image.Image, share: float) -> Image.Image:
    margins = [round(side * share) for side in image.size]
    copy = Image.new("RGB", (image.width + 2 * margins[0], image.height + 2 * margins[1]), "white")
    copy.paste(image, (margins[0], margins[1]))
    return copy


COPIES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "resized to 0.25": lambda image: _resize(image, 0.25),
    "resized to 0.4": lambda image: _resize(image, 0.4, Image.Resampling.BILINEAR),
    "resized to 0.8": lambda image: _resize(image, 0.8),
    "JPEG of quality 30": lambda image: _encode(image, "JPEG", 30),
    "JPEG of quality 60": lambda image: _encode(image, "JPEG", 60),
    "JPEG of quality 90": lambda image: _encode(image, "JPEG", 90),
    "WebP of quality 50": lambda image: _encode(image, "WEBP", 50),
    "sharpened": _sharpen,
    "resized to 0.5, JPEG of quality 60": lambda image: _encode(_resize(image, 0.5), "JPEG", 60),
    "resized to 0.25, JPEG of quality 30": lambda image: _encode(_resize(image, 0.25), "JPEG", 30),
    "resized at random, perhaps sharpened, encoded once or twice": _chain,
}
OTHER_COPIES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "cut off by 2%": lambda image: _cut(image, 0.02),
    "with white margins of 3%": lambda image: _with_margins(image, 0.03),
}


@click.command("duplicates")
@click.argument("folders", nargs=-1, required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--images", default=300, show_default=True, type=click.IntRange(1), help="Images of each folder to copy.")
@click.option("--out", required=True, type=FILE, help="Folder for duplicates.json and duplicates.md.")
def duplicates(folders: tuple[Path, ...], images: int, out: Path) -> None:
    """Measure how near-duplicates are recognised: copies of the images in FOLDERS, and all pairs of the images.

    \b
    Example:
      python -m benchmarks duplicates data/clothing/images --out results
    """
    paths = [[folder / name for name in sorted(find_images(folder))] for folder in folders]
    copied = {path for names in paths for path in random.Random(0).sample(names, min(images, len(names)))}
    with Bar("image") as bar:
        report = measure([path for names in paths for path in names], copied, bar)
    write_report(out / "duplicates.json", report, as_markdown(report))


def measure(paths: list[Path], copied: set[Path], progress: Progress) -> dict[str, Any]:
    """Compare the images with each other, and copies of some with all; return the report."""
    fingerprints: list[bytes] = []
    finds: dict[str, list[bool]] = {kind: [] for kind in (*COPIES, *OTHER_COPIES)}
    seconds = np.zeros(2)
    for row, path in enumerate(paths):
        data = read(path)
        image, decoding = timed(partial(open_image, data))
        original, computing = timed(partial(fingerprint, image))
        fingerprints.append(original)
        seconds += (decoding, computing)
        if path in copied:
            for kind, make_copy in (COPIES | OTHER_COPIES).items():
                pair = parse_fingerprints(original + fingerprint(make_copy(image)))
                finds[kind].append(bool(are_duplicates(pair[0], pair[1:])[0]))
        progress("comparing", row + 1, len(paths))
    recall = {kind: np.mean(of_kind) for kind, of_kind in finds.items()}
    with _database() as connection:
        Originals(connection).insert(range(len(paths)), fingerprints)
        joined = read_copies(connection)
    opening, comparing = _gallery_seconds(fingerprints[:TIMED_IMAGES])
    return {
        "machine": machine(),
        "images": len(paths),
        "copied": len(copied),
        "copies": [{"copy": kind, "recall": float(recall[kind])} for kind in COPIES],
        "other_copies": [{"copy": kind, "recall": float(recall[kind])} for kind in OTHER_COPIES],
        "recall": float(np.mean([recall[kind] for kind in COPIES])),
        "joined": [[paths[original].name, paths[copy].name] for copy, original in joined.items()],
        "decode_ms": 1000 * seconds[0] / len(paths),
        "fingerprint_ms": 1000 * seconds[1] / len(paths),
        "open_seconds": opening,
        "compare_ms": 1000 * comparing,
    }


@contextmanager
def _database() -> Iterator[sqlite3.Connection]:
    """Create the tables of originals in a temporary file."""
    with TemporaryDirectory() as folder, closing(sqlite3.connect(Path(folder) / "items.sqlite")) as connection:
        for statement in TABLES.values():
            connection.execute(statement)
        yield connection


def _gallery_seconds(fingerprints: list[bytes]) -> tuple[float, float]:
    """Time the opening of a gallery of random originals, and the comparison of one image with it."""
    rng = np.random.default_rng(0)
    with _database() as connection:
        rows = ((row, bytes([VERSION]) + rng.bytes(FINGERPRINT_BYTES - 1)) for row in range(GALLERY_SIZE))
        connection.executemany("INSERT INTO originals VALUES (?, ?)", rows)
        originals, opening = timed(partial(Originals, connection))
        ids = range(GALLERY_SIZE, GALLERY_SIZE + len(fingerprints))
        return opening, timed(partial(originals.insert, ids, fingerprints))[1] / len(fingerprints)


def as_markdown(report: dict[str, Any]) -> list[str]:
    """Format a report as lines of Markdown."""
    pairs = report["images"] * (report["images"] - 1) // 2
    return [
        "# Near-duplicates", "",
        f"{describe(report['machine'])}.", "",
        f"Copies of {report['copied']:,} images; {report['recall']:.2%} find their original.", "",
        *table(report["copies"], COLUMNS), "",
        "Not meant to be recognised:", "",
        *table(report["other_copies"], COLUMNS), "",
        f"Among {report['images']:,} images ({pairs:,} pairs), {len(report['joined'])} are joined to another"
        f"{': ' if report['joined'] else ''}{', '.join(' and '.join(names) for names in report['joined'])}.", "",
        f"An image takes {report['decode_ms']:.1f} ms to decode and {report['fingerprint_ms']:.1f} ms to fingerprint; "
        f"to compare it with {GALLERY_SIZE:,} others takes {report['compare_ms']:.1f} ms, to read those "
        f"{report['open_seconds']:.1f} s.",
    ]  # fmt: skip
