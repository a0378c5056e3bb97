"""Collections on real files: what is written is read."""

import json
import os
import shutil
import signal
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rpf.collection import Collection, NewItem, Writer, manifest, segments, valid_name
from rpf.errors import CollectionError, UnknownCollection, UnknownItem
from tests.support.collection_builder import (
    ATTRIBUTES,
    DIM,
    append,
    as_format_1,
    box,
    check,
    fork,
    known_presence,
    names,
    new,
    presence,
    vectors,
    write,
)


def test_appended_items_are_read_back(tmp_path: Path) -> None:
    folder = tmp_path / "coats"
    with write(folder, title="Áo khoác 外套") as writer:
        first = append(writer, ["a.jpg", "sub/Đầm đẹp.png"])
        second = append(writer, ["c.jpg"])
        assert first + second == [1, 2, 3]
    collection = Collection.open(folder)
    assert check(collection) == {"a.jpg": 1, "sub/Đầm đẹp.png": 2, "c.jpg": 3}
    assert collection.name == "coats" and collection.manifest.spec.title == "Áo khoác 外套"
    assert collection.vocabulary.keys == ATTRIBUTES and collection.root == (folder / "images").resolve()
    assert [item.path for item in collection.items([3, 1, 3])] == ["c.jpg", "a.jpg", "c.jpg"]
    assert collection.vectors(1).dtype == np.float32 and collection.boxes(1).dtype == np.int32  # type: ignore[union-attr]
    rows = np.array([2, 0])
    np.testing.assert_allclose(collection.take(1, rows), [vectors("c.jpg")[1], vectors("a.jpg")[1]], atol=1e-3)
    with pytest.raises(ValueError, match="read-only"):
        collection.ids[0] = 7


def test_empty_collection_can_be_opened(tmp_path: Path) -> None:
    with write(tmp_path / "none") as writer:
        assert writer.append([], np.empty((0, 3, DIM), np.float32), None) == []
        writer.optimize()
    collection = Collection.open(tmp_path / "none")
    assert len(collection) == 0 and list(collection.chunks(0)) == [] and collection.items([]) == []


def test_optimized_segments_are_views_of_the_file(tmp_path: Path) -> None:
    with write(tmp_path / "c") as writer:
        append(writer, names(0, 5))
        append(writer, names(5, 9))
        writer.remove([2])
        writer.optimize()
    collection = Collection.open(tmp_path / "c")
    assert len(collection.manifest.segments) == 1 and not collection.manifest.tombstones
    assert not any(block.flags.owndata for _, block in collection.chunks(0))
    check(collection)


@pytest.mark.parametrize("item_id", [0, 4, -1, 2**63, 2**100])
def test_unknown_item_is_an_error_and_removes_nothing(tmp_path: Path, item_id: int) -> None:
    with write(tmp_path / "c") as writer:
        append(writer, names(0, 3))
        with pytest.raises(UnknownItem):
            writer.remove([1, item_id])
    collection = Collection.open(tmp_path / "c")
    for ask in (collection.item, collection.vectors, collection.boxes, collection.presence):
        with pytest.raises(UnknownItem, match="no item"):
            ask(item_id)
    check(collection)


def test_boxes_may_be_unknown(tmp_path: Path) -> None:
    with write(tmp_path / "c") as writer:
        append(writer, names(0, 2), boxes=False)
        append(writer, names(2, 4))
        for _ in range(2):
            collection = Collection.open(tmp_path / "c")
            assert [collection.boxes(item_id) is None for item_id in collection.ids] == [True, True, False, False]
            np.testing.assert_array_equal(collection.boxes(3), box("0002.jpg"))
            check(collection, boxes=False)
            writer.optimize()


