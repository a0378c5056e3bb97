import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image, ImageOps

from rpf.config import Config
from rpf.errors import DatasetError
from rpf.images import centre_square, open_image
from rpf.training.data import LARGEST_SHORT_SIDE, batches, read_picture, read_train

Make = Callable[..., Config]


def test_batches_hold_the_triplets_pictures_whoever_reads_them(tiny: Make) -> None:
    config = tiny(1)
    split = read_train(config)
    triplets = split.triplets.draw(20, seed=0, epoch=0)
    found = list(batches(split, triplets, config))
    for one, other in zip(found, batches(split, triplets, tiny(1, "DATA.NUM_WORKERS=2")), strict=True):
        assert torch.equal(one.attribute, other.attribute)
        assert one.squares == other.squares
    assert [len(batch.attribute) for batch in found] == [8, 8, 4]
    assert found[0].value.tolist() == [triplet.value for triplet in triplets[:8]]
    assert found[0].other_value.tolist() == [triplet.other_value for triplet in triplets[:8]]
    for role in range(3):
        for square, triplet in zip(found[0].squares[role], triplets[:8], strict=True):
            plain = centre_square(open_image(split.root / split.items[triplet.images[role]].path), 48)
            assert square == (ImageOps.mirror(plain) if triplet.flips[role] else plain)
        assert found[0].pictures[role] == []


def test_stage_two_keeps_the_pictures_and_mirrors_nothing(tiny: Make) -> None:
    config = tiny(2)
    split = read_train(config)
    triplets = split.triplets.draw(8, seed=0, epoch=0)
    (batch,) = batches(split, triplets, config)
    for role in range(3):
        for square, picture in zip(batch.squares[role], batch.pictures[role], strict=True):
            assert max(picture.size) == 64
            assert square == centre_square(picture, 48)


def test_large_pictures_are_reduced(tmp_path: Path) -> None:
    Image.new("RGB", (1500, 2000)).save(tmp_path / "large.png")
    Image.new("RGB", (LARGEST_SHORT_SIDE, 1600)).save(tmp_path / "fits.png")
    assert read_picture(tmp_path / "large.png").size == (1024, 1365)
    assert read_picture(tmp_path / "fits.png").size == (1024, 1600)


def test_missing_images_are_named_at_once_and_a_damaged_one_too(tiny: Make, drawn: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(drawn / "wardrobe", copy / "wardrobe")
    config = tiny(1, f"DATA.BASE_PATH={copy}", "DATA.NUM_TRIPLETS=200", "DATA.NUM_WORKERS=1")
    split = read_train(config)
    images = copy / "wardrobe" / "images"
    (images / "00003.jpg").write_bytes((images / "00003.jpg").read_bytes()[:300])
    with pytest.raises(DatasetError, match=r"00003\.jpg: The picture is damaged"):
        list(batches(split, split.triplets.draw(200, seed=0, epoch=0), config))
    for name in ("00003.jpg", "00007.jpg"):
        (images / name).unlink()
    with pytest.raises(DatasetError, match=r"2 of the 48 training images .*00003\.jpg, images/00007\.jpg"):
        read_train(config)
