"""Commands `add`, `remove`, `optimize` and `build-index`."""

import os
import shutil
import threading
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from rpf.collection import Collection
from rpf.engine import SearchEngine, SearchRequest
from rpf.errors import UnknownItem
from rpf.models import checkpoint
from rpf.search.index_store import index_method
from rpf.settings import Settings
from rpf.utils.locks import locked
from tests.support.commands import Run, import_legacy_items, snapshot


@pytest.fixture
def more(wardrobe: dict[Path, dict[str, int]]) -> list[Path]:
    """Return images that are not in the collection."""
    return list(wardrobe)[12:]


def items(folder: Path) -> dict[str, int]:
    """Return path -> id, each image once."""
    collection = Collection.open(folder)
    ids = {item.path: item.id for item in collection.items(collection.ids.tolist())}
    assert len(ids) == len(collection)
    return ids


OLD = {f"{number - 1:03}.jpg": number for number in range(1, 13) if number != 3}


def test_add_accepts_files_and_folders_of_the_image_folder(run: Run, folder: Path, more: list[Path]) -> None:
    (folder / "images" / "new" / "deep").mkdir(parents=True)
    for path in more[:3]:
        shutil.copy(path, folder / "images" / "new" / "deep")
    shutil.copy(more[3], folder / "images" / "one.jpg")
    (folder / "images" / "link.jpg").symlink_to("one.jpg")
    given = [folder / "images" / name for name in ("new", "one.jpg", "link.jpg", "000.jpg")]
    assert "5 added, 1 unchanged, 0 skipped" in run("add", "shop", *given)
    named = [f"new/deep/{path.name}" for path in more[:3]] + ["one.jpg", "link.jpg"]
    assert items(folder) == OLD | dict(zip(named, range(13, 18), strict=True))
    before = snapshot(folder)
    assert "0 added, 6 unchanged, 0 skipped" in run("add", "shop", *given)
    assert snapshot(folder) == before


def test_added_image_is_found_by_search(run: Run, living: Settings, more: list[Path]) -> None:
    run("add", "shop", "--copy", more[0])
    engine = SearchEngine(living)
    first = engine.search("shop", SearchRequest(engine.embed(more[0]), {"sleeve_length": 1.0}, k=3)).hits[0]
    assert (first.item.id, first.item.path) == (13, more[0].name)
    assert first.similarity == pytest.approx(1, abs=1e-3)


def test_add_copies_images_of_other_folders(run: Run, folder: Path, more: list[Path], tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "sub").mkdir(parents=True)
    shutil.copy(more[0], elsewhere / "000.jpg")  # a name that is taken
    shutil.copy(more[1], elsewhere / "sub" / "000.jpg")  # and again
    shutil.copy(more[2], elsewhere / "same.jpg")
    shutil.copy(more[2], elsewhere / "sub" / "same.jpg")
    shutil.copy(folder / "images" / "001.jpg", elsewhere / "001.jpg")  # the very file that is there
    (elsewhere / "broken.jpg").write_bytes(b"\xff\xd8 not an image")
    os.mkfifo(elsewhere / "pipe.jpg")
    assert "3 added, 1 unchanged, 2 skipped" in run("add", "shop", "--copy", elsewhere, status=3)
    assert items(folder).keys() == {*OLD, "000-2.jpg", "000-3.jpg", "same.jpg"}
    assert (folder / "images" / "000-2.jpg").read_bytes() == more[0].read_bytes()
    assert len(list((folder / "images").iterdir())) == 12 + 3  # no broken image, nothing half-written
    before = snapshot(folder)
    errors = run("add", "shop", "--copy", elsewhere, elsewhere / "same.jpg", status=3, stream="stderr")
    assert f"skipped {elsewhere / 'broken.jpg'}: " in errors and f"skipped {elsewhere / 'pipe.jpg'}: " in errors
    assert snapshot(folder) == before


def test_incomplete_copy_of_a_crash_is_deleted(run: Run, folder: Path, more: list[Path]) -> None:
    mine, anothers = (folder / "images" / f".rpf-{name}-0123.tmp" for name in ("shop", "other"))
    mine.write_bytes(b"half")
    anothers.write_bytes(b"half")  # of another collection with the same image folder
    run("add", "shop", "--copy", more[0])
    assert not mine.exists() and anothers.exists()