def test_presence_may_be_unknown(tmp_path: Path) -> None:
    with write(tmp_path / "c") as writer:
        append(writer, names(0, 2), parts=False)
        assert not Collection.open(tmp_path / "c").knows_presence
        append(writer, names(2, 5))
        writer.remove([4])
        for _ in range(2):
            collection = Collection.open(tmp_path / "c")
            assert collection.knows_presence
            assert [collection.presence(item_id) is None for item_id in collection.ids] == [True, True, False, False]
            np.testing.assert_array_equal(collection.presence(5), known_presence("0004.jpg"))
            assert (collection.presence_by_attribute[:, :2] == 1).all()
            expected = [known_presence(path) for path in names(2, 5)[::2]]
            np.testing.assert_array_equal(collection.presence_by_attribute[:, 2:].T, expected)
            check(collection, parts=False)
            writer.optimize()
        writer.remove([3, 5])
        writer.optimize()
        assert not Collection.open(tmp_path / "c").knows_presence  # nothing is left that was known


def test_collection_without_presence_opens_and_grows(tmp_path: Path) -> None:
    """Write it as a version without presence did: the same format and files, but for applicable.npy."""
    folder = tmp_path / "c"
    with write(folder) as writer:
        append(writer, names(0, 3), parts=False)
    written = {path.name for path in (folder / "segments" / "0000000001").iterdir()}
    assert written == {"ids.npy", "embeddings.npy", "boxes.npy"}
    collection = Collection.open(folder)
    assert not collection.knows_presence and (collection.presence_by_attribute == 1).all()
    with write(folder) as writer:
        append(writer, names(3, 5))
        writer.optimize()
    assert check(Collection.open(folder), parts=False).keys() == set(names(0, 5))


@pytest.mark.parametrize("optional", [(), ("title",), ("title", "index")])
def test_format_1_opens_and_gets_a_uuid_at_the_first_write(tmp_path: Path, optional: tuple[str, ...]) -> None:
    folder = tmp_path / "c"
    with write(folder, title="Coats") as writer:
        append(writer, names(0, 5))
        append(writer, names(5, 8))
        writer.remove([2])
    as_format_1(folder, optional)
    text = (folder / "manifest.json").read_bytes()
    collection = Collection.open(folder)
    items = check(collection)
    assert len(items) == 7 and collection.manifest.uuid == ""
    assert collection.manifest.spec.title == ("Coats" if "title" in optional else "")
    assert (folder / "manifest.json").read_bytes() == text
    with Writer.open(folder) as writer:
        uuid = writer.manifest.uuid
        assert append(writer, names(8, 9)) == [9]
    assert len(uuid) == 32 and not (folder / "index").exists()
    assert json.loads((folder / "manifest.json").read_bytes())["format"] == 2
    collection = Collection.open(folder)
    assert check(collection) == {**items, "0008.jpg": 9} and collection.manifest.uuid == uuid
    with Writer.open(folder) as writer:
        assert (writer.manifest.uuid, writer.cleared) == (uuid, 0)


def test_cleanup_keeps_other_files_of_the_index_folder(tmp_path: Path) -> None:
    folder = tmp_path / "c"
    write(folder).close()
    (folder / "index").mkdir()
    (folder / "index" / "photo.jpg").write_bytes(b"x")
    (folder / "index" / "0000000007").mkdir()
    write(folder).close()
    assert [path.name for path in (folder / "index").iterdir()] == ["photo.jpg"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a[:, :2], "shape"),
        (lambda a: a[:1], "shape"),
        (lambda a: a > 0.5, "shape"),
        (lambda a: a - 1, "from 0 to 1"),
        (lambda a: a + np.inf, "from 0 to 1"),
    ],
)
def test_append_of_malformed_presence_is_refused(tmp_path: Path, change: Callable[..., Any], message: str) -> None:
    paths = names(0, 2)
    embeddings, parts = np.stack([vectors(path) for path in paths]), np.stack([presence(path) for path in paths])
    with write(tmp_path / "c") as writer:
        with pytest.raises(CollectionError, match=message):
            writer.append([new(path) for path in paths], embeddings, None, change(parts))
        append(writer, paths)
    assert list(check(Collection.open(tmp_path / "c"))) == paths


