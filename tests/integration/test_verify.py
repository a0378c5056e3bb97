"""`rpf verify` finds every kind of damage, and `rpf repair` repairs it. All damage is done to real files."""

import hashlib
import json
import re
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from rpf.collection import Collection
from rpf.errors import CollectionError
from rpf.images.decode import open_image
from rpf.models import checkpoint
from rpf.models.rpf import RPF
from rpf.search.index_store import validate_index
from rpf.settings import Settings
from tests.support.commands import Run, import_legacy_items, snapshot

OLD = {f"{number - 1:03}.jpg": number for number in range(1, 13) if number != 3}
FIRST, SECOND = "segments/0000000001", "segments/0000000002"  # of items 1 to 8, and 9 to 12
Labels = dict[Path, dict[str, int]]


@cache
def model_of(file: Path) -> RPF:
    return checkpoint.load(file)


def check(settings: Settings, wardrobe: Labels) -> dict[str, int]:
    """Assert that each item agrees with its image and labels, and the index with both; return path -> id."""
    collection, model = Collection.open(settings.collections / "shop"), model_of(settings.checkpoint)
    labels = {path.name: values for path, values in wardrobe.items()}
    items = collection.items(collection.ids.tolist())
    files = [collection.image_path(item).read_bytes() for item in items]
    output = model.embed([open_image(data) for data in files])
    for item, data, vectors, boxes in zip(items, files, output.embedding, output.box, strict=True):
        assert (item.sha256, item.bytes) == (hashlib.sha256(data).hexdigest(), len(data))
        assert item.labels == labels[item.path]
        np.testing.assert_allclose(collection.vectors(item.id), vectors, atol=2e-3)
        np.testing.assert_array_equal(collection.boxes(item.id), boxes)
    assert validate_index(collection, settings.indexes) == ""
    assert len({item.path for item in items}) == len(items)
    return {item.path: item.id for item in items}


# Ways to do damage


def flip(path: Path, at: float = 0.6) -> None:
    data = bytearray(path.read_bytes())
    data[int(at * len(data))] ^= 0x10
    path.write_bytes(data)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-10])


def corrupt(segment: Path, row: int, change: Callable[[np.ndarray], np.ndarray]) -> None:
    """Change one item's vector for one attribute."""
    vectors = np.load(segment / "embeddings.npy")
    vectors[5, row] = change(vectors[5, row])
    np.save(segment / "embeddings.npy", vectors)


def index_file(collection: Path, name: str) -> Path:
    """Return a file of the collection's index by its path in the build."""
    (path,) = (collection.parent.parent / "instance" / "indexes").glob("*/*/ids.npy")
    return path.parent / name


def recount(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"count": 999}))


def execute(folder: Path, statement: str) -> None:
    with sqlite3.connect(folder / "items.sqlite") as database:
        database.execute(statement)
    database.close()


@dataclass(frozen=True)
class DamageCase:
    do: Callable[[Path], object]
    problem: str  # what `verify` says, a pattern
    repaired: str  # what `repair` says, a pattern
    re_embedded: range | tuple[int, ...] = ()  # the items that are others afterwards
    removed: tuple[int, ...] = ()  # ids that repair removes
    back: tuple[int, ...] = ()  # those that were removed before