def test_changed_image_gets_a_new_id(run: Run, folder: Path, more: list[Path]) -> None:
    shutil.copy(more[0], folder / "images" / "004.jpg")
    assert "1 added, 1 unchanged" in run("add", "shop", folder / "images" / "004.jpg", folder / "images/005.jpg")
    assert items(folder) == OLD | {"004.jpg": 13}
    with pytest.raises(UnknownItem):
        Collection.open(folder).item(5)


def test_add_names_a_broken_image_and_adds_the_others(run: Run, folder: Path, more: list[Path]) -> None:
    (folder / "images" / "broken.jpg").write_bytes(b"\xff\xd8 not an image")
    shutil.copy(more[0], folder / "images")
    given = [folder / "images" / "broken.jpg", folder / "images" / more[0].name]
    assert "skipped broken.jpg: " in run("add", "shop", *given, status=3, stream="stderr")
    assert items(folder) == OLD | {more[0].name: 13}


def test_add_that_is_refused_changes_nothing(run: Run, living: Settings, more: list[Path], tmp_path: Path) -> None:
    folder = living.collections / "shop"
    before = snapshot(folder)
    assert "give --copy" in run("add", "shop", more[0], status=2)
    assert "nowhere.jpg" in run("add", "shop", folder / "images" / "nowhere.jpg", status=2)
    assert 'no collection named "none"' in run("add", "none", more[0], status=2)
    assert "name" in run("add", "../shop", more[0], status=2)
    (tmp_path / "empty").mkdir()
    assert "no images" in run("add", "shop", tmp_path / "empty", status=2)
    assert "--batch" in run("add", "shop", "--copy", more[0], "--batch", 0, status=2)
    wrong = living.model_copy(update={"index_method": "wrong"})
    assert "wrong" in Run(wrong)("add", "shop", "--copy", more[0], status=2)
    model = checkpoint.load(living.checkpoint)
    model.region.attribute.weight.data += 1
    checkpoint.save(model, tmp_path / "other.safetensors")
    other = ["--checkpoint", tmp_path / "other.safetensors"]
    assert "another checkpoint" in run("add", "shop", "--copy", more[0], *other, status=2)
    assert snapshot(folder) == before


def test_add_does_not_create_a_missing_image_folder(run: Run, folder: Path, more: list[Path]) -> None:
    (folder / "images").rename(folder / "elsewhere")
    assert 'images" of the collection shop is not there' in run("add", "shop", "--copy", more[0], status=2)
    assert not (folder / "images").exists() and items(folder) == OLD


def test_add_to_an_imported_collection_is_refused(run: Run, living: Settings, more: list[Path], tmp_path: Path) -> None:
    import_legacy_items(run, tmp_path)
    assert "imported without its checkpoint" in run("add", "old", "--copy", more[0], status=2)
    assert "1 removed, 2 left" in run("remove", "old", 1)
    assert Collection.open(living.collections / "old").ids.tolist() == [0, 2]


def test_remove_deletes_items_and_lists_them(run: Run, living: Settings, folder: Path, more: list[Path]) -> None:
    assert "2 removed, 9 left" in run("remove", "shop", 1, 12, 12)
    assert items(folder) == {path: number for path, number in OLD.items() if number not in (1, 12)}
    engine = SearchEngine(living)
    hits = engine.search("shop", SearchRequest(engine.query_item("shop", 2), {"sleeve_length": 1.0}, k=100)).hits
    assert sorted(hit.item.id for hit in hits) == [4, 5, 6, 7, 8, 9, 10, 11]
    with pytest.raises(UnknownItem):
        engine.query_item("shop", 12)
    assert (folder / "images" / "011.jpg").exists()
    # The same image comes back as another item, even when its vectors were deleted.
    run("optimize", "shop")
    run("add", "shop", folder / "images" / "011.jpg", "--again")
    assert items(folder)["011.jpg"] == 13


def test_remove_with_an_unknown_id_removes_nothing(run: Run, folder: Path) -> None:
    before = snapshot(folder)
    for ids in ([1, 99], [3], [0], [2**70]):
        assert f"no item {ids[-1]} in the collection shop" in run("remove", "shop", *ids, status=2)
    assert "no collection" in run("remove", "none", 1, status=2)
    assert 'no item with the path "one"' in run("remove", "shop", "one", status=2)
    assert snapshot(folder) == before


