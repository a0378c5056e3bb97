"""Collections on real files: what is written is read, whatever happens in between."""

import hashlib
import itertools
import json
import os
import resource
import shutil
import signal
import sqlite3
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rpf.collection.items
from rpf.collection import Collection, Item, NewItem, Writer, valid_name
from rpf.errors import CollectionError, RPFError, UnknownCollection, UnknownItem

ATTRIBUTES = ("sleeve_length", "collar_design", "coat length")
DIM = 8
PACKAGE = str(Path(rpf.collection.items.__file__).parent.parent)


def seed(path: str) -> np.random.Generator:
    return np.random.default_rng(int.from_bytes(hashlib.sha256(path.encode()).digest()[:8], "big"))


def vectors(path: str) -> np.ndarray:
    """The (A, D) unit vectors that belong to a path in these tests."""
    found = seed(path).normal(size=(len(ATTRIBUTES), DIM))
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)


def box(path: str) -> np.ndarray:
    return seed(path).integers(1, 500, (len(ATTRIBUTES), 4)).astype(np.int32)


def new(path: str) -> NewItem:
    return NewItem(path, hashlib.sha256(path.encode()).hexdigest(), len(path), 40, 30, {"sleeve_length": len(path) % 9})


def write(folder: Path, **options: Any) -> Writer:
    known = {"checkpoint": "abc", "attributes": ATTRIBUTES, "dim": DIM, "root": "images"}
    return Writer(folder, **{**known, **options})


def append(writer: Writer, paths: Sequence[str], boxes: bool = True, **options: Any) -> list[int]:
    embeddings = np.stack([vectors(path) for path in paths])
    all_boxes = np.stack([box(path) for path in paths]) if boxes else None
    return writer.append([new(path) for path in paths], embeddings, all_boxes, **options)


def names(start: int, stop: int) -> list[str]:
    return [f"{number:04}.jpg" for number in range(start, stop)]


def check(collection: Collection, boxes: bool = True) -> dict[str, int]:
    """Assert that every item has what belongs to its path, by every way of asking; returns path -> id."""
    assert len(collection) == len(collection.ids) == collection.manifest.count
    assert (np.diff(collection.ids) > 0).all()
    items = collection.items(collection.ids.tolist())
    assert [item.id for item in items] == collection.ids.tolist()
    for item in items:
        assert item == Item(item.id, **vars(new(item.path)))
        np.testing.assert_allclose(collection.vectors(item.id), vectors(item.path), atol=1e-3)
        if boxes:
            np.testing.assert_array_equal(collection.boxes(item.id), box(item.path))
    for attribute, size in itertools.product(range(len(ATTRIBUTES)), (3, 10_000)):
        at = 0
        for rows, block in collection.chunks(attribute, size):
            assert rows.start == at and block.dtype == np.float16
            wanted = [vectors(item.path)[attribute] for item in items[rows]]
            np.testing.assert_allclose(block, wanted, atol=1e-3)
            at = rows.stop
        assert at == len(collection)
    return {item.path: item.id for item in items}


def test_roundtrip(tmp_path: Path) -> None:
    folder = tmp_path / "coats"
    with write(folder, title="Áo khoác 外套") as writer:
        first = append(writer, ["a.jpg", "sub/Đầm đẹp.png"])
        second = append(writer, ["c.jpg"])
        assert first + second == [1, 2, 3]
    collection = Collection.open(folder)
    assert check(collection) == {"a.jpg": 1, "sub/Đầm đẹp.png": 2, "c.jpg": 3}
    assert collection.name == "coats" and collection.manifest.title == "Áo khoác 外套"
    assert collection.vocabulary.keys == ATTRIBUTES and collection.root == (folder / "images").resolve()
    assert [item.path for item in collection.items([3, 1, 3])] == ["c.jpg", "a.jpg", "c.jpg"]
    assert collection.vectors(1).dtype == np.float32 and collection.boxes(1).dtype == np.int32  # type: ignore[union-attr]
    rows = np.array([2, 0])
    np.testing.assert_allclose(
        collection.take(1, rows), [vectors("c.jpg")[1], vectors("a.jpg")[1]], atol=1e-3
    )
    with pytest.raises(ValueError, match="read-only"):
        collection.ids[0] = 7


