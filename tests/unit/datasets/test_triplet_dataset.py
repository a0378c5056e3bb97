import multiprocessing
import os
import shutil
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
from PIL import Image, ImageOps

from rpf.config import Config
from rpf.datasets.image_check import ImageCheck
from rpf.datasets.image_tensors import read_image_tensors
from rpf.datasets.triplet_dataset import MAX_SHORT_SIDE, batches, read_image, read_train
from rpf.errors import DatasetError, TrainingError
from rpf.images.decode import open_image
from rpf.models.preprocessing import centre_square
from tests.support.training_data import CLASSIFICATION

Make = Callable[..., Config]


def test_batches_hold_the_triplets_images_for_any_number_of_workers(tiny: Make) -> None:
    config = tiny(1)
    split = read_train(config)
    triplets = split.sampler.draw(20, seed=0, epoch=0)
    read = list(batches(split, triplets, config))
    for one, other in zip(read, batches(split, triplets, tiny(1, "DATA.NUM_WORKERS=2")), strict=True):
        assert torch.equal(one.attribute, other.attribute)
        assert one.squares == other.squares
    assert [len(batch.attribute) for batch in read] == [8, 8, 4]
    assert read[0].value.tolist() == [triplet.value for triplet in triplets[:8]]
    assert read[0].other_value.tolist() == [triplet.other_value for triplet in triplets[:8]]
    for role in range(3):
        for square, triplet in zip(read[0].squares[role], triplets[:8], strict=True):
            plain = centre_square(open_image(split.root / split.images[triplet.images[role]].path), 48)
            assert square == (ImageOps.mirror(plain) if triplet.flips[role] else plain)
        assert read[0].images[role] == []


def test_batches_of_stage_two_keep_the_images_and_mirror_nothing(tiny: Make) -> None:
    config = tiny(2)
    split = read_train(config)
    triplets = split.sampler.draw(8, seed=0, epoch=0)
    (batch,) = batches(split, triplets, config)
    for role in range(3):
        for square, image in zip(batch.squares[role], batch.images[role], strict=True):
            assert max(image.size) == 64
            assert square == centre_square(image, 48)


def test_batches_in_pad_mode_hold_padded_images(tiny: Make, drawn: Path, tmp_path: Path) -> None:
    shutil.copytree(drawn / "wardrobe", tmp_path / "copy" / "wardrobe")
    for file in (tmp_path / "copy" / "wardrobe" / "images").glob("*.jpg"):
        Image.open(file).resize((40, 64)).save(file)
    config = tiny(2, f"DATA.BASE_PATH={tmp_path / 'copy'}", "INPUT.RESIZE_MODE=pad")
    split = read_train(config)
    (batch,) = batches(split, split.sampler.draw(8, seed=0, epoch=0), config)
    assert {image.size for images in batch.images for image in images} == {(64, 64)}
    assert batch.squares[0][0] == centre_square(batch.images[0][0], 48)


def test_read_train_adds_the_extra_datasets(tiny: Make, copied: Config, tmp_path: Path) -> None:
    main = read_train(copied)
    extra = tmp_path / "extra"
    shutil.copytree(copied.DATA.folder, extra)
    (extra / main.images[0].path).write_bytes(b"no image")
    config = tiny(
        1,
        f"DATA.BASE_PATH={copied.DATA.BASE_PATH}",
        f"DATA.EXTRA_DATASETS={{{extra}: {{SHARE: 0.1}}, none: {{SHARE: 0}}}}",
    )
    both = read_train(config, ImageCheck(skip_bad=True))
    assert both.images[: len(main.images)] == main.images
    added = both.images[len(main.images) :]
    assert [image.path for image in added] == [str(extra / image.path) for image in main.images[1:]]
    assert [image.labels for image in added] == [image.labels for image in main.images[1:]]
    (batch,) = batches(both, both.sampler.draw(8, seed=0, epoch=0), config)
    assert len(batch.squares[0]) == 8


def test_read_image_reduces_large_images(tmp_path: Path) -> None:
    Image.new("RGB", (1500, 2000)).save(tmp_path / "large.png")
    Image.new("RGB", (MAX_SHORT_SIDE, 1600)).save(tmp_path / "fits.png")
    assert read_image(tmp_path / "large.png").size == (1024, 1365)
    assert read_image(tmp_path / "fits.png").size == (1024, 1600)


