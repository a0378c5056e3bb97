"""Crashes of a writer at any line: the collection opens, in the old state or the new one."""

import bisect
import itertools
import os
import resource
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpf.collection import Collection, Writer
from rpf.collection.cleanup import STAGING_FOLDER
from rpf.errors import CollectionError, UnknownCollection
from rpf.ingest.re_embed import swap_embeddings
from tests.support.collection_builder import ALL, STRIDE, append, as_format_1, check, fork, killed_at, names, new, write


def state(folder: Path) -> tuple[list[str], bool, str]:
    """Check the items, and return them, whether rows of removed ones still exist, and the checkpoint."""
    collection = Collection.open(folder)
    return sorted(check(collection)), collection.manifest.tombstones != "", collection.manifest.spec.checkpoint


def replace_some(writer: Writer) -> None:
    append(writer, names(500, 503), removing=[2, 8])


def import_some(writer: Writer) -> None:
    append(writer, names(500, 503), ids=[900, 70, 80])


def replace_none(writer: Writer) -> None:
    append(writer, names(500, 503))


def merge_by_appending(writer: Writer) -> None:
    append(writer, names(500, 505))


def re_embed(writer: Writer) -> None:
    """Stage the same vectors as those of another checkpoint, and swap."""
    with write(writer.folder / STAGING_FOLDER, checkpoint="def") as staging:
        paths = sorted(writer.known().keys() - staging.known().keys())
        if paths:
            append(staging, paths, ids=[writer.known()[path][0] for path in paths])
    swap_embeddings(writer)


OPERATIONS: list[tuple[Callable[[Writer], None], int]] = [
    (replace_some, 2),
    (import_some, 2),
    (lambda writer: writer.remove([1, 9]), 2),
    (Writer.optimize, 2),
    (merge_by_appending, 3),
    (re_embed, 2),
]


@pytest.mark.soak
@pytest.mark.parametrize(
    ("operation", "appends"), OPERATIONS, ids=["replace", "import", "remove", "optimize", "merge", "re-embed"]
)
def test_crash_at_any_line_leaves_the_old_or_the_new_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, operation: Callable[[Writer], None], appends: int
) -> None:
    monkeypatch.setattr("rpf.collection.segments.MERGE_FANOUT", 4)
    start, work = tmp_path / "start", tmp_path / "work"
    with write(start) as writer:
        for number in range(appends):
            append(writer, names(number * 5, number * 5 + 5))
        if appends < 3:
            writer.remove([3])

    shutil.copytree(start, work)
    with Writer.open(work) as writer:
        operation(writer)
    old, after = state(start), state(work)
    reached = []
    killed, step = True, 0
    while killed:
        shutil.rmtree(work)
        shutil.copytree(start, work)
        killed = killed_at(step, operation, lambda: Writer.open(work))
        reached.append(state(work))
        with Writer.open(work) as writer:
            assert {path.name for path in (work / "segments").iterdir()} == set(writer.manifest.segments)
            assert {path.name for path in work.glob("tombstones-*")} == {writer.manifest.tombstones} - {""}
            assert not list(work.glob(".*.tmp"))
            assert reached[-1] == old or not list(work.glob(f"{STAGING_FOLDER}*"))
            if reached[-1] == old:
                operation(writer)
        assert state(work) == after
        step += STRIDE
    turn = reached.index(after)
    assert turn * STRIDE > 20 and turn < len(reached) - (2 if ALL else 0)
    assert reached == [old] * turn + [after] * (len(reached) - turn)


def facts(folder: Path) -> tuple[dict[int, str], str, frozenset[str]]:
    """Return the items' paths, the image folder, and the images that were removed on purpose."""
    collection = Collection.open(folder)
    items = collection.items(collection.ids.tolist())
    with Writer.open(folder) as writer:
        return {item.id: item.path for item in items}, writer.manifest.spec.root, writer.removed_images()


def drop_memory(folder: Path) -> None:
    with sqlite3.connect(folder / "items.sqlite") as database:
        database.executescript("DROP TABLE removed; DROP TABLE originals; DROP TABLE copies")
    database.close()


ITEMS = dict(enumerate(names(0, 5), 1))
BOTH = frozenset(new(path).sha256 for path in names(0, 2))
REST = {number: ITEMS[number] for number in (3, 4, 5)}
MOVED = {1: "0001.jpg", 3: "new.jpg", 4: "0003.jpg", 5: "0004.jpg"}
CHANGES: dict[str, tuple[Callable[[Writer], None], list[tuple[dict[int, str], str, frozenset[str]]]]] = {
    "remember": (
        lambda writer: writer.remove([1, 2], remember=True),
        [(ITEMS, "images", frozenset()), (ITEMS, "images", BOTH), (REST, "images", BOTH)],
    ),
    "move": (
        lambda writer: writer.move({1: ("0001.jpg", {}), 3: ("new.jpg", {"collar_design": 1})}),
        [
            (ITEMS, "images", frozenset()),
            ({number: path for number, path in ITEMS.items() if number != 2}, "images", frozenset()),
            (MOVED, "images", frozenset()),
        ],
    ),
    "relocate": (
        lambda writer: writer.relocate("/elsewhere"),
        [(ITEMS, "images", frozenset()), (ITEMS, "/elsewhere", frozenset())],
    ),
}