def test_ids_are_never_given_twice(tmp_path: Path) -> None:
    folder = tmp_path / "c"
    with write(folder) as writer:
        assert append(writer, names(0, 3)) == [1, 2, 3]
        writer.remove([3, 2])
        writer.optimize()
        assert append(writer, ["3.jpg"]) == [4]
        writer.remove([4])
    with write(folder) as writer:
        writer.optimize()
        for used in (4, 3, 1):
            with pytest.raises(CollectionError, match=f"{used} was given before"):
                append(writer, ["again.jpg"], ids=[used])
        writer.remove([1])
        writer.optimize()
        assert writer.manifest.segments == () and writer.manifest.count == 0
    # Even when the rows of removed items were deleted.
    with sqlite3.connect(folder / "items.sqlite") as database:
        database.execute("UPDATE retired SET at = at - 100000")
    with write(folder) as writer:
        with sqlite3.connect(folder / "items.sqlite") as database:
            assert database.execute("SELECT count(*) FROM items").fetchone() == (0,)
        with pytest.raises(CollectionError, match="given before"):
            append(writer, ["again.jpg"], ids=[4])
        assert append(writer, ["5.jpg"]) == [5]
    assert check(Collection.open(folder)) == {"5.jpg": 5}


def test_append_accepts_given_ids_in_any_order(tmp_path: Path) -> None:
    with write(tmp_path / "c") as writer:
        assert append(writer, names(0, 3), ids=[500, 0, 77]) == [500, 0, 77]
        append(writer, names(3, 6), ids=np.array([600, 78, 3]))
        assert append(writer, ["next.jpg"]) == [601]
        writer.remove([77])
        wanted = {"0001.jpg": 0, "0005.jpg": 3, "0004.jpg": 78, "0000.jpg": 500, "0003.jpg": 600, "next.jpg": 601}
        assert check(Collection.open(tmp_path / "c")) == wanted
        writer.optimize()
        assert check(Collection.open(tmp_path / "c")) == wanted
        with pytest.raises(CollectionError, match="given before"):
            append(writer, ["a", "b"], ids=[7, 7])
        with pytest.raises(CollectionError, match="not in 0 to"):
            append(writer, ["a"], ids=[-1])
        with pytest.raises(CollectionError, match="not in 0 to"):
            append(writer, ["a"], ids=[2**63])
        assert append(writer, ["a"], ids=[2**53 - 1]) == [2**53 - 1]
        with pytest.raises(CollectionError, match="not in 0 to"):
            append(writer, ["b"])
    assert len(check(Collection.open(tmp_path / "c"))) == 7


def test_append_replaces_items_in_one_step(tmp_path: Path) -> None:
    with write(tmp_path / "c") as writer:
        append(writer, names(0, 3))
        generation = writer.manifest.generation
        append(writer, ["0001.jpg"], removing=[2])
        assert writer.manifest.generation == generation + 1
        assert writer.known() == {
            path: (item_id, len(path), new(path).sha256)
            for path, item_id in {"0000.jpg": 1, "0002.jpg": 3, "0001.jpg": 4}.items()
        }
        with pytest.raises(UnknownItem):
            append(writer, ["0001.jpg"], removing=[2])
        with pytest.raises(UnknownItem):
            writer.remove([2])
    assert check(Collection.open(tmp_path / "c")) == {"0000.jpg": 1, "0002.jpg": 3, "0001.jpg": 4}