@pytest.fixture
def copied(tiny: Make, drawn: Path, tmp_path: Path) -> Config:
    """Return a config over a copy of the dataset that a test may damage."""
    shutil.copytree(drawn / "wardrobe", tmp_path / "copy" / "wardrobe")
    return tiny(1, f"DATA.BASE_PATH={tmp_path / 'copy'}", "DATA.NUM_WORKERS=1")


def test_batches_name_an_image_damaged_meanwhile(copied: Config) -> None:
    split = read_train(copied)
    cut(split.root / "images" / "00003.jpg")
    with pytest.raises(DatasetError, match=r"00003\.jpg: "):
        list(batches(split, split.sampler.draw(200, seed=0, epoch=0), copied))


def test_read_train_refuses_all_bad_images_or_leaves_them_out(copied: Config) -> None:
    folder = copied.DATA.folder
    cut(folder / "images" / "00003.jpg")
    (folder / "images" / "00007.jpg").write_bytes(b"")
    with pytest.raises(
        DatasetError, match=r"2 of the 48 images .* 1 empty \(.*00007\.jpg\), 1 damaged \(.*00003\.jpg\)"
    ):
        read_train(copied)
    split = read_train(copied, ImageCheck(skip_bad=True))
    without(folder, [3, 7])
    expected = read_train(copied)
    assert split.images == expected.images and len(split.images) == 46
    assert split.sampler.draw(100, 0, 0) == expected.sampler.draw(100, 0, 0)


def test_read_image_tensors_refuses_all_bad_images_or_leaves_them_out(copied: Config, tiny: Make) -> None:
    config = tiny(1, *CLASSIFICATION, f"DATA.BASE_PATH={copied.DATA.BASE_PATH}")
    folder = config.DATA.folder
    (folder / "images" / "00003.jpg").unlink()
    cut(folder / "images" / "00007.jpg")
    with pytest.raises(DatasetError, match=r"2 of the 48 images cannot be used: 1 missing .* 1 damaged "):
        read_image_tensors(config, folder)
    tensors = read_image_tensors(config, folder, ImageCheck(skip_bad=True))
    without(folder, [3, 7])
    expected = read_image_tensors(config, folder)
    assert tensors.paths == expected.paths and len(tensors) == 46
    for name in ("pixels", "values", "presence"):
        assert torch.equal(getattr(tensors, name).nan_to_num(2), getattr(expected, name).nan_to_num(2))


def test_read_image_tensors_without_usable_images_is_a_dataset_error(copied: Config, tiny: Make) -> None:
    shutil.rmtree(copied.DATA.folder / "images")
    config = tiny(1, *CLASSIFICATION, f"DATA.BASE_PATH={copied.DATA.BASE_PATH}")
    with pytest.raises(DatasetError, match="the split train has no images"):
        read_image_tensors(config, config.DATA.folder, ImageCheck(skip_bad=True))


def cut(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 3 // 4])


def without(folder: Path, bad: Sequence[int]) -> None:
    """Rewrite the train split's lists as if these images had never been in it."""
    names = (folder / "filenames_train.txt").read_text().split()
    ids = {image: number for number, image in enumerate(i for i in range(len(names)) if i not in bad)}
    (folder / "filenames_train.txt").write_text("\n".join(names[image] for image in ids))
    for file in (folder / "label_train.txt", folder / "absent_train.txt"):
        lines = [line.split(maxsplit=1) for line in file.read_text().splitlines()]
        file.write_text("\n".join(f"{ids[int(image)]} {rest}" for image, rest in lines if int(image) in ids))


def test_batches_with_a_killed_worker_raise_a_training_error(copied: Config) -> None:
    split = read_train(copied)
    coming = batches(split, split.sampler.draw(200, seed=0, epoch=0), copied)
    next(coming)
    (worker,) = multiprocessing.active_children()
    assert worker.pid
    os.kill(worker.pid, signal.SIGKILL)
    with pytest.raises(
        TrainingError, match=r"DataLoader worker .*(killed|exited unexpectedly)\W.* --set DATA\.NUM_WORKERS=0"
    ):
        list(coming)
