"""Synthetic datasets: files that read_split reads, and contact sheets."""

import json
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from PIL import Image

from rpf import config
from rpf.datasets.annotations import missing_images, read_split
from rpf.datasets.contact_sheet import write_sheets
from rpf.datasets.synthetic import RECIPE_FILE, Recipe, draw_images, image_name, write_dataset
from rpf.errors import DatasetError
from tests.support import ROOT
from wardrobe import describe
from wardrobe.spec import ATTRIBUTES

RECIPE_OF_70 = Recipe(count=70, first=5, size=64)


def quiet(phase: str, done: int, total: int) -> None:
    pass


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawn") / "wardrobe"
    write_dataset(folder, RECIPE_OF_70, quiet, workers=2)
    return folder


def test_write_dataset_is_read_back_with_the_drawn_labels(dataset: Path) -> None:
    data = config.load([ROOT / "config" / "Wardrobe" / "Wardrobe.yaml"], [f"DATA.BASE_PATH={dataset.parent}"]).DATA
    assert data.folder == dataset
    items = read_split(dataset, data, "all")
    assert [item.path for item in items] == [f"images/{image_name(seed)}" for seed in RECIPE_OF_70.seeds]
    assert not missing_images(dataset, items)
    for item, seed in zip(items, RECIPE_OF_70.seeds, strict=True):
        assert item.labels == describe(seed).values
    assert [len(read_split(dataset, data, split)) for split in ("train", "valid", "test")] == [56, 7, 7]
    with Image.open(dataset / items[0].path) as image:
        assert max(image.size) == 64 and image.format == "JPEG"


def test_write_dataset_lists_missing_parts_in_the_absent_files(dataset: Path) -> None:
    first = RECIPE_OF_70.first
    for split, start in (("train", 0), ("valid", 56), ("test", 63)):
        lines = (dataset / f"absent_{split}.txt").read_text().splitlines()
        listed = {tuple(map(int, line.split())) for line in lines}
        end = {"train": 56, "valid": 63, "test": 70}[split]
        assert listed == {
            (seed - first - start, ATTRIBUTES.index(attribute))
            for seed in range(first + start, first + end)
            for attribute in describe(seed).missing
        }


def test_queries_and_candidates_share_no_image_of_a_value(dataset: Path) -> None:
    queries, candidates = (
        set((dataset / f"{kind}_valid.txt").read_text().splitlines()) for kind in ("query", "candidate")
    )
    assert queries and candidates and queries.isdisjoint(candidates)
    values = {line.split(" ", 1)[1] for line in queries}
    assert values <= {line.split(" ", 1)[1] for line in candidates}, "a query without a relevant candidate"


def test_write_dataset_resumes_the_same_recipe_and_refuses_another(dataset: Path) -> None:
    (dataset / "images" / image_name(9)).unlink()
    before = {path: path.stat().st_mtime_ns for path in (dataset / "images").iterdir()}
    steps: list[tuple[str, int, int]] = []
    write_dataset(dataset, RECIPE_OF_70, lambda *step: steps.append(step))
    assert steps == [("drawing", 69, 70), ("drawing", 70, 70)]
    after = {path: path.stat().st_mtime_ns for path in (dataset / "images").iterdir()}
    assert before.items() < after.items()
    for other in (replace(RECIPE_OF_70, size=65), replace(RECIPE_OF_70, version=0)):
        with pytest.raises(DatasetError, match="give a new folder"):
            write_dataset(dataset, other, quiet)
    assert {path: path.stat().st_mtime_ns for path in (dataset / "images").iterdir()} == after


@pytest.mark.parametrize(("plain", "resumes"), [(True, True), (False, False)], ids=["studio", "scenes"])
def test_draw_images_resumes_earlier_studio_images_only(tmp_path: Path, plain: bool, resumes: bool) -> None:
    """Check a folder begun when recipes still said whether the images were of the studio."""
    recipe = Recipe(2, size=64)
    (tmp_path / RECIPE_FILE).write_text(json.dumps(asdict(recipe) | {"plain": plain}))
    (tmp_path / image_name(0)).write_bytes(b"drawn before")
    with nullcontext() if resumes else pytest.raises(DatasetError, match="give a new folder"):
        draw_images(tmp_path, recipe, quiet)
    assert (tmp_path / image_name(0)).read_bytes() == b"drawn before"
    assert (tmp_path / image_name(1)).exists() == resumes


def test_draw_images_refuses_a_folder_with_other_files(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_bytes(b"mine")
    with pytest.raises(DatasetError, match="contains other files"):
        draw_images(tmp_path, Recipe(3), quiet)
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.jpg"]


def test_write_dataset_refuses_a_folder_with_other_files(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").touch()
    with pytest.raises(DatasetError, match="contains other files"):
        write_dataset(tmp_path, Recipe(1, size=64), quiet)
    assert [path.name for path in tmp_path.iterdir()] == ["photo.jpg"]


def test_recipe_recognises_the_folder_it_drew(tmp_path: Path) -> None:
    recipe = Recipe(1, size=64)
    assert not recipe.drew(tmp_path)
    draw_images(tmp_path, recipe, quiet)
    assert recipe.drew(tmp_path) and not replace(recipe, size=65).drew(tmp_path)
    (tmp_path / RECIPE_FILE).write_bytes(b"\xff[")
    assert not recipe.drew(tmp_path)


def test_write_sheets_puts_sixty_images_on_each_sheet(dataset: Path) -> None:
    sheets = write_sheets(dataset, RECIPE_OF_70, quiet)
    assert [path.name for path in sheets] == ["sheet-01.jpg", "sheet-02.jpg"]
    with Image.open(sheets[0]) as first, Image.open(sheets[1]) as second:
        assert first.width == second.width and first.height > 5 * second.height
        colours = first.convert("RGB").getcolors(1 << 24)
        assert colours and len(colours) > 1000, "no images on the sheet"