def test_many_small_appends_leave_few_segments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rpf.collection.segments.MERGE_FANOUT", 4)
    most = 0
    with write(tmp_path / "c") as writer:
        for number in range(100):
            append(writer, names(number, number + 1))
            most = max(most, len(writer.manifest.segments))
            if number % 10 == 9:
                writer.remove([number])
    assert most < 16
    collection = Collection.open(tmp_path / "c")
    assert len(check(collection)) == 90
    assert len(list((tmp_path / "c" / "segments").iterdir())) == len(collection.manifest.segments)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda e, b: (e[:, :2], b), "shape"),
        (lambda e, b: (e[:1], b), "shape"),
        (lambda e, b: (e.astype(int), b), "shape"),
        (lambda e, b: (e * 1.01, b), "0000.jpg for sleeve_length is not a unit vector"),
        (lambda e, b: (np.where(np.arange(DIM) == 3, np.nan, e), b), "unit vector"),
        (lambda e, b: (np.where(np.arange(DIM) == 3, np.inf, e), b), "unit vector"),
        (lambda e, b: (e * 0, b), "unit vector"),
        (lambda e, b: (e, b[:, :, :3]), "boxes"),
        (lambda e, b: (e, b.astype(float)), "boxes"),
    ],
)
def test_append_of_malformed_items_is_refused(tmp_path: Path, change: Callable[..., Any], message: str) -> None:
    paths = names(0, 2)
    embeddings, boxes = change(np.stack([vectors(path) for path in paths]), np.stack([box(path) for path in paths]))
    with write(tmp_path / "c") as writer:
        with pytest.raises(CollectionError, match=message):
            writer.append([new(path) for path in paths], embeddings, boxes)
        with pytest.raises(CollectionError, match="1 ids were given for 2"):
            append(writer, paths, ids=[1])
        with pytest.raises(CollectionError, match="cannot be stored"):
            writer.append([new("a"), NewItem("\udc80", "", 1, 1, 1, {})], np.stack([vectors("a")] * 2), None)
        append(writer, paths)  # and the writer goes on
    assert list(check(Collection.open(tmp_path / "c"))) == paths


@pytest.mark.parametrize("other", [{"checkpoint": "x"}, {"attributes": ATTRIBUTES[:2]}, {"dim": 9}])
def test_writer_with_another_spec_is_refused(tmp_path: Path, other: dict[str, Any]) -> None:
    write(tmp_path / "c").close()
    with pytest.raises(CollectionError, match=r"another checkpoint|other attributes"):
        write(tmp_path / "c", **other)
    write(tmp_path / "c", root=str(tmp_path / "c" / "images")).close()
    Writer.open(tmp_path / "c").close()


def test_writer_with_another_image_folder_is_refused_with_advice(tmp_path: Path) -> None:
    write(tmp_path / "c").close()
    with pytest.raises(CollectionError, match=r"was moved: rpf relocate c '/a b'$"):
        write(tmp_path / "c", root="/a b")
    with pytest.raises(CollectionError, match=r"a part of them: rpf add c .*/c/images/new$"):
        write(tmp_path / "c", root="images/new")


@pytest.mark.parametrize(
    "bad", [{"attributes": ()}, {"attributes": ("a", "a")}, {"attributes": (" ",)}, {"dim": 0}, {"root": ""}]
)
def test_writer_with_a_malformed_spec_creates_nothing(tmp_path: Path, bad: dict[str, Any]) -> None:
    with pytest.raises(CollectionError, match="cannot be created"):
        write(tmp_path / "c", **bad)
    assert not (tmp_path / "c").exists()


def test_valid_name_allows_letters_digits_and_two_signs(tmp_path: Path) -> None:
    assert all(valid_name(name) for name in ("a", "Drawn-wardrobe_2", "x" * 64, "0"))
    assert not any(valid_name(name) for name in ("", ".", "..", "a/b", "a b", "é", "x" * 65, "a\n", "٣"))
    with pytest.raises(CollectionError, match="letters"):
        write(tmp_path / "my coats")


def test_open_of_a_folder_without_a_collection_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("missing", "empty"):
        with pytest.raises(UnknownCollection, match=name):
            Collection.open(tmp_path / name)
        with pytest.raises(UnknownCollection):
            Writer.open(tmp_path / name)


def test_changed_after_a_write_and_after_a_replacement(tmp_path: Path) -> None:
    folder = tmp_path / "c"
    with write(folder) as writer:
        append(writer, names(0, 2))
        collection = Collection.open(folder)
        assert not collection.changed()
        writer.remove([1])
        assert collection.changed()
    shutil.copytree(folder, tmp_path / "copy")
    collection = Collection.open(folder)
    shutil.rmtree(folder)
    assert collection.changed()
    shutil.move(tmp_path / "copy", folder)  # the same generation, another collection
    assert collection.changed()


# Snapshots and writers