def test_an_empty_collection_can_be_opened(tmp_path: Path) -> None:
    with write(tmp_path / "none") as writer:
        assert writer.append([], np.empty((0, 3, DIM), np.float32), None) == []
        writer.compact()
    collection = Collection.open(tmp_path / "none")
    assert len(collection) == 0 and list(collection.chunks(0)) == [] and collection.items([]) == []


def test_compacted_chunks_are_views_of_the_file(tmp_path: Path) -> None:
    with write(tmp_path / "c") as writer:
        append(writer, names(0, 5))
        append(writer, names(5, 9))
        writer.remove([2])
        writer.compact()
    collection = Collection.open(tmp_path / "c")
    assert len(collection.manifest.segments) == 1 and not collection.manifest.tombstones
    assert not any(block.flags.owndata for _, block in collection.chunks(0))
    check(collection)


@pytest.mark.parametrize("item_id", [0, 4, -1, 2**63, 2**100])
def test_unknown_items(tmp_path: Path, item_id: int) -> None:
    with write(tmp_path / "c") as writer:
        append(writer, names(0, 3))
        with pytest.raises(UnknownItem):
            writer.remove([1, item_id])
    collection = Collection.open(tmp_path / "c")
    for ask in (collection.item, collection.vectors, collection.boxes):
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
            writer.compact()


def test_ids_are_never_given_twice(tmp_path: Path) -> None:
    folder = tmp_path / "c"
    with write(folder) as writer:
        assert append(writer, names(0, 3)) == [1, 2, 3]
        writer.remove([3, 2])
        writer.compact()
        assert append(writer, ["3.jpg"]) == [4]
        writer.remove([4])
    with write(folder) as writer:
        writer.compact()
        for used in (4, 3, 1):
            with pytest.raises(CollectionError, match=f"{used} was given before"):
                append(writer, ["again.jpg"], ids=[used])
        writer.remove([1])
        writer.compact()
        assert writer.manifest.segments == () and writer.manifest.count == 0
    # Even when the rows of removed items are gone for good.
    with sqlite3.connect(folder / "items.sqlite") as database:
        database.execute("UPDATE retired SET at = at - 100000")
    with write(folder) as writer:
        with sqlite3.connect(folder / "items.sqlite") as database:
            assert database.execute("SELECT count(*) FROM items").fetchone() == (0,)
        with pytest.raises(CollectionError, match="given before"):
            append(writer, ["again.jpg"], ids=[4])
        assert append(writer, ["5.jpg"]) == [5]
    assert check(Collection.open(folder)) == {"5.jpg": 5}


def test_ids_given_from_outside_in_any_order(tmp_path: Path) -> None:
    with write(tmp_path / "c") as writer:
        assert append(writer, names(0, 3), ids=[500, 0, 77]) == [500, 0, 77]
        append(writer, names(3, 6), ids=np.array([600, 78, 3]))
        assert append(writer, ["next.jpg"]) == [601]
        writer.remove([77])
        wanted = {"0001.jpg": 0, "0005.jpg": 3, "0004.jpg": 78, "0000.jpg": 500, "0003.jpg": 600, "next.jpg": 601}
        assert check(Collection.open(tmp_path / "c")) == wanted
        writer.compact()
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


def test_an_append_can_replace_items_in_one_step(tmp_path: Path) -> None:
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


def test_many_small_appends_leave_few_segments(tmp_path: Path) -> None:
    most = 0
    with write(tmp_path / "c") as writer:
        for number in range(1100):
            append(writer, names(number, number + 1))
            most = max(most, len(writer.manifest.segments))
            if number % 10 == 9:
                writer.remove([number])
    assert most < 64
    collection = Collection.open(tmp_path / "c")
    assert len(check(collection)) == 990
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
def test_what_is_appended_is_checked(tmp_path: Path, change: Callable[..., Any], message: str) -> None:
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


@pytest.mark.parametrize(
    "other", [{"checkpoint": "x"}, {"attributes": ATTRIBUTES[:2]}, {"dim": 9}, {"root": "/elsewhere"}]
)
def test_a_writer_must_agree_with_the_collection(tmp_path: Path, other: dict[str, Any]) -> None:
    write(tmp_path / "c").close()
    with pytest.raises(CollectionError, match=f"another {next(iter(other))}"):
        write(tmp_path / "c", **other)
    write(tmp_path / "c", root=str(tmp_path / "c" / "images")).close()
    Writer.existing(tmp_path / "c").close()