@pytest.mark.soak
@pytest.mark.parametrize("name", CHANGES)
def test_crash_at_lines_of_a_change_leaves_one_of_its_steps(tmp_path: Path, name: str) -> None:
    """Crash in a collection without a table of removals; repeating the change completes it."""
    operation, stages = CHANGES[name]
    start, work = tmp_path / "start", tmp_path / "work"
    with write(start) as writer:
        append(writer, names(0, 5))
    drop_memory(start)
    reached = []
    killed, step = True, 0
    while killed:
        shutil.copytree(start, work)
        killed = killed_at(step, lambda: operation(Writer.open(work)))
        reached.append(stages.index(facts(work)))
        if reached[-1] < len(stages) - 1:
            with Writer.open(work) as writer:
                operation(writer)
        assert facts(work) == stages[-1]
        shutil.rmtree(work)
        step += STRIDE
    assert reached == sorted(reached) and {reached[0], reached[-1]} == {0, len(stages) - 1}


@pytest.mark.soak
def test_crash_at_lines_of_creation_leaves_none_or_an_empty_collection(tmp_path: Path) -> None:
    for step in itertools.count(step=STRIDE):
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
    assert step > 30


@pytest.mark.soak
def test_crash_during_cleanup_leaves_the_collection_intact(tmp_path: Path) -> None:
    start, work = tmp_path / "start", tmp_path / "work"
    with write(start) as writer:
        append(writer, names(0, 3))

    def reaches_manifest(step: int) -> bool:
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(start, work)
        killed_at(step, replace_none, lambda: Writer.open(work))
        old, now = (folder.joinpath("manifest.json").read_bytes() for folder in (start, work))
        return now != old or bool(list(work.glob(".manifest*")))

    # The state before the swap of the manifest has all that an append can leave.
    assert reaches_manifest(bisect.bisect_left(range(2000), True, key=reaches_manifest))
    assert list(work.glob(".manifest*"))
    shutil.rmtree(start)
    shutil.move(work, start)
    assert len(list((start / "segments").iterdir())) == 2
    killed, step = True, 0
    while killed:
        shutil.copytree(start, work)
        killed = killed_at(step, lambda: Writer.open(work).close())
        assert len(check(Collection.open(work))) == 3
        with Writer.open(work) as writer:
            assert len(list((work / "segments").iterdir())) == 1
            assert append(writer, names(3, 4), ids=[4]) == [4]  # the number that the crashed append had taken
        assert len(check(Collection.open(work))) == 4
        shutil.rmtree(work)
        step += STRIDE
    assert step > 50


def test_crash_at_lines_of_the_first_write_to_format_1_leaves_its_items(tmp_path: Path) -> None:
    start, work = tmp_path / "start", tmp_path / "work"
    with write(start) as writer:
        append(writer, names(0, 3))
        writer.remove([2])
    as_format_1(start)
    uuids = []
    killed, step = True, 0
    while killed:
        shutil.copytree(start, work)
        killed = killed_at(step, lambda: Writer.open(work).close())
        collection = Collection.open(work)
        uuids.append(collection.manifest.uuid)
        assert sorted(check(collection).values()) == [1, 3]
        with Writer.open(work) as writer:
            assert writer.manifest.uuid == (uuids[-1] or writer.manifest.uuid) != ""
        assert not (work / "index").exists() and sorted(check(Collection.open(work)).values()) == [1, 3]
        shutil.rmtree(work)
        step += STRIDE
    assert uuids[0] == "" and uuids[-1] != ""


def test_append_on_a_full_disk_leaves_the_collection_as_it_was(tmp_path: Path) -> None:
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


def test_next_writer_deletes_leftovers_of_a_crash_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "c"
    with write(folder) as writer:
        append(writer, names(0, 3))
        writer.remove([1])
    (folder / "images").mkdir()
    ours = [
        "tombstones-9.npy",
        ".manifest.json.x.tmp",
        "segments/0000000009/ids.npy",
        "segments/0000000008.tmp/ids.npy",
    ]
    theirs = ["images/a.jpg", "notes.txt", "index-3/x.bin"]
    for name in ours + theirs:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"x")
    assert len(check(Collection.open(folder))) == 2
    write(folder).close()
    assert not any((folder / name).exists() for name in ours)
    assert {path.name for path in (folder / "segments").iterdir()} == {"0000000001"}
    assert all((folder / name).exists() for name in theirs)
    assert len(check(Collection.open(folder))) == 2


def test_segments_without_a_manifest_are_not_deleted(tmp_path: Path) -> None:
    with write(tmp_path / "c") as writer:
        append(writer, names(0, 3))
    (tmp_path / "c" / "manifest.json").rename(tmp_path / "manifest.json")
    with pytest.raises(CollectionError, match="segments and no manifest"):
        write(tmp_path / "c")
    (tmp_path / "manifest.json").rename(tmp_path / "c" / "manifest.json")
    assert len(check(Collection.open(tmp_path / "c"))) == 3


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2**31)), max_size=12))
def test_any_sequence_of_changes_leaves_the_expected_items(tmp_path: Path, steps: list[tuple[int, int]]) -> None:
    """Compare with a dictionary: appends with and without ids, removals, merges and new writers, in any order."""
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
            removed = random.choice(sorted(wanted), random.integers(1, len(wanted) + 1), replace=False).tolist()
            writer.remove([wanted.pop(path) for path in removed])
        elif kind == 3:
            writer.optimize()
        else:
            writer.close()
            writer = Writer.open(folder)
        if kind in (0, 1):
            used |= set(given)
            wanted |= dict(zip(paths, given, strict=True))
        assert {path: known[0] for path, known in writer.known().items()} == wanted
    writer.close()
    assert check(Collection.open(folder)) == wanted