SECOND_LOST = {"repaired": r"Item 12 was re-embedded and is item 16 now: 011\.jpg", "re_embedded": range(9, 13)}
DAMAGES = {
    "a flipped byte in an image": DamageCase(
        lambda at: flip(at / "images" / "004.jpg"),
        r"1 item with an image that was changed.*\n  004\.jpg \(item 5\)",
        r"Item 5 was re-embedded and is item 13 now: 004\.jpg",
        re_embedded=(5,),
    ),
    "a file that is no longer an image": DamageCase(
        lambda at: (at / "images" / "004.jpg").write_bytes(b"not an image"),
        r"1 item with an image that was changed.*\n  004\.jpg \(item 5\)",
        r"Item 5 was removed, for it cannot be re-embedded: 004\.jpg \(.*not an image",
        removed=(5,),
    ),
    "a vector that is not finite": DamageCase(
        lambda at: corrupt(at / FIRST, 3, lambda vector: vector * np.nan),
        r"1 item with a corrupt embedding.*\n  003\.jpg \(item 4\)",
        r"Item 4 was re-embedded and is item 13 now",
        re_embedded=(4,),
    ),
    "a vector that is too long": DamageCase(
        lambda at: corrupt(at / SECOND, 0, lambda vector: vector * np.float16(1.01)),
        r"1 item with a corrupt embedding.*\n  008\.jpg \(item 9\)",
        r"Item 9 was re-embedded and is item 13 now",
        re_embedded=(9,),
    ),
    "a vector of zeros, and its image is missing": DamageCase(
        lambda at: (corrupt(at / FIRST, 0, np.zeros_like), (at / "images" / "000.jpg").unlink()),
        r"1 item with a corrupt embedding.*\n  000\.jpg \(item 1\)",
        r"Item 1 was removed, for it cannot be re-embedded: 000\.jpg \(There is no such file",
        removed=(1,),
    ),
    "a truncated segment": DamageCase(
        lambda at: truncate(at / SECOND / "embeddings.npy"), r"Segment 0000000002 cannot be read", **SECOND_LOST
    ),
    "a segment with other ids": DamageCase(
        lambda at: np.save(at / SECOND / "ids.npy", np.arange(8, 12)), r"an id is in two segments", **SECOND_LOST
    ),
    "boxes that are none": DamageCase(
        lambda at: (at / SECOND / "boxes.npy").write_bytes(b"x" * 100), r"boxes\.npy is not a NumPy", **SECOND_LOST
    ),
    "a missing segment": DamageCase(
        lambda at: shutil.rmtree(at / SECOND), r"Segment 0000000002 cannot be read: 0000000002: No such", **SECOND_LOST
    ),
    "no segments at all": DamageCase(
        lambda at: shutil.rmtree(at / "segments"),
        r"Segment 0000000001 cannot be read",
        r"Item 1 was re-embedded and is item 13 now",
        re_embedded=range(1, 13),
    ),
    "tombstones that cannot be read": DamageCase(
        lambda at: truncate(at / "tombstones-3.npy"),
        r"list of removed items cannot be read",
        r"list of removed items cannot be read .*: some of them are back",
        back=(3,),
    ),
    "missing tombstones": DamageCase(
        lambda at: (at / "tombstones-3.npy").unlink(),
        r"list of removed items cannot be read",
        r"some of them are back",
        back=(3,),
    ),
    "tombstones of items that were never there": DamageCase(
        lambda at: np.save(at / "tombstones-3.npy", np.array([3, 99])),
        r"names some that do not exist",
        r"names some that do not exist",
    ),
    "tombstones and a segment": DamageCase(
        lambda at: (truncate(at / "tombstones-3.npy"), shutil.rmtree(at / FIRST)),
        r"list of removed items cannot be read",
        r"Item 8 was re-embedded and is item",
        re_embedded=range(1, 9),
        back=(3,),
    ),
    "a wrong count": DamageCase(
        recount, r"counts 999 items where there are 11", r"counts 999 items where there are 11"
    ),
    "a missing row": DamageCase(
        lambda at: execute(at, "DELETE FROM items WHERE id = 6"),
        r"1 item without a row in the items table.*\n  item 6",
        r"Item 6 had no row in the items table and was removed",
        removed=(6,),
    ),
    "a malformed row": DamageCase(
        lambda at: execute(at, "UPDATE items SET labels = '[' WHERE id = 6"),
        r"1 item without a row in the items table.*\n  item 6",
        r"Item 6 had no row in the items table and was removed",
        removed=(6,),
    ),
    "an index that was changed": DamageCase(
        lambda at: flip(index_file(at, "index/components-0.npy")), r"index cannot be used: .*changed", r"rebuilt"
    ),
    "an index that says nothing": DamageCase(
        lambda at: index_file(at, "../index.json").write_text("{}"), r"index cannot be used", r"was removed: search is"
    ),
    "an index with a file missing": DamageCase(
        lambda at: index_file(at, "ids.npy").unlink(), r"index cannot be used", r"rebuilt"
    ),
    "a missing index": DamageCase(
        lambda at: shutil.rmtree(index_file(at, ".")), r"index cannot be used: .*No such file", r"rebuilt"
    ),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damage_is_found_by_verify_and_repaired_by_repair(
    run: Run, living: Settings, folder: Path, wardrobe: Labels, damage: DamageCase, request: pytest.FixtureRequest
) -> None:
    indexed = "index" in request.node.name
    if indexed:
        run("build-index", "shop", "--method", "pca")
    damage.do(folder)
    before = snapshot(folder)
    output = run("verify", "shop", status=1)
    assert re.search(f"^problem: .*{damage.problem}", output, re.MULTILINE), output
    assert snapshot(folder) == before
    output = run("repair", "shop")
    assert re.search(f"^repaired: .*{damage.repaired}", output, re.MULTILINE), output
    assert output.endswith(" 0 problems\n")
    for command in ("repair", "verify"):
        count = 11 + len(damage.back) - len(damage.removed)
        assert run(command, "shop") == f"shop: {count} items, 0 repaired, 0 problems\n"
    now, wanted = check(living, wardrobe), {**OLD, **({"002.jpg": 3} if damage.back else {})}
    for path, number in wanted.items():
        if number in damage.re_embedded:
            assert now.pop(path) > 12  # and not 3 either, which was given before
        elif number not in damage.removed:
            assert now.pop(path) == number
    assert not now
    if indexed:
        Collection.open(folder)
        assert "0 added" in run("add", "shop", folder / "images" / "000.jpg")


def test_verify_and_repair_of_a_sound_collection_find_nothing(run: Run, living: Settings, folder: Path) -> None:
    before = snapshot(folder)
    for command in ("verify", "repair"):
        assert run(command, "shop") == "shop: 11 items, 0 repaired, 0 problems\n"
        assert snapshot(folder) == before or command == "repair"  # a writer may merge
    run("build-index", "shop", "--method", "hnsw")
    before, indexes = snapshot(folder), snapshot(living.indexes)
    for command in ("verify", "repair"):
        assert run(command, "shop") == "shop: 11 items, 0 repaired, 0 problems\n"
        assert (snapshot(folder), snapshot(living.indexes)) == (before, indexes)


def test_missing_image_is_a_problem_until_it_is_restored(
    run: Run, living: Settings, folder: Path, wardrobe: Labels
) -> None:
    (folder / "images" / "004.jpg").rename(folder / "004.jpg")
    for command in ("verify", "repair"):
        problem, *items, summary = run(command, "shop", status=1).splitlines()
        assert problem.startswith("problem: 1 item whose image is missing; ") and items == ["  004.jpg (item 5)"]
        assert f"`rpf index shop {folder / 'images'}`" in problem
        assert "`rpf remove shop --missing`" in problem
        assert summary == "shop: 11 items, 0 repaired, 1 problems"
    (folder / "004.jpg").rename(folder / "images" / "004.jpg")
    run("repair", "shop")
    assert check(living, wardrobe) == OLD


def test_repair_without_the_image_folder_loses_nothing(
    run: Run, living: Settings, folder: Path, wardrobe: Labels
) -> None:
    truncate(folder / SECOND / "ids.npy")
    (folder / "images").rename(folder / "elsewhere")
    output = run("repair", "shop", status=1)
    assert "4 items that cannot be re-embedded: The image folder" in output and "  008.jpg (item 9)" in output
    assert "7 items without their images: The image folder" in output and "rpf relocate shop" in output
    assert "7 items, 1 repaired, 5 problems" in output
    assert "problem: 4 items waiting to be re-embedded" in run("verify", "shop", status=1)
    assert "4 items that cannot be re-embedded" in run("repair", "shop", status=1)
    (folder / "elsewhere").rename(folder / "images")
    assert "11 items, 4 repaired, 0 problems" in run("repair", "shop")
    assert list(check(living, wardrobe).values()) == [1, 2, *range(4, 9), *range(13, 17)]


def test_repair_without_the_model_loses_nothing(
    run: Run, living: Settings, folder: Path, wardrobe: Labels, tmp_path: Path
) -> None:
    model = checkpoint.load(living.checkpoint)
    model.region.attribute.weight.data += 1
    checkpoint.save(model, tmp_path / "other.safetensors")
    corrupt(folder / FIRST, 0, np.zeros_like)
    flip(folder / "images" / "001.jpg")
    for other, why in (("other", "was made with another checkpoint"), ("none", "none.safetensors")):
        output = run("repair", "shop", "--checkpoint", tmp_path / f"{other}.safetensors", status=1)
        assert "2 items that cannot be re-embedded: " in output and why in output
        assert "11 items, 0 repaired, 2 problems" in output
    assert "11 items, 2 repaired, 0 problems" in run("repair", "shop")
    assert check(living, wardrobe).keys() == OLD.keys()


def test_repair_does_not_add_an_image_twice(run: Run, folder: Path) -> None:
    shutil.rmtree(folder / SECOND)
    (folder / "images").rename(folder / "elsewhere")
    run("repair", "shop", status=1)  # as a crash would leave it: its items wait
    (folder / "elsewhere").rename(folder / "images")
    assert "1 added" in run("add", "shop", folder / "images" / "009.jpg")
    assert "11 items, 3 repaired, 0 problems" in run("repair", "shop")
    collection = Collection.open(folder)
    assert sorted(item.path for item in collection.items(collection.ids.tolist())) == sorted(OLD)


def test_repair_deletes_leftovers_of_a_crash(run: Run, living: Settings, folder: Path, wardrobe: Labels) -> None:
    for name in ("tombstones-9.npy", ".manifest.json.x.tmp", f"{SECOND[:-1]}7/ids.npy", "lost.json"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    assert " 0 problems" in run("verify", "shop")  # they belong to no collection
    assert "Leftovers of a crash were deleted: 4" in run("repair", "shop")
    assert "0 repaired" in run("repair", "shop")
    assert not list(folder.rglob("*x.tmp")) and not (folder / "lost.json").exists()
    assert check(living, wardrobe) == OLD


@pytest.mark.parametrize("command", ["verify", "repair"])
@pytest.mark.parametrize("damage", ["missing", "empty", "garbage", "page"])
def test_without_the_items_table_nothing_can_be_repaired(run: Run, folder: Path, damage: str, command: str) -> None:
    table = folder / "items.sqlite"
    if damage == "missing":
        table.unlink()
    else:
        whole = table.read_bytes()
        table.write_bytes({"empty": b"", "garbage": b"x" * 8192, "page": whole[:4096] + b"x" * 512}[damage])
    before = snapshot(folder)
    assert "damaged: " in run(command, "shop", status=2)
    assert snapshot(folder) == before


@pytest.mark.parametrize("command", ["verify", "repair"])
def test_verify_and_repair_of_no_collection_are_refused(run: Run, folder: Path, command: str) -> None:
    assert 'no collection named "none"' in run(command, "none", status=2)
    (folder / "manifest.json").write_bytes(b"{")
    before = snapshot(folder)
    assert "is damaged: its manifest is not JSON" in run(command, "shop", status=2)
    assert snapshot(folder) == before


def test_repair_of_an_import_without_its_checkpoint_removes_corrupt_items(
    run: Run, living: Settings, tmp_path: Path
) -> None:
    import_legacy_items(run, tmp_path)
    assert "3 items, 0 repaired, 0 problems" in run("repair", "old")
    folder = living.collections / "old"
    corrupt(next((folder / "segments").iterdir()), 1, np.zeros_like)
    assert "1 item with a corrupt embedding" in run("verify", "old", status=1)
    assert "Item 1 was removed" in run("repair", "old")
    assert Collection.open(folder).ids.tolist() == [0, 2]


def test_verify_cuts_a_long_report(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rpf.cli.maintenance.MAX_REPORT_LINES", 3)
    for path in (folder / "images").iterdir():
        path.unlink()
    lines = run("verify", "shop", status=1).splitlines()
    assert len(lines) == 6 and lines[-2:] == ["  and 8 more", "shop: 11 items, 0 repaired, 11 problems"]


def test_segment_of_another_size_is_refused_until_it_is_repaired(run: Run, folder: Path) -> None:
    truncate(folder / SECOND / "embeddings.npy")
    with pytest.raises(CollectionError, match="damaged"):
        Collection.open(folder)
    assert "damaged" in run("add", "shop", folder / "images" / "000.jpg", status=2)
    run("repair", "shop")
    assert len(Collection.open(folder)) == 11


def test_changed_images_that_cannot_be_read_keep_their_items(
    run: Run, living: Settings, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fail to read the changed image: its item is neither replaced nor removed."""
    flip(folder / "images" / "004.jpg")
    real = Path.open

    def refuse(path: Path, *args: object, **options: object) -> object:
        if path.name == "004.jpg":
            raise OSError(5, "Input/output error")
        return real(path, *args, **options)  # type: ignore[call-overload]

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", refuse)
        output = run("repair", "shop", status=1)
        assert "1 item with another image now, which cannot be read:\n  004.jpg (item 5)" in output
    assert Collection.open(folder).ids.tolist() == list(OLD.values())
    assert "Item 5 was re-embedded and is item 13 now" in run("repair", "shop")


def test_repair_reports_an_index_that_cannot_be_built(run: Run, living: Settings, folder: Path) -> None:
    corrupt(folder / FIRST, 0, np.zeros_like)
    broken = Run(living.model_copy(update={"index_method": "faiss:nonsense"}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rpf.search.indexes.faiss.MIN_TRAINING_VECTORS", 1)
        output = broken("repair", "shop", status=1)
    assert "problem: The index cannot be built: " in output and "11 items, 1 repaired, 1 problems" in output
    assert len(Collection.open(folder)) == 11