@pytest.mark.parametrize(
    "bad", [{"attributes": ()}, {"attributes": ("a", "a")}, {"attributes": (" ",)}, {"dim": 0}, {"root": ""}]
)
def test_a_collection_that_could_not_be_opened_is_not_made(tmp_path: Path, bad: dict[str, Any]) -> None:
    with pytest.raises(CollectionError, match="cannot be made"):
        write(tmp_path / "c", **bad)
    assert not (tmp_path / "c").exists()


def test_names(tmp_path: Path) -> None:
    assert all(valid_name(name) for name in ("a", "Drawn-wardrobe_2", "x" * 64, "0"))
    assert not any(valid_name(name) for name in ("", ".", "..", "a/b", "a b", "é", "x" * 65, "a\n", "٣"))
    with pytest.raises(CollectionError, match="letters"):
        write(tmp_path / "my coats")


def test_no_collection(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("missing", "empty"):
        with pytest.raises(UnknownCollection, match=name):
            Collection.open(tmp_path / name)
        with pytest.raises(UnknownCollection):
            Writer.existing(tmp_path / name)


def test_changed(tmp_path: Path) -> None:
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


def test_a_snapshot_keeps_answering(tmp_path: Path) -> None:
    folder = tmp_path / "c"
    with write(folder) as writer:
        append(writer, names(0, 20))
        append(writer, names(20, 30))
        old = Collection.open(folder)
        writer.remove([5, 25])
        append(writer, names(30, 40))
        assert len(check(old)) == 30
        writer.compact()
        assert len(check(old)) == 30
    with write(folder) as writer:
        append(writer, names(40, 41))
        assert len(check(old)) == 30
    assert len(check(Collection.open(folder))) == 39
    with pytest.raises(UnknownItem):
        Collection.open(folder).item(5)


def test_readers_in_threads_while_a_writer_works(tmp_path: Path) -> None:
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
        for turn in range(15):
            with write(folder) as writer:  # closed each time: the log of SQLite goes and comes, too
                given = append(writer, names(100 + turn * 4, 104 + turn * 4))
                writer.remove([given[0], turn + 1])
                if turn % 2:
                    writer.compact()
    finally:
        done.set()
        for reader in readers:
            reader.join()
    assert not failures
    assert len(set(opened)) > 1
    assert len(check(Collection.open(folder))) == 40 + 15 * 2


def test_a_reader_that_meets_a_merge_opens_the_newer_generation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "c"
    with write(folder) as writer:
        append(writer, names(0, 3))
        append(writer, names(3, 6))
        writer.remove([1])
        real = rpf.collection.reading.read_manifest
        turns = iter([writer.compact])

        def read_then_compact(folder: Path) -> Any:
            found = real(folder)
            for turn in turns:
                turn()
            return found

        monkeypatch.setattr("rpf.collection.reading.read_manifest", read_then_compact)
        assert len(check(Collection.open(folder))) == 5


def test_the_second_writer_is_told_or_waits(tmp_path: Path) -> None:
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


def test_a_killed_writer_leaves_no_lock(tmp_path: Path) -> None:
    ready, go = os.pipe(), os.pipe()
    child = fork(lambda: hold(tmp_path / "c", ready[1], go[0]))
    os.read(ready[0], 1)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with write(tmp_path / "c") as writer:
        assert append(writer, names(2, 3)) == [3]
    assert len(check(Collection.open(tmp_path / "c"))) == 3


# Crashes


def fork(work: Callable[[], None]) -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # other threads of pytest hold nothing of ours
        child = os.fork()
    if child:
        return child
    try:
        work()
        os._exit(0)
    except BaseException as error:
        os.write(2, f"{error!r}\n".encode())
        os._exit(1)


def killed_at(step: int, work: Callable[[], None]) -> bool:
    """Run `work` in a process that kills itself before its step-th line in rpf; False if it ends before."""
    lines = itertools.count()

    def trace(frame: FrameType, event: str, arg: Any) -> Any:
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        if event == "line" and next(lines) == step:
            os.kill(os.getpid(), signal.SIGKILL)
        return trace

    def traced() -> None:
        sys.settrace(trace)
        work()

    status = os.waitpid(fork(traced), 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def replace_some(writer: Writer) -> None:
    append(writer, names(50, 53), removing=[2, 8])


def import_some(writer: Writer) -> None:
    append(writer, names(50, 53), ids=[900, 70, 80])


def merge_by_appending(writer: Writer) -> None:
    append(writer, names(50, 51))


OPERATIONS: list[tuple[Callable[[Writer], object], int]] = [
    (replace_some, 1),
    (import_some, 1),
    (lambda writer: writer.remove([1, 9]), 1),
    (Writer.compact, 1),
    (merge_by_appending, 31),
]


@pytest.mark.parametrize(("operation", "appends"), OPERATIONS, ids=["replace", "import", "remove", "compact", "merge"])
def test_a_crash_at_any_line_leaves_the_old_or_the_new_state(
    tmp_path: Path, operation: Callable[[Writer], object], appends: int
) -> None:
    start, work = tmp_path / "start", tmp_path / "work"
    with write(start) as writer:
        for number in range(appends):
            append(writer, names(number * 10, number * 10 + 10)[: 10 if appends == 1 else 1])
        if appends == 1:
            append(writer, ["more.jpg"])
            writer.remove([3])

    def run() -> None:
        with Writer.existing(work) as writer:
            operation(writer)

    shutil.copytree(start, work)
    run()
    states = [sorted(check(Collection.open(folder))) for folder in (start, work)]
    reached = set()
    for step in itertools.count():
        shutil.rmtree(work)
        shutil.copytree(start, work)
        killed = killed_at(step, run)
        state = states.index(sorted(check(Collection.open(work))))
        reached.add(state)
        if not killed:
            break
        with Writer.existing(work) as writer:
            segments = {path.name for path in (work / "segments").iterdir()}
            assert segments == set(writer.manifest.segments)
            tombstones = {path.name for path in work.glob("tombstones-*")}
            assert tombstones == {writer.manifest.tombstones} - {""}
            assert not list(work.glob(".*.tmp"))
            if states[state] != states[1]:
                operation(writer)
        assert sorted(check(Collection.open(work))) == states[1]
    assert 1 in reached and step > 100


def test_a_crash_while_the_collection_is_made(tmp_path: Path) -> None:
    for step in itertools.count():
        folder = tmp_path / f"c{step}"
        killed = killed_at(step, lambda: write(folder).close())  # noqa: B023
        try:
            assert len(Collection.open(folder)) == 0
        except UnknownCollection:
            assert killed
        with write(folder) as writer:
            append(writer, names(0, 2))
        assert len(check(Collection.open(folder))) == 2
        if not killed:
            break
    assert step > 50


def test_a_full_disk(tmp_path: Path) -> None:
    folder = tmp_path / "c"
    with write(folder) as writer:
        append(writer, names(0, 200))

    def fill() -> None:
        with write(folder) as writer:
            resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))  # the kernel refuses to let files grow further
            with pytest.raises(CollectionError, match="cannot be written"):
                append(writer, names(200, 1000))
            with pytest.raises(CollectionError, match="failed before"):
                writer.remove([1])

    assert os.waitpid(fork(fill), 0)[1] == 0
    assert len(check(Collection.open(folder))) == 200
    with write(folder) as writer:
        append(writer, names(200, 1000))
    assert len(check(Collection.open(folder))) == 1000


