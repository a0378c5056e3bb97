"""Drawn garments as files: a dataset that our own reader reads, and contact sheets."""

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from rpf import config
from rpf.datasets.annotations import missing_images, read_split
from rpf.datasets.contact_sheet import write_sheets
from rpf.datasets.synthetic import RECIPE, Recipe, draw_pictures, name_of, write_dataset
from rpf.errors import DatasetError
from tests.support import ROOT
from wardrobe import describe
from wardrobe.spec import ATTRIBUTES

RECIPE_OF_70 = Recipe(count=70, first=5, size=64, plain=False)


def quiet(phase: str, done: int, total: int) -> None:
    pass


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawn") / "wardrobe"
    write_dataset(folder, RECIPE_OF_70, quiet, workers=2)
    return folder


def test_a_drawn_dataset_is_read_with_the_labels_it_was_drawn_with(dataset: Path) -> None:
    data = config.load([ROOT / "config" / "Wardrobe" / "Wardrobe.yaml"], [f"DATA.BASE_PATH={dataset.parent}"]).DATA
    assert data.folder == dataset
    items = read_split(dataset, data, "all")
    assert [item.path for item in items] == [f"images/{name_of(seed)}" for seed in RECIPE_OF_70.seeds]
    assert not missing_images(dataset, items)
    for item, seed in zip(items, RECIPE_OF_70.seeds, strict=True):
        assert item.labels == describe(seed, plain=False).labels
    assert [len(read_split(dataset, data, split)) for split in ("train", "valid", "test")] == [56, 7, 7]
    with Image.open(dataset / items[0].path) as picture:
        assert max(picture.size) == 64 and picture.format == "JPEG"


def test_what_a_garment_has_no_part_for_is_in_the_absent_files(dataset: Path) -> None:
    first = RECIPE_OF_70.first
    for split, start in (("train", 0), ("valid", 56), ("test", 63)):
        lines = (dataset / f"absent_{split}.txt").read_text().splitlines()
        found = {tuple(map(int, line.split())) for line in lines}
        end = {"train": 56, "valid": 63, "test": 70}[split]
        assert found == {
            (seed - first - start, ATTRIBUTES.index(attribute))
            for seed in range(first + start, first + end)
            for attribute in describe(seed, plain=False).missing
        }


def test_queries_and_candidates_share_no_picture_of_a_value(dataset: Path) -> None:
    queries, candidates = (
        set((dataset / f"{kind}_valid.txt").read_text().splitlines()) for kind in ("query", "candidate")
    )
    assert queries and candidates and queries.isdisjoint(candidates)
    values = {line.split(" ", 1)[1] for line in queries}
    assert values <= {line.split(" ", 1)[1] for line in candidates}, "a query that nothing answers"


def test_the_same_command_goes_on_and_another_is_refused(dataset: Path) -> None:
    (dataset / "images" / name_of(9)).unlink()
    before = {path: path.stat().st_mtime_ns for path in (dataset / "images").iterdir()}
    seen: list[tuple[str, int, int]] = []
    write_dataset(dataset, RECIPE_OF_70, lambda *step: seen.append(step))
    assert seen == [("drawing", 69, 70), ("drawing", 70, 70)]
    after = {path: path.stat().st_mtime_ns for path in (dataset / "images").iterdir()}
    assert before.items() < after.items()
    for other in (replace(RECIPE_OF_70, plain=True), replace(RECIPE_OF_70, version=0)):
        with pytest.raises(DatasetError, match="give a new folder"):
            write_dataset(dataset, other, quiet)
    assert {path: path.stat().st_mtime_ns for path in (dataset / "images").iterdir()} == after


def test_a_folder_with_somebodys_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_bytes(b"mine")
    with pytest.raises(DatasetError, match="holds something else"):
        draw_pictures(tmp_path, Recipe(3), quiet)
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.jpg"]


def test_dataset_in_a_folder_with_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").touch()
    with pytest.raises(DatasetError, match="holds something else"):
        write_dataset(tmp_path, Recipe(1, size=64), quiet)
    assert [path.name for path in tmp_path.iterdir()] == ["photo.jpg"]


def test_a_recipe_knows_its_pictures(tmp_path: Path) -> None:
    recipe = Recipe(1, size=64)
    assert not recipe.drew(tmp_path)
    draw_pictures(tmp_path, recipe, quiet)
    assert recipe.drew(tmp_path) and not replace(recipe, size=65).drew(tmp_path)
    (tmp_path / RECIPE).write_bytes(b"\xff[")
    assert not recipe.drew(tmp_path)


def test_contact_sheets_hold_sixty_pictures_each(dataset: Path) -> None:
    sheets = write_sheets(dataset, RECIPE_OF_70, quiet)
    assert [path.name for path in sheets] == ["sheet-01.jpg", "sheet-02.jpg"]
    with Image.open(sheets[0]) as first, Image.open(sheets[1]) as second:
        assert first.width == second.width and first.height > 5 * second.height
        colours = first.convert("RGB").getcolors(1 << 24)
        assert colours and len(colours) > 1000, "no pictures on the sheet"