def test_remove_of_all_items_leaves_a_collection_to_add_to(run: Run, folder: Path, more: list[Path]) -> None:
    run("build-index", "shop", "--method", "pca")
    assert "11 removed, 0 left" in run("remove", "shop", *OLD.values())
    assert "0 items, searched by exact" in run("optimize", "shop")
    run("add", "shop", "--copy", more[0])
    assert items(folder) == {more[0].name: 13}


def test_optimize_merges_segments_and_drops_removed_items(run: Run, folder: Path) -> None:
    assert len(Collection.open(folder).manifest.segments) == 2
    assert "11 items, searched by exact" in run("optimize", "shop")
    manifest = Collection.open(folder).manifest
    assert len(manifest.segments) == 1 and not manifest.tombstones and items(folder) == OLD
    (merged,) = (folder / "segments").iterdir()
    assert np.load(merged / "ids.npy").tolist() == list(OLD.values())
    before = snapshot(folder)
    run("optimize", "shop")
    assert snapshot(folder) == before


@pytest.mark.parametrize("method", ["pca", "hnsw", "kdtree", "lsh", "faiss:PCA16,SQ8", "none"])
def test_build_index_uses_the_chosen_method_and_later_commands_keep_it(
    run: Run, living: Settings, folder: Path, more: list[Path], method: str
) -> None:
    assert f"searched by {method}" in run("build-index", "shop", "--method", method)
    for command in ("optimize", "build-index"):
        assert f"searched by {method}" in run(command, "shop")  # again, without --method
    run("add", "shop", "--copy", *more[:5])
    run("remove", "shop", 2)
    assert index_method(Collection.open(folder), living.indexes) == method
    indexed, exact = SearchEngine(living), SearchEngine(living.model_copy(update={"index_method": "exact"}))
    assert indexed.method("shop") != exact.method("shop") == "exact"
    query = exact.embed(more[2])
    request = SearchRequest(query, {"sleeve_length": 1.0}, k=1)
    hit, wanted = (engine.search("shop", request).hits[0] for engine in (indexed, exact))
    assert (hit.item.path, hit.similarity) == (more[2].name, wanted.similarity)
    assert "searched by exact" in run("build-index", "shop", "--method", "exact")
    assert not list(living.indexes.rglob("*.npy")) and index_method(Collection.open(folder), living.indexes) is None


def test_build_index_with_an_unknown_method_changes_nothing(run: Run, folder: Path) -> None:
    before = snapshot(folder)
    assert "abacus" in run("build-index", "shop", "--method", "abacus", status=2)
    for command in ("optimize", "build-index"):
        assert "no collection" in run(command, "none", status=2)
    assert snapshot(folder) == before


def test_build_index_that_fails_keeps_the_old_index(run: Run, living: Settings, folder: Path) -> None:
    run("build-index", "shop", "--method", "pca")
    before = snapshot(living.indexes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rpf.search.indexes.faiss.MIN_TRAINING_VECTORS", 1)
        assert "FAISS" in run("build-index", "shop", "--method", "faiss:nonsense", status=2)
    assert snapshot(living.indexes) == before
    assert index_method(Collection.open(folder), living.indexes) == "pca"


@pytest.mark.parametrize(
    "command",
    [["add", "--copy"], ["remove", 1], ["optimize"], ["build-index"], ["repair"]],
    ids=["add", "remove", "optimize", "build-index", "repair"],
)
def test_second_command_waits_for_the_lock_or_fails(
    run: Run, folder: Path, more: list[Path], command: list[object]
) -> None:
    name, *rest = command
    args = [name, "shop", *rest, *([more[0]] if name == "add" else [])]
    with ExitStack() as held:
        held.enter_context(locked(folder, 0))
        before = snapshot(folder)
        assert "is being written by another process" in run(*args, "--wait", 0, status=2)
        assert "is being written by another process" in run(*args, "--wait", 0.2, status=2)
        assert snapshot(folder) == before
        threading.Timer(0.5, held.close).start()
        run(*args, "--wait", 60)
    assert len(Collection.open(folder)) == 11 + {"add": 1, "remove": -1}.get(str(name), 0)