def test_the_next_writer_clears_away_what_a_crash_left_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "c"
    with write(folder) as writer:
        append(writer, names(0, 3))
        writer.remove([1])
    (folder / "images").mkdir()
    ours = ["segments/0000000009/ids.npy", "segments/0000000008.tmp/ids.npy", "tombstones-9.npy", ".manifest.json.x.tmp"]
    theirs = ["images/a.jpg", "notes.txt", "index-3/x.bin"]
    for name in ours + theirs:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"x")
    assert len(check(Collection.open(folder))) == 2
    write(folder).close()
    assert not any((folder / name).parent.exists() for name in ours[:2]) and not any(
        (folder / name).exists() for name in ours
    )
    assert all((folder / name).exists() for name in theirs)
    assert len(check(Collection.open(folder))) == 2


def test_segments_without_a_manifest_are_not_thrown_away(tmp_path: Path) -> None:
    with write(tmp_path / "c") as writer:
        append(writer, names(0, 3))
    (tmp_path / "c" / "manifest.json").rename(tmp_path / "manifest.json")
    with pytest.raises(CollectionError, match="segments and no manifest"):
        write(tmp_path / "c")
    (tmp_path / "manifest.json").rename(tmp_path / "c" / "manifest.json")
    assert len(check(Collection.open(tmp_path / "c"))) == 3


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2**31)), max_size=12))
def test_any_sequence_of_changes(tmp_path: Path, steps: list[tuple[int, int]]) -> None:
    """Against a dictionary: appends with and without ids, removals, compactions, and new writers, in any order."""
    folder = tmp_path / "c"
    shutil.rmtree(folder, ignore_errors=True)
    wanted: dict[str, int] = {}
    used: set[int] = set()
    writer = write(folder)
    for turn, (kind, number) in enumerate(steps):
        random = np.random.default_rng(number)
        paths = names(turn * 10, turn * 10 + 1 + number % 9)
        if kind == 0:
            given = append(writer, paths)
            assert not used & set(given)
        elif kind == 1:
            free = np.setdiff1d(np.arange(1000), list(used))
            given = append(writer, paths, ids=random.choice(free, len(paths), replace=False))
        elif kind == 2 and wanted:
            gone = random.choice(sorted(wanted), random.integers(1, len(wanted) + 1), replace=False).tolist()
            writer.remove([wanted.pop(path) for path in gone])
        elif kind == 3:
            writer.compact()
        else:
            writer.close()
            writer = Writer.existing(folder)
        if kind in (0, 1):
            used |= set(given)
            wanted |= dict(zip(paths, given, strict=True))
        assert {path: known[0] for path, known in writer.known().items()} == wanted
    writer.close()
    assert check(Collection.open(folder)) == wanted


