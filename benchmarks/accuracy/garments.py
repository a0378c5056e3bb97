"""Garments that the detector finds in photographs, beside boxes drawn by hand, and its time."""

from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np

from benchmarks.common.machine import describe, machine
from benchmarks.common.report import table, write_report
from benchmarks.common.timing import timed
from rpf.cli.options import FILE, Bar, with_settings
from rpf.datasets.garment_boxes import BoxedPhoto, read_boxes
from rpf.errors import ConfigError
from rpf.images.decode import read
from rpf.inference.garment_finder import GarmentFinder
from rpf.inference.load import load_model
from rpf.models.garment_detector import GROUPS, KINDS, Garment, overlap
from rpf.settings import Settings
from rpf.utils.progress import Progress

MIN_OVERLAP = 0.5  # intersection over union of a frame with a garment
COLUMNS = {"garment": "{garment}", "of": "{count:d}", "found": "{recall:.1%}", "and named": "{named:.1%}"}
GROUP_NAMES = "main garment above the waist", "main garment below"


@click.command("garments")
@click.argument("boxes", type=FILE)
@click.argument("photos", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--out", required=True, type=FILE, help="Folder for garments.json and garments.md.")
@with_settings
def garments(settings: Settings, boxes: Path, photos: Path, out: Path) -> None:
    """Measure the garments found in PHOTOS against those of the file BOXES.

    \b
    Example:
      python -m benchmarks garments benchmarks/accuracy/boxes/street-test.json data/street --out results
    """
    model = load_model(settings)
    if model.detector is None:
        raise ConfigError("This model has no garment detector; train one with: rpf fit-garments")
    with Bar("image") as bar:
        report = measure(GarmentFinder(model), read_boxes(boxes, photos), bar)
    report["machine"] |= {"precision": model.precision, "checkpoint": model.checkpoint_hash[:12]}
    write_report(out / "garments.json", report, as_markdown(report))


def measure(finder: GarmentFinder, photos: list[BoxedPhoto], progress: Progress) -> dict[str, Any]:
    """Compare the frames of photographs with their boxes; return the report."""
    hits: dict[int, list[tuple[bool, bool]]] = {0: [], 1: []}
    wrong, count, seconds = 0, 0, list[float]()
    finder.find(read(photos[0].path), "warm up")
    for place, photo in enumerate(photos):
        frames, duration = timed(partial(finder.find, read(photo.path), photo.path.name))
        seconds.append(duration)
        count += len(frames)
        for one in photo.garments:
            if one.main:
                group = GROUPS[KINDS.index(one.kind)]
                fitting = [each for each in frames if _fits(each, one.box) and _group(each) == group]
                hits[group].append((bool(fitting), any(each.kind == one.kind for each in fitting)))
        wrong += sum(not any(_fits(each, one.box) for one in photo.garments) for each in frames)
        progress("finding", place + 1, len(photos))
    return {
        "machine": machine(),
        "photos": len(photos),
        "main": [
            {"garment": GROUP_NAMES[group], "count": len(of_group), "recall": recall, "named": named}
            for group, of_group in hits.items()
            for recall, named in [np.mean(of_group, axis=0).tolist()]
        ],
        "frames": count / len(photos),
        "wrong": wrong / len(photos),
        "ms": {name: 1000 * float(np.quantile(seconds, q)) for name, q in (("p50", 0.5), ("p99", 0.99))},
    }  # fmt: skip


def _fits(garment: Garment, box: tuple[float, float, float, float]) -> bool:
    return overlap(garment.box, box) >= MIN_OVERLAP


def _group(garment: Garment) -> int:
    return GROUPS[KINDS.index(garment.kind)]


def as_markdown(report: dict[str, Any]) -> list[str]:
    """Format a report as lines of Markdown."""
    return [
        "# Garments in photographs", "",
        f"{describe(report['machine'])}.", "",
        f"{report['photos']} photographs; a garment is found where a frame of its group has an IoU of "
        f"{MIN_OVERLAP} with it.", "",
        *table(report["main"], COLUMNS), "",
        f"A photograph has {report['frames']:.2f} frames, of which {report['wrong']:.2f} fit no garment. Finding takes "
        f"{report['ms']['p50']:.0f} ms (p99 {report['ms']['p99']:.0f}), decoding included.",
    ]  # fmt: skip