def test_snapshot_answers_after_later_writes(tmp_path: Path) -> None:
    folder = tmp_path / "c"
    with write(folder) as writer:
        append(writer, names(0, 20))
        append(writer, names(20, 30))
        old = Collection.open(folder)
        writer.remove([5, 25])
        append(writer, names(30, 40))
        assert len(check(old)) == 30
        writer.optimize()
        assert len(check(old)) == 30
    with write(folder) as writer:
        append(writer, names(40, 41))
        assert len(check(old)) == 30
    assert len(check(Collection.open(folder))) == 39
    with pytest.raises(UnknownItem):
        Collection.open(folder).item(5)


def test_readers_in_threads_see_whole_generations_while_a_writer_works(tmp_path: Path) -> None:
    folder = tmp_path / "c"
    with write(folder) as writer:
        append(writer, names(0, 40))
    old = Collection.open(folder)
    done = threading.Event()
    failures: list[BaseException] = []
    opened: list[int] = []

    def read() -> None:
        try:
            while not done.is_set():
                collection = Collection.open(folder)
                check(collection)
                opened.append(collection.manifest.generation)
                assert len(check(old)) == 40
        except BaseException as error:
            failures.append(error)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    try:
        for turn in range(8):
            with write(folder) as writer:  # closed each time: the log of SQLite goes and comes, too
                given = append(writer, names(100 + turn * 4, 104 + turn * 4))
                writer.remove([given[0], turn + 1])
                if turn % 2:
                    writer.optimize()
    finally:
        done.set()
        for reader in readers:
            reader.join()
    assert not failures
    assert len(set(opened)) > 1
    assert len(check(Collection.open(folder))) == 40 + 8 * 2


def test_reader_during_a_merge_opens_the_newer_generation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "c"
    with write(folder) as writer:
        append(writer, names(0, 3))
        append(writer, names(3, 6))
        writer.remove([1])
        real = manifest.read_manifest
        turns = iter([writer.optimize])

        def read_then_compact(folder: Path) -> Any:
            result = real(folder)
            for turn in turns:
                turn()
            return result

        monkeypatch.setattr("rpf.collection.reader.read_manifest", read_then_compact)
        assert len(check(Collection.open(folder))) == 5


@pytest.mark.parametrize("file", ["ids.npy", "embeddings.npy", "boxes.npy", "applicable.npy"])
def test_reader_during_a_deletion_opens_the_newer_generation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    folder = tmp_path / "c"
    with write(folder) as writer:
        append(writer, names(0, 3))
        append(writer, names(3, 6))
        real = segments.map_array
        turns = {file: writer.optimize}

        def map_then_compact(root: Path, path: Path, *expected: Any) -> Any:
            result = real(root, path, *expected)
            turns.pop(path.name, lambda: None)()
            return result

        monkeypatch.setattr("rpf.collection.segments.map_array", map_then_compact)
        assert len(check(Collection.open(folder))) == 6
        assert not turns


def test_second_writer_waits_for_the_lock_or_fails(tmp_path: Path) -> None:
    folder = tmp_path / "c"
    ready, go = os.pipe(), os.pipe()
    child = fork(lambda: hold(folder, ready[1], go[0]))
    os.read(ready[0], 1)
    with pytest.raises(CollectionError, match="c is being written by another process"):
        write(folder)
    with pytest.raises(CollectionError, match="is being written"):
        write(folder, wait=0.3)
    assert len(check(Collection.open(folder))) == 2  # readers do not care
    release = threading.Timer(0.5, os.write, (go[1], b"x"))
    release.start()
    with write(folder, wait=float("inf")) as writer:
        assert os.waitpid(child, 0)[1] == 0
        append(writer, names(2, 3))
    assert len(check(Collection.open(folder))) == 3


def hold(folder: Path, ready: int, go: int) -> None:
    with write(folder) as writer:
        append(writer, names(0, 2))
        os.write(ready, b"x")
        os.read(go, 1)


def test_killed_writer_leaves_no_lock(tmp_path: Path) -> None:
    ready, go = os.pipe(), os.pipe()
    child = fork(lambda: hold(tmp_path / "c", ready[1], go[0]))
    os.read(ready[0], 1)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with write(tmp_path / "c") as writer:
        assert append(writer, names(2, 3)) == [3]
    assert len(check(Collection.open(tmp_path / "c"))) == 3
