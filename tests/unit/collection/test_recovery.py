"""A writer that mends: what is whole stays, the rest is noted as lost, wherever a crash comes."""

import json
import os
import resource
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpf.collection import Collection, Writer
from rpf.collection.manifest import read_manifest
from rpf.collection.recovery import FILE, Lost, read_lost, survey, write_lost
from rpf.errors import CollectionError
from rpf.images.decode import open_image
from rpf.ingest import verify
from rpf.ingest.pipeline import Source, index, ingest_images
from rpf.ingest.scan import find_images
from rpf.search.index_store import update_index, validate_index
from tests.support.collection_builder import ALL, STRIDE, append, check, fork, killed_at, names, new, write
from tests.unit.ingest.test_pipeline import Projection, draw

KEY = "a key"


@pytest.fixture(autouse=True)
def _no_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    """A killed process loses nothing of what it has written, synced or not; only a machine does."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Items 1 to 5, 6 to 8 and 9 to 11 in segments of their own; 2 and 7 are removed, and 10 has the path of 5, which
    was removed as well."""
    with write(tmp_path / "c") as writer:
        append(writer, names(0, 5))
        append(writer, names(5, 8))
        append(writer, ["0008.jpg", "0004.jpg", "0010.jpg"], removing=[5])
        writer.remove([2, 7])
    return tmp_path / "c"


FIRST, SECOND, THIRD = (Path("segments", f"{number:010}") for number in (1, 2, 3))
WHOLE = {"0000.jpg": 1, "0002.jpg": 3, "0003.jpg": 4, "0005.jpg": 6, "0007.jpg": 8, "0008.jpg": 9, "0004.jpg": 10,
         "0010.jpg": 11}  # fmt: skip


def without(*ids: int) -> dict[str, int]:
    return {path: item_id for path, item_id in WHOLE.items() if item_id not in ids}


def mended(folder: Path) -> list[str]:
    with Writer.existing(folder, mend=True) as writer:
        return writer.damage


def test_what_is_whole_is_left_alone(folder: Path) -> None:
    manifest = (folder / "manifest.json").read_bytes()
    assert mended(folder) == [] and (folder / "manifest.json").read_bytes() == manifest
    assert not (folder / FILE).exists() and check(Collection.open(folder)) == WHOLE


@pytest.mark.parametrize(
    ("segment", "lost"), [(FIRST, (1, 3, 4)), (SECOND, (6, 8)), (THIRD, (9, 10, 11))], ids=["first", "second", "third"]
)
def test_a_lost_segments_items_are_listed_less_those_that_were_removed(
    folder: Path, segment: Path, lost: tuple[int, ...]
) -> None:
    (folder / segment / "embeddings.npy").unlink()
    assert survey(folder, read_manifest(folder)[0]).whole.count == len(without(*lost))
    (line,) = mended(folder)
    assert segment.name in line
    assert check(Collection.open(folder)) == without(*lost)
    assert not (folder / segment).exists()
    paths = {item_id: path for path, item_id in WHOLE.items()}
    assert read_lost(folder) == [Lost(item_id, paths[item_id], new(paths[item_id]).labels) for item_id in lost]
    with Writer.existing(folder) as writer:
        assert append(writer, ["next.jpg"]) == [12]


def test_without_tombstones_what_was_replaced_stays_away(folder: Path) -> None:
    next(folder.glob("tombstones-*")).unlink()
    (line,) = mended(folder)
    assert "some of them are back" in line
    assert check(Collection.open(folder)) == WHOLE | {"0001.jpg": 2, "0006.jpg": 7}  # and not 5, whose path 10 has


def test_lost_twice_is_listed_once(folder: Path) -> None:
    shutil.rmtree(folder / FIRST)
    mended(folder)
    with Writer.existing(folder) as writer:
        name = writer.manifest.segments[0]
    shutil.rmtree(folder / "segments" / name)
    mended(folder)
    assert [lost.id for lost in read_lost(folder)] == [1, 3, 4, 6, 8]
    write_lost(folder, [])
    assert read_lost(folder) == [] and not (folder / FILE).exists()


def test_rows_of_live_items_stay_even_if_a_stranger_retired_them(folder: Path) -> None:
    shutil.copytree(folder / FIRST, folder.parent / "saved")
    shutil.copy(folder / "manifest.json", folder.parent / "manifest.json")
    shutil.copy(next(folder.glob("tombstones-*")), folder.parent)
    shutil.rmtree(folder / FIRST)
    mended(folder)
    # The files come back from a backup, but for the table, which says that the items of the segment are gone.
    shutil.copytree(folder.parent / "saved", folder / FIRST)
    for file in folder.parent.glob("*.*"):
        shutil.copy(file, folder)
    with sqlite3.connect(folder / "items.sqlite") as database:
        database.execute("UPDATE retired SET at = 0")
    database.close()
    write(folder).close()
    assert check(Collection.open(folder)) == WHOLE


def test_a_full_disk_while_mending(folder: Path) -> None:
    shutil.rmtree(folder / FIRST)

    def fill() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
        with pytest.raises(CollectionError, match="cannot be written"):
            Writer.existing(folder, mend=True)

    assert os.waitpid(fork(fill), 0)[1] == 0
    with pytest.raises(CollectionError, match="damaged"):
        Collection.open(folder)
    mended(folder)
    assert check(Collection.open(folder)) == without(1, 3, 4)


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["\0", "\ud800"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4), max_leaves=9,
))  # fmt: skip
def test_a_list_of_lost_items_with_anything_in_it(folder: Path, data: Any) -> None:
    for own in (data, [[3, "a.jpg", data]], [[3, data, {}]], [[data, "a.jpg", {"b": 1}]], [data, [3, "a.jpg", {}]]):
        (folder / FILE).write_text(json.dumps(own))
        for lost in read_lost(folder):
            assert type(lost.id) is int and isinstance(lost.path, str) and isinstance(lost.labels, dict)
    (folder / FILE).write_bytes(b"[" * 100_000)
    assert read_lost(folder) == []


