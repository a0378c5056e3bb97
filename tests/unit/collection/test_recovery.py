"""Repair by a writer: readable segments stay, the other items wait to be re-embedded, with a crash at any line."""

import os
import resource
import shutil
import sqlite3
from pathlib import Path

import pytest

from rpf.collection import Collection, Writer
from rpf.collection.items import Item, read_rows
from rpf.collection.manifest import read_manifest
from rpf.collection.recovery import find_waiting, survey_damage
from rpf.errors import CollectionError
from tests.support.collection_builder import STRIDE, append, check, fork, killed_at, names, new, write


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a collection of three segments: items 1 to 5, 6 to 8 and 9 to 11.

    Items 2, 5 and 7 are removed, and item 10 has the path of item 5.
    """
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


def quarantine(folder: Path) -> list[str]:
    with Writer.open(folder, repair=True) as writer:
        return writer.damage


def waiting(folder: Path) -> list[Item]:
    return find_waiting(Collection.open(folder), *read_rows(folder))


def test_quarantine_of_an_undamaged_collection_changes_nothing(folder: Path) -> None:
    manifest = (folder / "manifest.json").read_bytes()
    assert quarantine(folder) == [] and (folder / "manifest.json").read_bytes() == manifest
    assert waiting(folder) == [] and check(Collection.open(folder)) == WHOLE


@pytest.mark.parametrize(
    ("segment", "lost"), [(FIRST, (1, 3, 4)), (SECOND, (6, 8)), (THIRD, (9, 10, 11))], ids=["first", "second", "third"]
)
def test_items_of_a_lost_segment_wait_unless_they_were_removed(
    folder: Path, segment: Path, lost: tuple[int, ...]
) -> None:
    (folder / segment / "embeddings.npy").unlink()
    assert survey_damage(folder, read_manifest(folder)[0]).readable.count == len(without(*lost))
    (line,) = quarantine(folder)
    assert segment.name in line
    assert check(Collection.open(folder)) == without(*lost) and Collection.open(folder).manifest.incomplete
    assert not (folder / segment).exists()
    paths = {item_id: path for path, item_id in WHOLE.items()}
    with Writer.open(folder) as writer:
        assert append(writer, ["next.jpg"]) == [12]
        writer.optimize()
    assert waiting(folder) == [Item(id=item_id, **vars(new(paths[item_id]))) for item_id in lost]


def test_quarantine_without_tombstones_does_not_restore_replaced_items(folder: Path) -> None:
    next(folder.glob("tombstones-*")).unlink()
    (line,) = quarantine(folder)
    assert "some of them are back" in line
    assert check(Collection.open(folder)) == WHOLE | {"0001.jpg": 2, "0006.jpg": 7}  # and not 5, whose path 10 has
    assert waiting(folder) == [] and not Collection.open(folder).manifest.incomplete


def test_items_of_two_segments_lost_one_after_the_other_wait_once(folder: Path) -> None:
    shutil.rmtree(folder / FIRST)
    quarantine(folder)
    shutil.rmtree(folder / "segments" / read_manifest(folder)[0].segments[0])
    quarantine(folder)
    assert [item.id for item in waiting(folder)] == [1, 3, 4, 6, 8]


def test_waiting_item_that_is_added_and_removed_waits_no_longer(folder: Path) -> None:
    shutil.rmtree(folder / FIRST)
    quarantine(folder)
    with Writer.open(folder) as writer:
        (item_id,) = append(writer, ["0002.jpg"])
        assert [item.id for item in waiting(folder)] == [1, 4]
        writer.remove([item_id])
    assert [item.id for item in waiting(folder)] == [1, 4]


def test_completed_repair_leaves_no_item_waiting(folder: Path) -> None:
    shutil.rmtree(folder / FIRST)
    quarantine(folder)
    with Writer.open(folder) as writer:
        writer.complete()
        assert not writer.manifest.incomplete
    assert waiting(folder) == [] and check(Collection.open(folder)) == without(1, 3, 4)
    with Writer.open(folder) as writer, pytest.raises(CollectionError, match="given before"):
        append(writer, ["again.jpg"], ids=[3])


def test_snapshot_opened_before_the_damage_answers(folder: Path) -> None:
    snapshot = Collection.open(folder)
    shutil.rmtree(folder / FIRST)
    quarantine(folder)
    with Writer.open(folder) as writer:
        writer.complete()
    write(folder).close()
    assert check(snapshot) == WHOLE


def test_rows_of_live_items_stay_although_the_table_retired_them(folder: Path) -> None:
    shutil.copytree(folder / FIRST, folder.parent / "saved")
    shutil.copy(folder / "manifest.json", folder.parent / "manifest.json")
    shutil.copy(next(folder.glob("tombstones-*")), folder.parent)
    shutil.rmtree(folder / FIRST)
    with Writer.open(folder, repair=True) as writer:
        writer.complete()
    # The files come back from a backup, but for the table, which says that the items of the segment are gone.
    shutil.copytree(folder.parent / "saved", folder / FIRST)
    for file in folder.parent.glob("*.*"):
        shutil.copy(file, folder)
    with sqlite3.connect(folder / "items.sqlite") as database:
        database.execute("UPDATE retired SET at = 0")
    database.close()
    write(folder).close()
    assert check(Collection.open(folder)) == WHOLE


def test_quarantine_on_a_full_disk_can_be_repeated(folder: Path) -> None:
    shutil.rmtree(folder / FIRST)

    def fill() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
        with pytest.raises(CollectionError, match="cannot be written"):
            Writer.open(folder, repair=True)

    assert os.waitpid(fork(fill), 0)[1] == 0
    with pytest.raises(CollectionError, match="damaged"):
        Collection.open(folder)
    quarantine(folder)
    assert check(Collection.open(folder)) == without(1, 3, 4)


@pytest.mark.soak
def test_crash_at_lines_of_quarantine_can_be_repaired(folder: Path, tmp_path: Path) -> None:
    next(folder.glob("tombstones-*")).unlink()
    (folder / SECOND / "ids.npy").write_bytes(b"")
    after, work = without(6, 8) | {"0001.jpg": 2}, tmp_path / "work"
    opened = []
    killed, step = True, 0
    while killed:
        shutil.copytree(folder, work)
        killed = killed_at(step, lambda: Writer.open(work, repair=True).close())
        try:
            assert check(Collection.open(work)) == after
            opened.append(True)
        except CollectionError as error:
            assert "damaged" in str(error)
            opened.append(False)
        quarantine(work)
        assert check(Collection.open(work)) == after
        assert [item.id for item in waiting(work)] == [6, 7, 8]  # nobody knows which of them was removed
        with Writer.open(work) as writer:
            assert append(writer, ["next.jpg"]) == [12]
            assert writer.cleared == 0
        shutil.rmtree(work)
        step += STRIDE
    turn = opened.index(True)
    assert turn * STRIDE > 180 and opened == [False] * turn + [True] * (len(opened) - turn)
