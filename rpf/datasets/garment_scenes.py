"""Scenes to train a garment detector with: framed photographs and drawn garments, cut, moved, and side by side."""

import random
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

from rpf.datasets.garment_boxes import BoxedGarment, BoxedPhoto, moved
from rpf.images.decode import open_image
from rpf.models.garment_detector import share_of
from wardrobe import draw

DRAWN_SHARE = 0.28  # of the pictures
DRAWN_COUNT = 500  # different drawings
FIRST_SEED = 50_000  # of the drawings, which are in no dataset that `rpf wardrobe` draws by default
KIND_OF_DRAWN = {
    "dress": "dress", "coat": "coat", "cardigan": "coat", "jacket": "coat", "blazer": "coat", "trousers": "trousers",
    "shorts": "trousers", "skirt": "skirt",
}  # fmt: skip  # others are "upper"
MIN_VISIBLE = 0.45  # share of a garment that is left when a picture is cut, or it is no garment any more
CACHED_IMAGES = 1200

Scene = tuple[Image.Image, list[BoxedGarment]]


class Scenes:
    """Random scenes. The same seed gives the same scenes."""

    def __init__(self, photos: Sequence[BoxedPhoto], seed: int) -> None:
        self._photos, self._random = photos, random.Random(seed)
        self._open: Callable[[Path], Image.Image] = lru_cache(CACHED_IMAGES)(open_image)
        self._draw: Callable[[int], Scene] = lru_cache(DRAWN_COUNT)(_draw_garment)

    def next(self) -> Scene:
        """Make a scene: a picture as it is, on a background, or two pictures on one."""
        scene = self._picture()
        if self._random.random() < 0.5:
            scene = self._cut(*scene)
        chance = self._random.random()
        if chance < 0.45:
            return scene
        return self._place([scene] if chance < 0.8 else [scene, self._picture()])

    def _picture(self) -> Scene:
        if self._photos and self._random.random() > DRAWN_SHARE:
            photo = self._random.choice(self._photos)
            return self._vary(self._open(photo.path), photo.garments)
        return self._vary(*self._draw(FIRST_SEED + self._random.randrange(DRAWN_COUNT)))

    def _vary(self, image: Image.Image, garments: Sequence[BoxedGarment]) -> Scene:
        """Mirror an image, and change its colours."""
        if self._random.random() < 0.5:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
            garments = [moved(one, (1 - one.box[2], one.box[1], 1 - one.box[0], one.box[3])) for one in garments]
        for enhancer, low, high in (
            (ImageEnhance.Brightness, 0.7, 1.3),
            (ImageEnhance.Color, 0.5, 1.4),
            (ImageEnhance.Contrast, 0.8, 1.25),
        ):
            image = enhancer(image).enhance(self._random.uniform(low, high))
        return image, list(garments)

    def _cut(self, image: Image.Image, garments: Sequence[BoxedGarment]) -> Scene:
        """Cut off some of the sides, such as the head or the feet."""
        chance = self._random
        left, top, right = chance.uniform(0, 0.12), chance.uniform(0, 0.22), 1 - chance.uniform(0, 0.12)
        bottom = 1 - (chance.uniform(0, 0.2) if chance.random() < 0.6 else chance.uniform(0.2, 0.45))
        width, height = image.size
        image = image.crop((int(left * width), int(top * height), int(right * width), int(bottom * height)))
        visible = []
        for one in garments:
            x0, y0, x1, y1 = one.box
            seen_width, seen_height = min(x1, right) - max(x0, left), min(y1, bottom) - max(y0, top)
            if min(seen_width, seen_height) > 0 and seen_width * seen_height > MIN_VISIBLE * (x1 - x0) * (y1 - y0):
                sides = max(x0, left), max(y0, top), min(x1, right), min(y1, bottom)
                visible.append(moved(one, share_of(sides, (left, top, right, bottom))))
        return image, visible

    def _place(self, pictures: Sequence[Scene]) -> Scene:
        """Put pictures beside each other on a background."""
        chance, count = self._random, len(pictures)
        height = chance.randint(420, 640)
        width = int(height * (chance.uniform(0.55, 1.7) if count == 1 else chance.uniform(1, 1.8)))
        canvas, garments = self._background(width, height), list[BoxedGarment]()
        slot = width / count
        for place, (image, of_image) in enumerate(pictures):
            scale = min(slot / image.width, height / image.height) * chance.uniform(0.45, 1)
            size = max(20, int(image.width * scale)), max(20, int(image.height * scale))
            x, y = int(place * slot + chance.random() * (slot - size[0])), int(chance.random() * (height - size[1]))
            canvas.paste(image.resize(size), (x, y))
            whole = -x / size[0], -y / size[1], (width - x) / size[0], (height - y) / size[1]  # in the image's sides
            garments += [moved(one, share_of(one.box, whole)) for one in of_image]
        return canvas, garments

    def _background(self, width: int, height: int) -> Image.Image:
        """Make a plain background, or a picture that is out of focus."""
        if self._random.random() < 0.35:
            grey = [self._random.randint(60, 255) for _ in range(3)]
            return Image.new("RGB", (width, height), tuple(grey))
        image = self._picture()[0].resize((width, height))
        return image.filter(ImageFilter.GaussianBlur(self._random.uniform(8, 25)))


def _draw_garment(seed: int) -> Scene:
    drawing = draw(seed)
    rows, columns = np.nonzero(drawing.mask)
    width, height = drawing.image.size
    box = columns.min() / width, rows.min() / height, (columns.max() + 1) / width, (rows.max() + 1) / height
    kind = KIND_OF_DRAWN.get(drawing.garment, "upper")
    return drawing.image, [BoxedGarment.model_validate({"kind": kind, "box": box})]