@pytest.mark.soak
def test_a_crash_at_lines_of_setting_aside(folder: Path, tmp_path: Path) -> None:
    next(folder.glob("tombstones-*")).unlink()
    (folder / SECOND / "ids.npy").write_bytes(b"")
    after, work = without(6, 8) | {"0001.jpg": 2}, tmp_path / "work"
    opened = []
    killed, step = True, 0
    while killed:
        shutil.copytree(folder, work)
        killed = killed_at(step, lambda: Writer.existing(work, mend=True).close())
        try:
            assert check(Collection.open(work)) == after
            opened.append(True)
        except CollectionError as error:
            assert "damaged" in str(error)
            opened.append(False)
        mended(work)
        assert check(Collection.open(work)) == after
        assert [lost.id for lost in read_lost(work)] == [6, 7, 8]  # who of them was removed, nobody knows
        with Writer.existing(work) as writer:
            assert append(writer, ["next.jpg"]) == [12]
            assert writer.cleared == 0
        shutil.rmtree(work)
        step += STRIDE
    turn = opened.index(True)
    assert turn > 8 and opened == [False] * turn + [True] * (len(opened) - turn)


def test_who_only_looks_finds_nothing_wrong_while_a_writer_is_at_work(tmp_path: Path) -> None:
    folder, images = tmp_path / "pictures", tmp_path / "images"
    for number in range(9):
        draw(images / f"{number}.png", number)
    sources = [Source(path) for path in find_images(images)]
    index(folder, images, sources[:4], Projection())

    def work() -> None:
        for turn in range(12):
            with Writer.existing(folder) as writer:
                ingest_images(writer, sources, Projection(), batch=2, progress=quiet)
                update_index(writer, ("pca", "kdtree", "exact")[turn % 3], KEY, quiet, anew=True)
                writer.remove([item_id for item_id, _, _ in list(writer.known().values())[4:]])
                writer.compact()

    child = fork(work)
    generations = set()
    while os.waitpid(child, os.WNOHANG)[0] == 0:
        report = verify.check(folder, KEY, quiet)
        assert report.remaining == [] and 4 <= report.items <= 9
        generations.add(read_manifest(folder)[0].generation)
    assert len(generations) > 3
    assert len(Collection.open(folder)) == 4  # and the writer came to its end


@dataclass(frozen=True)
class Damaged:
    """A collection of pictures in two segments with an index: one segment is unreadable, one vector of the other
    spoilt, one picture changed."""

    folder: Path
    images: Path


@pytest.fixture
def damaged(tmp_path: Path) -> Iterator[Damaged]:
    folder = tmp_path / "pictures"
    images = folder / "images"
    for number in range(6):
        draw(images / f"{number}.png", number)
    sources = [Source(path, {"sleeve_length": number}) for number, path in enumerate(find_images(images))]
    index(folder, images, sources[:4], Projection(), relative_root="images")
    with Writer.existing(folder) as writer:
        ingest_images(writer, sources[4:], Projection(), progress=quiet)
        update_index(writer, "pca", KEY, quiet)
    segment = folder / FIRST
    vectors = np.load(segment / "embeddings.npy")
    vectors[1, 2] = np.nan
    np.save(segment / "embeddings.npy", vectors)
    draw(images / "0.png", 99)
    (folder / SECOND / "ids.npy").unlink()
    yield Damaged(folder, images)


def quiet(phase: str, done: int, total: int) -> None:
    pass


def sound(folder: Path) -> dict[int, int]:
    """label -> id of the items whose vectors are those of their pictures; the picture's number is its label."""
    collection, found = Collection.open(folder), {}
    for item in collection.items(collection.ids.tolist()):
        (number,) = item.labels.values()
        assert item.path == f"{number}.png" and number not in found
        seen = Projection().embed([open_image(collection.image_path(item))])
        if np.allclose(collection.vectors(item.id), seen.embedding[0], atol=1e-3):
            found[number] = item.id
    return found


@pytest.mark.soak
def test_a_crash_at_lines_of_mending(damaged: Damaged, tmp_path: Path) -> None:
    """Whatever was whole stays, and the next who mends completes it: all pictures are items, under ids never given."""
    work = tmp_path / "work" / "pictures"
    states: list[int] = []  # sound items: none where the collection does not open
    killed, step = True, 0
    while killed:
        shutil.copytree(damaged.folder, work)
        killed = killed_at(step, lambda: verify.mend(work, Projection, "auto", KEY, quiet, batch=2))
        try:
            found = sound(work)
            assert found.keys() >= {1, 3} and (found[1], found[3]) == (2, 4)
            states.append(len(found))
        except CollectionError as error:
            assert "damaged" in str(error)
            states.append(0)
        report = verify.mend(work, Projection, "auto", KEY, quiet, batch=2)
        assert report.remaining == [] and report.items == 6
        found = sound(work)
        assert found.keys() == set(range(6)) and (found.pop(1), found.pop(3)) == (2, 4)
        assert min(found.values()) > 6
        assert validate_index(Collection.open(work), KEY) == "" and Collection.open(work).manifest.index
        report = verify.mend(work, Projection, "auto", KEY, quiet)
        assert report.mended == report.remaining == []
        shutil.rmtree(work)
        step += 1 if ALL else 16
    assert states == sorted(states) and states[0] == 0 and states[-1] == 6
    assert set(states) >= ({0, 2, 4, 6} if ALL else {0, 2, 6})
    assert step > 200
