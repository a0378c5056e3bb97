"""What opening an image costs, by format, size and colour profile:

    python -m benchmarks.inference.decoding street/images

Prints a Markdown table of medians in ms. The photos of the folder, enlarged, are encoded without a profile, with that
of sRGB, and with that of Display P3; runs of the three alternate.
"""

import io
import time
from pathlib import Path
from statistics import median

import click
from PIL import Image
from PIL.ImageCms import ImageCmsProfile, createProfile

from benchmarks.search.measure import machine
from rpf.images.colour import display_p3
from rpf.images.decode import open_image
from rpf.ingest.scan import find_images

SIZES = {"2 megapixels": (1200, 1600), "12 megapixels": (3000, 4000), "50 megapixels": (6144, 8160)}
FORMATS = {"JPEG": {"quality": 90}, "PNG": {"compress_level": 1}, "HEIF": {"quality": 60}}
SLOW = {("PNG", "50 megapixels"), ("HEIF", "50 megapixels")}  # more than an upload may have, or minutes to encode


def profiles() -> dict[str, bytes | None]:
    return {"untagged": None, "sRGB": ImageCmsProfile(createProfile("sRGB")).tobytes(), "Display P3": display_p3()}


def measure(photos: list[Image.Image], kind: str, size: tuple[int, int], rounds: int) -> dict[str, float]:
    """Median milliseconds of `open_image` by profile."""
    times: dict[str, list[float]] = {name: [] for name in profiles()}
    for photo in photos:
        image = photo.resize(size, Image.Resampling.BICUBIC)
        files = {}
        for name, profile in profiles().items():
            out = io.BytesIO()
            image.save(out, kind, **FORMATS[kind], **({"icc_profile": profile} if profile else {}))
            files[name] = out.getvalue()
        for _ in range(rounds):
            for name, data in files.items():
                began = time.perf_counter()
                open_image(data)
                times[name].append(1e3 * (time.perf_counter() - began))
    return {name: median(values) for name, values in times.items()}


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--photos", "count", default=3, show_default=True, help="Photos of FOLDER to take.")
@click.option("--rounds", default=7, show_default=True, help="Runs of each file.")
def main(folder: Path, count: int, rounds: int) -> None:
    """Measure what opening an image costs with the photos in FOLDER."""
    names = find_images(folder)
    photos = [open_image(folder / name) for name in names[:: max(1, len(names) // count)][:count]]
    print(f"Medians of {len(photos) * rounds} runs in ms; {machine()['processor']}.\n")
    print("| | " + " | ".join(profiles()) + " |\n|---|" + "---:|" * len(profiles()))
    for kind in FORMATS:
        for size, pixels in SIZES.items():
            if (kind, size) not in SLOW:
                row = measure(photos, kind, pixels, rounds)
                print(f"| {kind}, {size} | " + " | ".join(f"{value:.1f}" for value in row.values()) + " |")


if __name__ == "__main__":
    main()
