"""Image check: bad files of every kind among good ones."""

import os
from pathlib import Path

import pytest
from PIL import Image

from rpf.datasets.annotations import LabelledImage
from rpf.datasets.image_check import ImageCheck, describe
from rpf.errors import DatasetError

FAULTS = {
    "gone.jpg": "missing",
    "folder.jpg": "missing",
    "empty.jpg": "empty",
    "text.jpg": "not an image",
    "page.jpg": "not an image",
    "cut.jpg": "damaged",
    "tiny.png": "too small or too large",
    "long.png": "too small or too large",
}


@pytest.fixture
def folder(tmp_path: Path, photo: Path) -> Path:
    data = photo.read_bytes()
    (tmp_path / "good.jpg").write_bytes(data)
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.jpg").write_text("not an image")
    (tmp_path / "page.jpg").write_text("<html>403 Forbidden</html>" * 100)
    (tmp_path / "cut.jpg").write_bytes(data[: len(data) // 2])
    Image.new("RGB", (8, 8)).save(tmp_path / "tiny.png")
    Image.new("1", (20_000, 16)).save(tmp_path / "long.png")
    return tmp_path


def images(*names: str) -> list[LabelledImage]:
    return [LabelledImage(name, {}) for name in names]


def test_image_check_names_every_fault(folder: Path) -> None:
    check = ImageCheck(skip_bad=True)
    assert check.bad_paths(folder, images("good.jpg", *FAULTS)) == set(FAULTS)
    skipped = check.skipped()
    assert {Path(path).name: kind for kind, paths in skipped["examples"].items() for path in paths} == FAULTS
    assert skipped["images"] == len(FAULTS)
    assert (skipped["missing"], skipped["empty"], skipped["damaged"]) == (2, 1, 1)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_image_check_finds_a_file_without_permission(folder: Path) -> None:
    (folder / "good.jpg").chmod(0)
    assert ImageCheck(skip_bad=True).bad_paths(folder, images("good.jpg")) == {"good.jpg"}


def test_image_check_refuses_all_bad_images_at_once_with_examples(folder: Path) -> None:
    missing = [f"{number}.jpg" for number in range(5)]
    check = ImageCheck()
    check.check(folder, images("good.jpg", *missing))
    check.check(folder, images("empty.jpg", "good.jpg"))
    with pytest.raises(DatasetError) as error:
        check.raise_for_bad()
    paths = ", ".join(str(folder / name) for name in missing[:3])
    assert str(error.value) == (
        f"6 of the 7 images cannot be used: 5 missing ({paths}, ...), 1 empty ({folder / 'empty.jpg'}). "
        "Repair these files, or leave them out with --skip-bad."
    )


def test_image_check_decodes_good_images_once_each(folder: Path) -> None:
    steps: list[tuple[str, int, int]] = []
    check = ImageCheck(progress=lambda *step: steps.append(step))
    for _ in range(2):
        assert check.bad_paths(folder, images("good.jpg", "good.jpg")) == set()
    assert steps == [("checking images", 1, 1)]
    assert check.skipped() == {}


def test_image_check_always_refuses_a_path_out_of_the_folder(folder: Path) -> None:
    with pytest.raises(DatasetError, match="leads out"):
        ImageCheck(skip_bad=True).bad_paths(folder, images("../good.jpg"))


def test_describe_marks_further_examples_with_an_ellipsis() -> None:
    skipped = {"images": 6, "missing": 1, "empty": 5, "examples": {"missing": ["a"], "empty": ["b", "c", "d"]}}
    assert describe(skipped) == "1 missing (a), 5 empty (b, c, d, ...)"
