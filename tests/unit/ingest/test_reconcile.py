"""Reconciliation of a collection with its image folder after moves, removals and returns of images."""

import random
import shutil
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpf.collection import Collection, Writer
from rpf.errors import CollectionError, UnknownItem
from rpf.ingest.pipeline import ImageRecord, IngestReport
from rpf.ingest.reconcile import remove
from rpf.ingest.scan import find_images
from tests.support.collection_builder import index_images
from tests.unit.ingest.test_pipeline import Projection, check, draw


def labels(path: str) -> dict[str, int]:
    return {"sleeve_length": len(path)}


def run(folder: Path, root: Path, **options: Any) -> IngestReport:
    sources = [ImageRecord(path, labels(path)) for path in find_images(root)]
    return index_images(folder, root, sources, Projection(), **options)


def ids(folder: Path, root: Path) -> dict[str, int]:
    """Return path -> id of the items, whose vectors, hashes and labels are those of their images."""
    collection = Collection.open(folder)
    return dict(zip(check(folder, root), collection.ids.tolist(), strict=True))


def take_out(folder: Path, *given: str, missing: bool = False) -> dict[int, str]:
    with Writer.open(folder) as writer:
        return remove(writer, given, missing)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Draw five images of different sizes: items 1 to 5 of the collection "c"."""
    for number, name in enumerate(["a.png", "b.png", "c.png", "sub/d.png", "sub/e.png"]):
        draw(tmp_path / "images" / name, number, (40 + 3 * number, 50))
    run(tmp_path / "c", tmp_path / "images")
    return tmp_path / "images"


OLD = {"a.png": 1, "b.png": 2, "c.png": 3, "sub/d.png": 4, "sub/e.png": 5}


def rename(images: Path, *pairs: tuple[str, str]) -> None:
    """Rename all files, by way of temporary names."""
    for number, (old, _) in enumerate(pairs):
        (images / old).rename(images.parent / f"{number}.tmp")
    for number, (_, new) in enumerate(pairs):
        (images / new).parent.mkdir(exist_ok=True)
        (images.parent / f"{number}.tmp").rename(images / new)


@pytest.mark.parametrize(
    ("pairs", "lost"),
    [
        ([("a.png", "z.png")], []),
        ([("sub/d.png", "x/d.png"), ("sub/e.png", "x/e.png")], []),
        ([("a.png", "b.png"), ("b.png", "a.png")], []),
        ([("a.png", "b.png"), ("b.png", "c.png"), ("c.png", "f.png")], []),
        ([("a.png", "b.png")], [2]),
    ],
    ids=["rename", "folder", "swap", "renumber", "overwrite"],
)
def test_index_after_a_move_keeps_the_ids(
    tmp_path: Path, images: Path, pairs: list[tuple[str, str]], lost: list[int]
) -> None:
    rename(images, *pairs)
    expected = {dict(pairs).get(path, path): item_id for path, item_id in OLD.items() if item_id not in lost}
    segments = {path: path.stat().st_mtime_ns for path in (tmp_path / "c" / "segments").rglob("*.npy")}
    report = run(tmp_path / "c", images)
    assert (report.added, report.moved, report.unchanged) == (0, len(pairs), len(expected) - len(pairs))
    assert ids(tmp_path / "c", images) == expected
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "c" / "segments").rglob("*.npy")} == segments
    report = run(tmp_path / "c", images)
    assert (report.added, report.moved, report.unchanged) == (0, 0, len(expected))


def test_index_after_a_move_between_files_of_one_size_keeps_the_ids(tmp_path: Path) -> None:
    root = tmp_path / "images"
    for number in range(4):
        draw(root / f"{number}.bmp", number)
    run(tmp_path / "c", root)
    rename(root, ("0.bmp", "1.bmp"), ("1.bmp", "2.bmp"))
    assert run(tmp_path / "c", root).moved == 2
    assert ids(tmp_path / "c", root) == {"1.bmp": 1, "2.bmp": 2, "3.bmp": 4}


def test_index_after_a_copy_has_two_items(tmp_path: Path, images: Path) -> None:
    shutil.copy(images / "a.png", images / "copy.png")
    assert run(tmp_path / "c", images).added == 1
    assert ids(tmp_path / "c", images) == {**OLD, "copy.png": 6}
    (images / "a.png").unlink()
    (images / "copy.png").rename(images / "z.png")
    report = run(tmp_path / "c", images)  # two have lost the same image, and one file has it
    assert (report.added, report.moved) == (0, 1)
    collection = Collection.open(tmp_path / "c")
    assert (collection.item(1).path, collection.item(6).path) == ("z.png", "copy.png")


def test_index_of_a_moved_image_without_labels_keeps_those_it_has(tmp_path: Path, images: Path) -> None:
    rename(images, ("a.png", "longer.png"))
    index_images(tmp_path / "c", images, [ImageRecord(path) for path in find_images(images)], Projection())
    assert Collection.open(tmp_path / "c").item(1).labels == labels("a.png")


def test_snapshot_opened_before_a_move_answers_with_the_new_path(tmp_path: Path, images: Path) -> None:
    collection = Collection.open(tmp_path / "c")
    rename(images, ("a.png", "z.png"))
    run(tmp_path / "c", images)
    assert collection.image_path(collection.item(1)) == images / "z.png"


def test_index_of_an_unchanged_folder_reads_each_file_once(
    tmp_path: Path, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    real = Path.open

    def spy(path: Path, *args: Any, **options: Any) -> Any:
        opened.append(path.name)
        return real(path, *args, **options)

    monkeypatch.setattr(Path, "open", spy)
    monkeypatch.setattr("rpf.ingest.reconcile.file_hash", lambda path: pytest.fail(f"{path} is hashed twice"))
    assert run(tmp_path / "c", images).unchanged == 5
    assert sorted(name for name in opened if name.endswith(".png")) == sorted(Path(path).name for path in OLD)


def test_prune_removes_what_left_the_folder_and_nothing_else(tmp_path: Path, images: Path) -> None:
    away = tmp_path / "d.png"
    (images / "sub" / "d.png").rename(away)
    assert run(tmp_path / "c", images).pruned == 0 and len(Collection.open(tmp_path / "c")) == 5
    rename(images, ("a.png", "z.png"))
    report = run(tmp_path / "c", images, prune=True)
    assert (report.pruned, report.moved, report.added) == (1, 1, 0)
    assert ids(tmp_path / "c", images) == {"z.png": 1, "b.png": 2, "c.png": 3, "sub/e.png": 5}
    away.rename(images / "sub" / "d.png")  # it is back, and was not removed on purpose
    assert run(tmp_path / "c", images, prune=True).added == 1


def test_prune_keeps_items_of_files_that_were_not_named(tmp_path: Path, images: Path) -> None:
    report = index_images(tmp_path / "c", images, [ImageRecord("a.png")], Projection(), prune=True)
    assert (report.pruned, report.unchanged) == (0, 1) and ids(tmp_path / "c", images) == OLD


@pytest.mark.parametrize("empty", [True, False])
def test_prune_of_everything_is_refused(tmp_path: Path, images: Path, empty: bool) -> None:
    """Prune as where a disk is not mounted: its folder is empty, has another image, or does not exist."""
    images.rename(tmp_path / "elsewhere")
    images.mkdir()
    if not empty:
        draw(images / "other.png", 9)
    with pytest.raises(CollectionError, match=r"None of the 5 images of the collection c is in .* delete the folder"):
        run(tmp_path / "c", images, prune=True)
    with pytest.raises(CollectionError, match="None of the 5 images"):
        take_out(tmp_path / "c", missing=True)
    shutil.rmtree(images)
    with pytest.raises(CollectionError, match=r"is not there\. If it was moved: rpf relocate c NEWFOLDER"):
        take_out(tmp_path / "c", missing=True)
    (tmp_path / "elsewhere").rename(images)
    assert ids(tmp_path / "c", images) == OLD


def test_removed_images_stay_away_until_they_are_wanted_again(tmp_path: Path, images: Path) -> None:
    assert take_out(tmp_path / "c", "2", "sub") == {2: "b.png", 4: "sub/d.png", 5: "sub/e.png"}
    for turn in range(2):
        report = run(tmp_path / "c", images)
        assert (report.added, report.unchanged, report.left_out) == (0, 2, 3), turn
    rename(images, ("b.png", "sub/other.png"))  # by its bytes, not by its name
    assert run(tmp_path / "c", images).left_out == 3
    with Writer.open(tmp_path / "c") as writer:
        writer.optimize()
    assert run(tmp_path / "c", images).left_out == 3
    report = index_images(
        tmp_path / "c", images, [ImageRecord("sub/other.png", labels("sub/other.png"))], Projection(), again=True
    )
    assert (report.added, report.left_out) == (1, 0)
    assert run(tmp_path / "c", images).left_out == 2  # the others are not wanted still
    assert ids(tmp_path / "c", images) == {"a.png": 1, "c.png": 3, "sub/other.png": 6}
    take_out(tmp_path / "c", "sub/other.png")
    assert run(tmp_path / "c", images).left_out == 3


def test_image_removed_under_one_path_stays_under_another(tmp_path: Path, images: Path) -> None:
    shutil.copy(images / "a.png", images / "copy.png")
    run(tmp_path / "c", images)
    take_out(tmp_path / "c", "a.png")
    report = run(tmp_path / "c", images)
    assert (report.unchanged, report.left_out, report.added) == (5, 1, 0)
    assert ids(tmp_path / "c", images) == {"b.png": 2, "c.png": 3, "sub/d.png": 4, "sub/e.png": 5, "copy.png": 6}
    (images / "a.png").unlink()
    rename(images, ("copy.png", "z.png"))
    assert run(tmp_path / "c", images).moved == 1
    assert ids(tmp_path / "c", images) == {"b.png": 2, "c.png": 3, "sub/d.png": 4, "sub/e.png": 5, "z.png": 6}


def test_missing_items_that_were_removed_are_added_again(tmp_path: Path, images: Path) -> None:
    (images / "a.png").rename(tmp_path / "a.png")
    assert take_out(tmp_path / "c", "3", missing=True) == {1: "a.png", 3: "c.png"}
    (tmp_path / "a.png").rename(images / "a.png")
    report = run(tmp_path / "c", images)
    assert (report.added, report.left_out) == (1, 1)


def test_remove_by_path_tries_the_working_folder_then_the_image_folder(
    tmp_path: Path, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw(images / "17.png", 20)
    (images / "17.png").rename(images / "17")
    (tmp_path / "way").symlink_to(images)
    run(tmp_path / "c", images)
    assert len(Collection.open(tmp_path / "c")) == 6
    monkeypatch.chdir(images / "sub")
    for text in ("b", "", "../sub/17", "no/such", str(tmp_path), "..x"):
        with pytest.raises(UnknownItem, match="no item with the path"):
            take_out(tmp_path / "c", "1", text)
    with pytest.raises(UnknownItem, match="no item 17 "):
        take_out(tmp_path / "c", "17")
    assert len(Collection.open(tmp_path / "c")) == 6
    assert take_out(tmp_path / "c", "d.png", "../a.png") == {1: "a.png", 4: "sub/d.png"}
    assert take_out(tmp_path / "c", "sub/e.png") == {5: "sub/e.png"}
    assert take_out(tmp_path / "c", str(tmp_path / "way" / "b.png")) == {2: "b.png"}
    monkeypatch.chdir(images)
    assert take_out(tmp_path / "c", "./17") == {6: "17"}
    (images / "c.png").unlink()  # an item can be named though its image is missing
    assert take_out(tmp_path / "c", ".") == {3: "c.png"}


def test_collection_without_a_table_of_removals_gets_one(tmp_path: Path, images: Path) -> None:
    with sqlite3.connect(tmp_path / "c" / "items.sqlite") as database:
        database.executescript("DROP TABLE removed; DROP TABLE originals; DROP TABLE copies")
    database.close()
    assert len(Collection.open(tmp_path / "c")) == 5  # a reader needs none
    take_out(tmp_path / "c", "1")
    assert run(tmp_path / "c", images).left_out == 1


def test_linked_images_are_read_where_the_installation_allows_it(tmp_path: Path, images: Path) -> None:
    draw(tmp_path / "archive" / "f.png", 8)
    (images / "archive").symlink_to(tmp_path / "archive")
    source = ImageRecord("archive/f.png", labels("archive/f.png"))
    report = index_images(tmp_path / "c", images, [source], Projection())
    assert report.skipped[0][1].startswith("It lies outside of the image folder, or a link leads there")
    linked = (tmp_path / "archive",)
    assert index_images(tmp_path / "c", images, [source], Projection(), linked=linked).added == 1
    collection, stranger = Collection.open(tmp_path / "c", linked), Collection.open(tmp_path / "c")
    assert collection.image_path(collection.item(6)) == tmp_path / "archive" / "f.png"
    with pytest.raises(UnknownItem, match="not there"):
        stranger.image_path(stranger.item(6))
    # An image that may not be read is not missing.
    assert run(tmp_path / "c", images, prune=True).pruned == 0
    assert take_out(tmp_path / "c", missing=True) == {}


# Any sequence of what people do, against a model in a few lines.


@dataclass
class FolderModel:
    """Expected content of the folder and of the collection."""

    files: dict[str, int] = field(default_factory=dict)  # path -> image
    items: dict[str, tuple[int, int]] = field(default_factory=dict)  # path -> (id, image)
    removed: set[int] = field(default_factory=set)  # images
    next_id: int = 1

    def index(self, again: bool, prune: bool) -> None:
        kept = {path: entry for path, entry in self.items.items() if self.files.get(path) == entry[1]}
        lost = sorted((*entry, path) for path, entry in self.items.items() if path not in kept)
        for path in sorted(self.files.keys() - kept.keys()):
            if entry := next((entry for entry in lost if entry[1] == self.files[path]), None):
                lost.remove(entry)
                kept[path] = entry[:2]
        missing = {path: (item_id, image) for item_id, image, path in lost if path not in self.files}
        self.items = kept if prune else kept | missing
        for path in sorted(self.files.keys() - self.items.keys()):
            if self.files[path] not in self.removed or again:
                self.removed.discard(self.files[path])
                self.items[path] = (self.next_id, self.files[path])
                self.next_id += 1


NAMES = ["a.png", "b.png", "c.png", "x/a.png", "x/b.png"]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["add", "copy", "move", "delete", "change", "remove", "index", "index", "prune", "again"]),
        st.integers(0, 2**16),
    ),
    max_size=20,
)


@given(STEPS)
def test_any_sequence_of_changes_leaves_the_expected_items(tmp_path: Path, steps: list[tuple[str, int]]) -> None:
    folder, root, drawings = tmp_path / "c", tmp_path / "images", tmp_path / "drawings"
    for path in (folder, root):
        shutil.rmtree(path, ignore_errors=True)
    root.mkdir()
    model = FolderModel()
    model.files["first.png"] = 1000  # stays, so that there is something to prune beside
    for number in range(30):
        if not (drawings / f"{number}.png").exists():
            draw(drawings / f"{number}.png", number, (40 + number, 50))
    draw(root / "first.png", 1000)
    run(folder, root)
    model.index(False, False)
    drawn = 0
    for kind, number in [*steps, ("index", 0)]:
        chance = random.Random(number)
        name = chance.choice(NAMES)
        others = [path for path in NAMES if path in model.files]
        if kind in ("add", "change"):
            model.files[name] = drawn % 30 if kind == "change" else chance.randrange(5)
            drawn += 1
            (root / name).parent.mkdir(exist_ok=True)
            shutil.copy(drawings / f"{model.files[name]}.png", root / name)
        elif kind in ("copy", "move") and others and (old := chance.choice(others)) != name:
            (root / name).parent.mkdir(exist_ok=True)
            shutil.copy(root / old, root / name)
            model.files[name] = model.files[old]
            if kind == "move":
                (root / old).unlink()
                del model.files[old]
        elif kind == "delete" and others:
            old = chance.choice(others)
            (root / old).unlink()
            del model.files[old]
        elif kind == "remove" and (live := [path for path in NAMES if path in model.items]):
            path = chance.choice(live)
            item_id, image = model.items.pop(path)
            model.removed.add(image)
            assert take_out(folder, chance.choice([str(item_id), str(root / path)])) == {item_id: path}
        elif kind in ("index", "prune", "again"):
            run(folder, root, prune=kind == "prune", again=kind == "again")
            model.index(kind == "again", kind == "prune")
            collection = Collection.open(folder)
            items = collection.items(collection.ids.tolist())
            assert {item.path: item.id for item in items} == {path: entry[0] for path, entry in model.items.items()}
    run(folder, root, prune=True)
    check(folder, root)


def test_move_that_is_refused_changes_nothing(tmp_path: Path, images: Path) -> None:
    with Writer.open(tmp_path / "c") as writer:
        with pytest.raises(CollectionError, match="cannot be stored"):
            writer.move({1: ("b.png", {}), 2: ("\udcff", {})})
        with pytest.raises(UnknownItem, match="no item 9 "):
            writer.move({1: ("b.png", {}), 9: ("z.png", {})})
    assert ids(tmp_path / "c", images) == OLD
