"""Garment detector: frames read from the head's output, its file, and garments garments in a drawn scene."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torch import nn

from rpf.errors import CheckpointError
from rpf.inference.garment_finder import GarmentFinder
from rpf.models import checkpoint
from rpf.models.backbone import Backbone
from rpf.models.garment_detector import (
    GRID,
    KINDS,
    SIDE,
    DetectorHead,
    GarmentDetector,
    detector_path,
    load_detector,
    overlap,
    padded_square,
    read_garments,
    save_head,
)
from rpf.utils.paths import SHIPPED_FOLDER
from wardrobe import draw

WHOLE = (0.0, 0.0, 1.0, 1.0)
sides = st.tuples(*[st.integers(0, 100)] * 4).filter(lambda box: box[0] != box[2] and box[1] != box[3])
boxes = sides.map(lambda box: (min(box[::2]) / 100, min(box[1::2]) / 100, max(box[::2]) / 100, max(box[1::2]) / 100))


def output(*garments: tuple[str, float, tuple[float, float, float, float]]) -> np.ndarray:
    """Return an output with such garments: kind, logit and box."""
    array = np.full((5 * len(KINDS), GRID, GRID), -8.0, np.float32)
    for kind, logit, (left, top, right, bottom) in garments:
        row, column = int((top + bottom) / 2 * GRID), int((left + right) / 2 * GRID)
        x, y, at = (column + 0.5) / GRID, (row + 0.5) / GRID, KINDS.index(kind)
        array[at, row, column] = logit
        first = len(KINDS) + 4 * at
        array[first : first + 4, row, column] = np.log([x - left, y - top, right - x, bottom - y])
    return array


def test_garments_are_read_the_likeliest_first() -> None:
    coat, skirt = (0.2, 0.1, 0.8, 0.5), (0.3, 0.5, 0.7, 0.9)
    garments = read_garments(output(("skirt", 1.0, skirt), ("coat", 3.0, coat), ("dress", -2.0, coat)), WHOLE)
    assert [one.kind for one in garments] == ["coat", "skirt"]
    np.testing.assert_allclose(garments[0].box, coat, atol=1e-5)
    assert garments[0].probability == pytest.approx(1 / (1 + np.exp(-3)))


def test_frames_that_cover_a_likelier_one_of_their_group_are_left_out() -> None:
    shirt, near, inner = (0.2, 0.1, 0.8, 0.5), (0.22, 0.12, 0.8, 0.52), (0.2, 0.1, 0.82, 0.46)
    garments = read_garments(output(("upper", 3, shirt), ("coat", 2, near), ("trousers", 1, inner)), WHOLE)
    assert [one.kind for one in garments] == ["upper"]  # trousers there would be nearly the same frame
    lower = read_garments(output(("upper", 3, shirt), ("trousers", 2, (0.2, 0.35, 0.8, 0.95))), WHOLE)
    assert [one.kind for one in lower] == ["upper", "trousers"]


def test_frames_are_shares_of_the_image_in_its_square() -> None:
    image = Image.new("RGB", (100, 200))
    square, place = padded_square(image)
    assert square.size == (SIDE, SIDE) and place == (0.25, 0, 0.75, 1)
    [garments] = read_garments(output(("dress", 2, (0.25, 0.1, 0.9, 0.6))), place)
    np.testing.assert_allclose(garments.box, (0, 0.1, 1, 0.6), atol=1e-5)


@given(boxes, boxes)
def test_overlap_is_symmetric_and_one_for_the_same_box(one: tuple, other: tuple) -> None:
    assert overlap(one, one) == pytest.approx(1)
    assert 0 <= overlap(one, other) <= 1 and overlap(one, other) == pytest.approx(overlap(other, one))


def test_head_is_read_for_its_own_checkpoint_alone(tmp_path: Path) -> None:
    trunk = Backbone("tf_efficientnet_lite0")
    head = DetectorHead(trunk.channels).eval()
    path = detector_path(tmp_path / "model.safetensors")
    assert load_detector(path, "abc", trunk) is None
    save_head(head, path, "abc")
    assert load_detector(path, "other", trunk) is None and load_detector(path, "abc", nn.Identity()) is None
    detector = load_detector(path, "abc", trunk)
    assert isinstance(detector, GarmentDetector) and isinstance(detector.network, nn.Sequential)
    grid = torch.randn(1, trunk.channels, GRID, GRID)
    torch.testing.assert_close(detector.network[1](grid), head(grid))
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(CheckpointError, match="fit-garments"):
        load_detector(path, "abc", trunk)


def test_shipped_detector_finds_two_drawn_garments() -> None:
    drawings = [draw(seed) for seed in range(40)]
    shirt, trousers = (next(one for one in drawings if one.garment == kind) for kind in ("T-shirt", "trousers"))
    scene = Image.new("RGB", (800, 400), (225, 225, 220))
    expected = []
    for place, drawing in ((20, shirt), (440, trousers)):
        image = drawing.image.resize((drawing.image.width * 380 // drawing.image.height, 380))
        scene.paste(image, (place, 10))
        rows, columns = np.nonzero(drawing.mask)
        scale = 380 / drawing.image.height
        expected.append((
            (place + columns.min() * scale) / 800, (10 + rows.min() * scale) / 400,
            (place + columns.max() * scale) / 800, (10 + rows.max() * scale) / 400,
        ))  # fmt: skip
    file = SHIPPED_FOLDER / "runs" / "rpf-small" / "model.safetensors"
    model = checkpoint.load(file, None)
    trunk = model.region.trunk
    assert isinstance(trunk, nn.Module)
    model.detector = load_detector(detector_path(file), model.checkpoint_hash, trunk)
    data = io.BytesIO()
    scene.save(data, "PNG")
    garments = GarmentFinder(model).find(data.getvalue(), "scene")
    for kind, box in zip(("upper", "trousers"), expected, strict=True):
        assert any(one.kind == kind and overlap(one.box, box) > 0.5 for one in garments), (kind, box, garments)
    turned = GarmentFinder(model).find(data.getvalue(), "scene", 90)
    assert turned != garments
