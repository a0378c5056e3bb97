"""Contact sheets: many captioned images of a dataset on one page."""

import io
from collections.abc import Sequence
from math import ceil
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps

from rpf.attributes import Vocabulary
from rpf.datasets.synthetic import Recipe, image_name
from rpf.utils.files import write_atomic
from rpf.utils.progress import Progress
from wardrobe import describe
from wardrobe.spec import ATTRIBUTES

COLUMNS, ROWS = 10, 6
CELL_SIDE = 180  # pixels, as all below
GAP = 12
CAPTION_LINE_HEIGHT = 13
FONT_SIZE = 11
CAPTION_LINES = 2


def write_sheets(folder: Path, recipe: Recipe, progress: Progress) -> list[Path]:
    """Write contact sheets of a drawn dataset, sheet-01.jpg and so on, 60 images each; return their paths."""
    names = Vocabulary(ATTRIBUTES)
    seeds, per_sheet = recipe.seeds, COLUMNS * ROWS
    written: list[Path] = []
    for start in range(0, len(seeds), per_sheet):
        progress("contact sheets", start, len(seeds))
        images, captions = [], []
        for seed in seeds[start : start + per_sheet]:
            with Image.open(folder / "images" / image_name(seed)) as image:
                size = (CELL_SIDE, CELL_SIDE)
                images.append(ImageOps.contain(image.convert("RGB"), size, Image.Resampling.LANCZOS))
            garment = describe(seed)
            values = ", ".join(names[attribute].value_name(value) for attribute, value in garment.values.items())
            captions.append(f"{garment.garment}: {values}")
        out = io.BytesIO()
        contact_sheet(images, captions).save(out, "JPEG", quality=90)
        written.append(folder / f"sheet-{len(written) + 1:02}.jpg")
        write_atomic(written[-1], out.getvalue())
    progress("contact sheets", len(seeds), len(seeds))
    return written


def contact_sheet(images: Sequence[Image.Image], captions: Sequence[str], columns: int = COLUMNS) -> Image.Image:
    """Arrange images (each at most CELL_SIDE pixels) in rows, each above its caption, cut to CAPTION_LINES lines."""
    rows = ceil(len(images) / columns)
    width, height = CELL_SIDE + GAP, CELL_SIDE + CAPTION_LINES * CAPTION_LINE_HEIGHT + GAP
    sheet = Image.new("RGB", (columns * width + GAP, rows * height + GAP), "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(FONT_SIZE)
    for i, (image, caption) in enumerate(zip(images, captions, strict=True)):
        x, y = GAP + i % columns * width, GAP + i // columns * height
        sheet.paste(image, (x + (CELL_SIDE - image.width) // 2, y + (CELL_SIDE - image.height) // 2))
        for k, line in enumerate(_wrap_caption(caption, font)):
            top = y + CELL_SIDE + k * CAPTION_LINE_HEIGHT + 2
            draw.text((x + CELL_SIDE / 2, top), line, "#333333", font, anchor="ma")
    return sheet


def _wrap_caption(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > CELL_SIDE:
            lines.append(word)
        else:
            lines[-1] = longer
    if len(lines) > CAPTION_LINES:
        lines[CAPTION_LINES - 1] += " ..."
    return lines[:CAPTION_LINES]
