"""Contact sheets: many captioned pictures on one page, to look at a dataset at a glance."""

import io
from collections.abc import Sequence
from math import ceil
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps

from rpf.attributes import Vocabulary
from rpf.datasets.synthetic import Recipe, name_of
from rpf.utils.files import write_atomic
from rpf.utils.progress import Progress
from wardrobe import describe
from wardrobe.spec import ATTRIBUTES

COLUMNS, ROWS = 10, 6
CELL = 180  # pixels, of a picture's place
GAP = 12
LINE = 13  # height of a line of a caption
TEXT = 11
LINES = 2


def write_sheets(folder: Path, recipe: Recipe, progress: Progress) -> list[Path]:
    """Contact sheets of a drawn dataset, sheet-01.jpg and so on, 60 pictures each; their paths."""
    names = Vocabulary(ATTRIBUTES)
    seeds, each = recipe.seeds, COLUMNS * ROWS
    written: list[Path] = []
    for start in range(0, len(seeds), each):
        progress("contact sheets", start, len(seeds))
        pictures, captions = [], []
        for seed in seeds[start : start + each]:
            with Image.open(folder / "images" / name_of(seed)) as picture:
                pictures.append(ImageOps.contain(picture.convert("RGB"), (CELL, CELL), Image.Resampling.LANCZOS))
            shown = describe(seed, recipe.plain)
            values = ", ".join(_value(names, attribute, value) for attribute, value in shown.labels.items())
            captions.append(f"{shown.garment}: {values}")
        out = io.BytesIO()
        contact_sheet(pictures, captions).save(out, "JPEG", quality=90)
        written.append(folder / f"sheet-{len(written) + 1:02}.jpg")
        write_atomic(written[-1], out.getvalue())
    progress("contact sheets", len(seeds), len(seeds))
    return written


def _value(names: Vocabulary, attribute: str, value: int) -> str:
    return names[attribute].value_name(value) if value else f"{names[attribute].name().lower()} hidden"


def contact_sheet(pictures: Sequence[Image.Image], captions: Sequence[str], columns: int = COLUMNS) -> Image.Image:
    """One RGB picture of pictures (each at most CELL pixels) in rows, each with its caption below, cut to two lines."""
    rows = ceil(len(pictures) / columns)
    wide, high = CELL + GAP, CELL + LINES * LINE + GAP
    sheet = Image.new("RGB", (columns * wide + GAP, rows * high + GAP), "white")
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(TEXT)
    for i, (picture, caption) in enumerate(zip(pictures, captions, strict=True)):
        x, y = GAP + i % columns * wide, GAP + i // columns * high
        sheet.paste(picture, (x + (CELL - picture.width) // 2, y + (CELL - picture.height) // 2))
        for k, line in enumerate(_wrapped(caption, font)):
            pen.text((x + CELL / 2, y + CELL + k * LINE + 2), line, "#333333", font, anchor="ma")
    return sheet


def _wrapped(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > CELL:
            lines.append(word)
        else:
            lines[-1] = longer
    if len(lines) > LINES:
        lines[LINES - 1] += " ..."
    return lines[:LINES]