# Collections from strangers


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collection with two segments, tombstones, and pictures beside it."""
    folder = tmp_path_factory.mktemp("honest") / "c"
    with write(folder) as writer:
        append(writer, names(0, 5))
        append(writer, names(5, 8))
        writer.remove([2])
    (folder / "images").mkdir()
    (folder / "images" / "0000.jpg").write_bytes(b"a picture")
    return folder


@pytest.fixture
def hostile(honest: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(honest, tmp_path / "c"))


def walk(folder: Path) -> None:
    """Open a collection and ask it everything."""
    collection = Collection.open(folder)
    for attribute in range(len(collection.vocabulary)):
        for rows, block in collection.chunks(attribute):
            assert block.shape == (rows.stop - rows.start, collection.manifest.dim)
    for item_id in collection.ids.tolist():
        assert collection.vectors(item_id).shape[0] == len(collection.vocabulary)
        collection.boxes(item_id)
    for item in collection.items(collection.ids.tolist()):
        try:
            assert collection.image_path(item).is_relative_to(collection.root)
        except UnknownItem:
            pass


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["", ".", "..", "\0", "\ud800"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)  # fmt: skip
KEYS = ("format", "generation", "checkpoint", "attributes", "dim", "count", "root", "segments", "tombstones", "title")
LIKELY = st.one_of(
    JSON,
    st.sampled_from([1, 7, 8, 3, 0, -1, 2**63, 10**400, True, 1.0, "segments", "../..", "/etc", "/", "a" * 5000]),
    st.sampled_from(["tombstones-3.npy", "tombstones-9.npy", "items.sqlite", "images", "manifest.json"]),
    st.sampled_from([["0000000001"], ["0000000001", "0000000002"], ["0000000001"] * 2, ["."], [".."], ["/etc"], [""]]),
    st.lists(st.text(min_size=1), min_size=3, max_size=3),
)


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=8), LIKELY, max_size=3), st.sets(st.sampled_from(KEYS)))
def test_a_manifest_with_anything_in_it(honest: Path, changes: dict[str, Any], dropped: set[str]) -> None:
    path = honest / "manifest.json"
    original = path.read_bytes()
    data = {**json.loads(original), **changes}
    for key in dropped if len(dropped) < 3 else ():
        data.pop(key, None)
    try:
        path.write_text(json.dumps(data))
        try:
            walk(honest)
        except CollectionError as error:
            assert "\n" not in str(error)
    finally:
        path.write_bytes(original)


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 10_000), st.binary(max_size=6), st.integers(0, 30))
def test_a_manifest_with_other_bytes(honest: Path, at: int, put: bytes, cut: int) -> None:
    path = honest / "manifest.json"
    original = path.read_bytes()
    at %= len(original)
    try:
        path.write_bytes(original[:at] + put + original[at + cut :])
        try:
            walk(honest)
        except CollectionError:
            pass
    finally:
        path.write_bytes(original)


@pytest.mark.parametrize("text", [b"", b"[" * 200_000, b"null", b"[1]", b'"x"', b"1" * 5000, b"\xff", b" " * (17 * 2**20)])
def test_a_manifest_that_is_none(hostile: Path, text: bytes) -> None:
    (hostile / "manifest.json").write_bytes(text)
    with pytest.raises(CollectionError, match="damaged"):
        Collection.open(hostile)
    with pytest.raises(CollectionError, match="damaged"):
        write(hostile)


def test_a_newer_format_is_named(hostile: Path) -> None:
    manifest = json.loads((hostile / "manifest.json").read_bytes())
    (hostile / "manifest.json").write_text(json.dumps({**manifest, "format": 2}))
    with pytest.raises(CollectionError, match="format is 2, this program reads 1"):
        Collection.open(hostile)


def changed_arrays(folder: Path) -> Iterator[tuple[Path, Callable[[Path], object]]]:
    """Ways to spoil the files of the first segment and the tombstones."""
    segment = folder / "segments" / "0000000001"
    ids, embeddings, boxes = (np.load(segment / f"{name}.npy") for name in ("ids", "embeddings", "boxes"))
    spoilt: list[tuple[str, Any]] = [
        ("ids", ids.astype(np.int32)), ("ids", ids.astype(">i8")), ("ids", ids[::-1]), ("ids", ids * 0),
        ("ids", ids - 9), ("ids", ids[:4]), ("ids", ids[:0]), ("ids", ids[None]), ("ids", ids + 3), ("ids", np.array(3)),
        ("embeddings", embeddings.astype(np.float32)), ("embeddings", embeddings[:2]), ("embeddings", embeddings[..., :4]),
        ("embeddings", np.asfortranarray(embeddings)), ("embeddings", embeddings.swapaxes(0, 1)),
        ("boxes", boxes.astype(np.int64)), ("boxes", boxes[:4]), ("boxes", boxes.reshape(5, 4, 3)),
    ]  # fmt: skip
    for name, array in spoilt:
        yield segment / f"{name}.npy", lambda path, array=array: np.save(path, array)  # type: ignore[misc]
    for name in ("ids", "embeddings", "boxes"):
        path = segment / f"{name}.npy"
        whole = path.read_bytes()
        yield path, lambda path: np.save(path, np.array([{}] * 5), allow_pickle=True)
        yield path, lambda path: np.savez(path.open("wb"), a=np.arange(5))
        for put in (b"", whole[:40], whole[:-1], b"\x80\x04N.", whole.replace(b"(", b"[", 1), whole.replace(b"5", b"9")):
            yield path, lambda path, put=put: path.write_bytes(put)  # type: ignore[misc]
        if name != "boxes":
            yield path, Path.unlink
    tombstones = folder / "tombstones-3.npy"
    for array in (np.array([99]), np.array([2, 2]), np.array([2, 1]), np.array([2.0]), np.array([], np.int64)):
        yield tombstones, lambda path, array=array: np.save(path, array)  # type: ignore[misc]
    yield tombstones, Path.unlink


def test_spoilt_arrays_are_refused(honest: Path, tmp_path: Path) -> None:
    for number, (path, spoil) in enumerate(changed_arrays(honest)):
        folder = Path(shutil.copytree(honest, tmp_path / str(number)))
        spoil(folder / path.relative_to(honest))
        with pytest.raises(CollectionError, match="damaged"):
            Collection.open(folder)
        with pytest.raises(CollectionError, match="damaged"):
            write(folder)
    assert number > 40


@pytest.mark.parametrize(
    "name",
    ["segments/0000000001/ids.npy", "segments/0000000001/embeddings.npy", "segments/0000000001", "tombstones-3.npy",
     "segments", "items.sqlite"],
)  # fmt: skip
def test_links_out_of_the_collection_are_refused(hostile: Path, tmp_path: Path, name: str) -> None:
    shutil.move(hostile / name, tmp_path / "outside")
    (hostile / name).symlink_to(tmp_path / "outside")
    with pytest.raises(CollectionError, match="damaged"):
        Collection.open(hostile)
    if name != "items.sqlite":
        with pytest.raises(CollectionError, match="damaged"):
            write(hostile)


def test_a_writer_does_not_clean_what_a_link_leads_to(tmp_path: Path) -> None:
    write(tmp_path / "c").close()
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").touch()
    (tmp_path / "c" / "segments").rmdir()
    (tmp_path / "c" / "segments").symlink_to(tmp_path / "precious")
    with pytest.raises(CollectionError, match="symbolic link"):
        write(tmp_path / "c")
    assert (tmp_path / "precious" / "file").exists()


LOOP = "CREATE VIEW items AS WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id FROM n) SELECT * FROM n"
ITEMS = "CREATE TABLE items (id INTEGER PRIMARY KEY AUTOINCREMENT"


@pytest.mark.parametrize(
    "statements",
    [
        ["DROP TABLE items", LOOP],
        ["DROP TABLE items"],
        ["CREATE TRIGGER t AFTER INSERT ON items BEGIN DELETE FROM items; END"],
        ["CREATE TABLE other (a)"],
        ["ALTER TABLE items ADD COLUMN more"],
    ],
)
def test_other_tables_are_refused(hostile: Path, statements: list[str]) -> None:
    with sqlite3.connect(hostile / "items.sqlite") as database:
        for statement in statements:
            database.execute(statement)
    with pytest.raises(CollectionError, match="other tables"):
        Collection.open(hostile)
    with pytest.raises(CollectionError, match="other tables"):
        write(hostile)


@pytest.mark.parametrize("spoil", ["garbage", "empty", "missing"])
def test_a_file_that_is_no_database(hostile: Path, spoil: str) -> None:
    path = hostile / "items.sqlite"
    if spoil == "missing":
        path.unlink()
    else:
        path.write_bytes(b"" if spoil == "empty" else b"x" * 8192)
    with pytest.raises(CollectionError, match="damaged"):
        Collection.open(hostile)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("path", b"x"), ("path", 5), ("sha256", 1.5), ("bytes", "many"), ("width", 1.5), ("labels", "{"),
        ("labels", "[1]"), ("labels", '{"a": "b"}'), ("labels", '{"a": true}'), ("labels", "[" * 100_000),
    ],
)  # fmt: skip
def test_malformed_rows(hostile: Path, column: str, value: object) -> None:
    with sqlite3.connect(hostile / "items.sqlite") as database:
        database.execute(f"UPDATE items SET {column} = ? WHERE id = 4", (value,))
    collection = Collection.open(hostile)
    assert collection.item(3).path == "0002.jpg"
    if column == "path" and value == 5:
        assert collection.item(4).path == "5"  # the column's affinity makes it a text
    else:
        with pytest.raises(CollectionError, match="cannot be read"):
            collection.item(4)


def test_pictures_stay_inside_the_image_root(hostile: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.jpg").touch()
    images = hostile / "images"
    (images / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    (images / "up").symlink_to(tmp_path)
    (images / "loop").symlink_to("loop")
    (images / "inside.jpg").symlink_to("0000.jpg")
    os.mkfifo(images / "fifo.jpg")
    collection = Collection.open(hostile)
    bad = ["link.jpg", "up/secret.jpg", "../../secret.jpg", str(tmp_path / "secret.jpg"), "loop", "", ".", "missing.jpg",
           "fifo.jpg", "a\0b", "x" * 5000, "\ud800", "0000.jpg/x"]  # fmt: skip
    for path in bad:
        with pytest.raises(UnknownItem, match="picture of item 1"):
            collection.image_path(Item(1, **vars(new("a")) | {"path": path}))
    for path in ("0000.jpg", "inside.jpg", "../images/0000.jpg"):
        found = collection.image_path(Item(1, **vars(new("a")) | {"path": path}))
        assert found == (images / "0000.jpg").resolve()


def test_every_error_can_be_read(hostile: Path) -> None:
    (hostile / "segments" / "0000000001" / "ids.npy").unlink()
    with pytest.raises(RPFError, match=r"^The collection c is damaged: ids.npy is missing\.$"):
        Collection.open(hostile)
