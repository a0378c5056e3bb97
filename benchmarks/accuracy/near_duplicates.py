"""Recall of near-duplicates among copies of images, false joins of different images, and time."""

import io
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np
from PIL import Image, ImageFilter

from benchmarks.common.machine import describe, machine
from benchmarks.common.report import table, write_report
from benchmarks.common.timing import timed
from rpf.cli.options import FILE, Bar
from rpf.images.decode import open_image, read
from rpf.ingest.scan import find_images
from rpf.products.near_duplicates import COLOURS, FINGERPRINT_BYTES, VERSION, Fingerprints, find_duplicate, join
from rpf.products.near_duplicates import fingerprint as compute
from rpf.utils.progress import Progress

GALLERY_SIZE = 200_000  # fingerprints of the timed join
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
    fingerprints = np.empty((len(paths), FINGERPRINT_BYTES), np.uint8)
    copies: dict[str, list[tuple[int, bytes]]] = {kind: [] for kind in (*COPIES, *OTHER_COPIES)}
    seconds = np.zeros(2)
    for row, path in enumerate(paths):
        data = read(path)
        image, decoding = timed(partial(open_image, data))
        fingerprint, computing = timed(partial(compute, image))
        fingerprints[row] = np.frombuffer(fingerprint, np.uint8)
        seconds += (decoding, computing)
        if path in copied:
            for kind, make_copy in (COPIES | OTHER_COPIES).items():
                copies[kind].append((row, compute(make_copy(image))))
        progress("comparing", row + 1, len(paths))
    groups = join(fingerprints)
    joined = np.flatnonzero(groups != np.arange(len(groups)))
    recall = {
        kind: np.mean([find_duplicate(fingerprints[row : row + 1], copy) == 0 for row, copy in pairs])
        for kind, pairs in copies.items()
    }
    return {
        "machine": machine(),
        "images": len(paths),
        "copied": len(copied),
        "copies": [{"copy": kind, "recall": float(recall[kind])} for kind in COPIES],
        "other_copies": [{"copy": kind, "recall": float(recall[kind])} for kind in OTHER_COPIES],
        "recall": float(np.mean([recall[kind] for kind in COPIES])),
        "joined": [[paths[groups[row]].name, paths[row].name] for row in joined],
        "decode_ms": 1000 * seconds[0] / len(paths),
        "fingerprint_ms": 1000 * seconds[1] / len(paths),
        "join_seconds": timed(lambda: join(_gallery(fingerprints)))[1],
    }


def _gallery(fingerprints: Fingerprints) -> Fingerprints:
    """Mix the colours of two images each, with hashes at random: as many candidates as among real images."""
    rng = np.random.default_rng(0)
    gallery = rng.integers(0, 256, (GALLERY_SIZE, FINGERPRINT_BYTES), dtype=np.uint8)
    gallery[:, 0] = VERSION
    one, other = rng.integers(0, len(fingerprints), (2, GALLERY_SIZE))
    share = rng.uniform(0.1, 0.5, (GALLERY_SIZE, 1)).astype(np.float32)
    gallery[:, COLOURS] = (1 - share) * fingerprints[one, COLOURS] + share * fingerprints[other, COLOURS]
    return gallery


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
        f"joining {GALLERY_SIZE:,} fingerprints takes {report['join_seconds']:.1f} s.",
    ]  # fmt: skip
