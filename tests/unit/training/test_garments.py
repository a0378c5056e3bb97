"""Training of the garment detector: boxes, scenes, targets, losses, and a short run."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from rpf.datasets.garment_boxes import BoxedGarment, read_boxes
from rpf.datasets.garment_scenes import Scenes
from rpf.errors import DatasetError
from rpf.models.backbone import Backbone
from rpf.models.garment_detector import GRID, KINDS
from rpf.training.garments import detector_loss, fit_detector, generalised_iou, make_targets
from tests.conftest import tiny_model
from wardrobe import draw


def garment(kind: str, *box: float) -> BoxedGarment:
    return BoxedGarment.model_validate({"kind": kind, "box": box})


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Return a folder of two drawn garments, and boxes.json in it."""
    for seed in (1, 2):
        draw(seed).image.save(tmp_path / f"{seed}.png")
    box = {"kind": "coat", "main": True, "box": [0.2, 0.1, 0.8, 0.9]}
    (tmp_path / "boxes.json").write_text(json.dumps({"note": "", "photos": {"2.png": [box], "1.png": []}}))
    return tmp_path


def test_boxes_are_read_in_the_order_of_the_names(photos: Path) -> None:
    first, second = read_boxes(photos / "boxes.json", photos)
    assert first.path == photos / "1.png" and first.garments == []
    assert second.garments == [garment("coat", 0.2, 0.1, 0.8, 0.9)]


@pytest.mark.parametrize("text", ["{", "[]", '{"photos": {"1.png": [{"kind": "hat", "box": [0, 0, 1, 1]}]}}'])
def test_file_without_boxes_is_refused(photos: Path, text: str) -> None:
    (photos / "boxes.json").write_text(text)
    with pytest.raises(DatasetError, match="boxes"):
        read_boxes(photos / "boxes.json", photos)


def test_missing_photograph_is_named(photos: Path) -> None:
    (photos / "1.png").unlink()
    with pytest.raises(DatasetError, match=r"1\.png"):
        read_boxes(photos / "boxes.json", photos)


def test_scenes_are_the_same_for_a_seed_and_have_boxes_within_them(photos: Path) -> None:
    boxed = read_boxes(photos / "boxes.json", photos)
    scenes, again = Scenes(boxed, 5), Scenes(boxed, 5)
    counts = set()
    for _ in range(12):
        (image, garments), (other, same) = scenes.next(), again.next()
        assert np.array_equal(np.asarray(image), np.asarray(other)) and garments == same
        for one in garments:
            left, top, right, bottom = one.box
            assert 0 <= left < right <= 1 and 0 <= top < bottom <= 1
        counts.add(len(garments))
    assert counts > {1}


def test_targets_are_in_the_middle_of_garments() -> None:
    middle, ignored, distances = make_targets([[garment("coat", 0, 0, 1, 1), garment("skirt", 0.5, 0.5, 1, 1)], []])
    coat, skirt = KINDS.index("coat"), KINDS.index("skirt")
    assert middle[0, coat, GRID // 2, GRID // 2] == 1 and middle[0, coat, 0, 0] == 0 and ignored[0, coat, 0, 0] == 1
    assert middle[0, skirt].sum() < middle[0, coat].sum() and ignored[0, skirt, 0, 0] == 0
    assert middle[1].sum() == 0 and ignored[1].sum() == 0
    row = column = GRID // 2
    centre = (column + 0.5) / GRID
    torch.testing.assert_close(
        distances[0, coat, :, row, column], torch.tensor([centre, centre, 1 - centre, 1 - centre])
    )


def test_loss_is_small_for_the_right_output_alone() -> None:
    targets = make_targets([[garment("dress", 0.2, 0.1, 0.8, 0.9)]])
    right = torch.cat([(targets[0] * 2 - 1) * 8, targets[2].log().flatten(1, 2)], dim=1)
    wrong = torch.cat([right[:, : len(KINDS)].roll(1, 1), right[:, len(KINDS) :]], dim=1)
    smaller = torch.cat([right[:, : len(KINDS)], right[:, len(KINDS) :] - 1], dim=1)
    assert detector_loss(right, *targets) < 0.01
    assert detector_loss(wrong, *targets) > 1 and detector_loss(smaller, *targets) > 0.5
    assert torch.isfinite(detector_loss(right, *make_targets([[]])))


def test_generalised_iou_falls_with_the_distance() -> None:
    one = torch.tensor([[0.2], [0.2], [0.2], [0.2]])
    assert generalised_iou(one, one).item() == pytest.approx(1)
    assert generalised_iou(one, one / 2).item() == pytest.approx(0.25)


def test_head_is_trained_on_few_scenes(photos: Path, tmp_path: Path) -> None:
    model = tiny_model(tmp_path)
    trunk = model.region.trunk
    assert isinstance(trunk, Backbone)
    steps: list[tuple[str, int, int]] = []
    boxed = read_boxes(photos / "boxes.json", photos)
    head = fit_detector(model.eval(), trunk, boxed, 6, 2, 0, lambda *step: steps.append(step))
    assert steps[-1] == ("training", 2, 2) and ("reading", 6, 6) in steps
    again = fit_detector(model, trunk, boxed, 6, 2, 0, lambda *step: None)
    for one, other in zip(head.parameters(), again.parameters(), strict=True):
        torch.testing.assert_close(one, other)
