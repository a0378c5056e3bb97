"""Untrusted collections: refused with a clear error, or harmless."""

import contextlib
import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpf.collection import Collection, Item
from rpf.errors import CollectionError, RPFError, UnknownItem
from tests.support.collection_builder import append, names, new, write


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a collection with two segments, tombstones, and images in its folder."""
    folder = tmp_path_factory.mktemp("honest") / "c"
    with write(folder) as writer:
        append(writer, names(0, 5))
        append(writer, names(5, 8))
        writer.remove([2])
    (folder / "images").mkdir()
    (folder / "images" / "0000.jpg").write_bytes(b"an image")
    return folder


@pytest.fixture
def hostile(honest: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(honest, tmp_path / "c"))


def walk(folder: Path) -> None:
    """Open a collection and read all of it."""
    collection = Collection.open(folder)
    for attribute in range(len(collection.vocabulary)):
        for rows, block in collection.chunks(attribute):
            assert block.shape == (rows.stop - rows.start, collection.manifest.spec.dim)
    for item_id in collection.ids.tolist():
        assert collection.vectors(item_id).shape[0] == len(collection.vocabulary)
        collection.boxes(item_id)
        collection.presence(item_id)
    assert collection.presence_by_attribute.shape == (len(collection.vocabulary), len(collection))
    for item in collection.items(collection.ids.tolist()):
        with contextlib.suppress(UnknownItem):
            assert collection.image_path(item).is_relative_to(collection.root)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["", ".", "\0", "\ud800"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)  # fmt: skip
KEYS = ("format", "generation", "checkpoint", "attributes", "dim", "count", "root", "segments", "tombstones", "title",
        "uuid", "incomplete", "index")  # fmt: skip
LIKELY = st.one_of(
    JSON,
    st.sampled_from([1, 7, 8, 3, 0, -1, 2**63, 10**400, True, 1.0, "segments", "../..", "/etc", "/", "a" * 5000]),
    st.sampled_from(["0" * 32, "F" * 32, "0" * 31]),
    st.sampled_from(["tombstones-3.npy", "tombstones-9.npy", "items.sqlite", "images", "manifest.json"]),
    st.sampled_from([["0000000001"], ["0000000001", "0000000002"], ["0000000001"] * 2, ["."], [".."], ["/etc"], [""]]),
    st.lists(st.text(min_size=1), min_size=3, max_size=3),
)


@given(st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=8), LIKELY, max_size=3), st.sets(st.sampled_from(KEYS)))
def test_manifest_with_any_values_opens_or_is_refused(honest: Path, changes: dict[str, Any], dropped: set[str]) -> None:
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


@given(st.integers(0, 10_000), st.binary(max_size=6), st.integers(0, 30))
def test_manifest_with_changed_bytes_opens_or_is_refused(honest: Path, at: int, put: bytes, cut: int) -> None:
    path = honest / "manifest.json"
    original = path.read_bytes()
    at %= len(original)
    try:
        path.write_bytes(original[:at] + put + original[at + cut :])
        with contextlib.suppress(CollectionError):
            walk(honest)
    finally:
        path.write_bytes(original)


NO_MANIFESTS = [b"", b"[" * 200_000, b"null", b"[1]", b'"x"', b"1" * 5000, b"\xff", b" " * (17 * 2**20)]


@pytest.mark.parametrize("text", NO_MANIFESTS, ids=range(len(NO_MANIFESTS)))
def test_file_that_is_no_manifest_is_refused(hostile: Path, text: bytes) -> None:
    (hostile / "manifest.json").write_bytes(text)
    with pytest.raises(CollectionError, match="damaged"):
        Collection.open(hostile)
    with pytest.raises(CollectionError, match="damaged"):
        write(hostile)


def test_newer_format_is_refused_with_its_number(hostile: Path) -> None:
    manifest = json.loads((hostile / "manifest.json").read_bytes())
    (hostile / "manifest.json").write_text(json.dumps({**manifest, "format": 3}))
    with pytest.raises(CollectionError, match="format is 3, this program reads 1 and 2"):
        Collection.open(hostile)


def changed_arrays(folder: Path) -> Iterator[tuple[Path, Callable[[Path], object]]]:
    """Yield ways to damage the files of the first segment and the tombstones."""
    segment = folder / "segments" / "0000000001"
    names = ("ids", "embeddings", "boxes", "applicable")
    ids, embeddings, boxes, presence = (np.load(segment / f"{name}.npy") for name in names)
    changed: list[tuple[str, Any]] = [
        ("ids", ids.astype(np.int32)), ("ids", ids.astype(">i8")), ("ids", ids[::-1]), ("ids", ids * 0),
        ("ids", ids - 9), ("ids", ids[:4]), ("ids", ids[:0]), ("ids", ids[None]), ("ids", ids + 3),
        ("ids", np.array(3)), ("embeddings", embeddings.astype(np.float32)), ("embeddings", embeddings[:2]),
        ("embeddings", embeddings[..., :4]), ("embeddings", np.asfortranarray(embeddings)),
        ("embeddings", embeddings.swapaxes(0, 1)),
        ("boxes", boxes.astype(np.int64)), ("boxes", boxes[:4]), ("boxes", boxes.reshape(5, 4, 3)),
        ("applicable", presence.astype(np.float32)), ("applicable", presence[:4]),
        ("applicable", presence.T), ("applicable", presence.view(np.int16)), ("applicable", presence[:, :2]),
    ]  # fmt: skip
    for name, array in changed:
        yield segment / f"{name}.npy", lambda path, array=array: np.save(path, array)  # type: ignore[misc]
    for name in names:
        path = segment / f"{name}.npy"
        whole = path.read_bytes()
        yield path, lambda path: np.save(path, np.array([{}] * 5), allow_pickle=True)
        yield path, lambda path: np.savez(path.open("wb"), a=np.arange(5))
        header = whole.replace(b"(", b"[", 1), whole.replace(b"5", b"9")
        for put in (b"", whole[:40], whole[:-1], b"\x80\x04N.", *header):
            yield path, lambda path, put=put: path.write_bytes(put)  # type: ignore[misc]
        if name not in ("boxes", "applicable"):
            yield path, Path.unlink
    tombstones = folder / "tombstones-3.npy"
    for array in (np.array([99]), np.array([2, 2]), np.array([2, 1]), np.array([2.0]), np.array([], np.int64)):
        yield tombstones, lambda path, array=array: np.save(path, array)  # type: ignore[misc]
    yield tombstones, Path.unlink


def test_damaged_arrays_are_refused(honest: Path, tmp_path: Path) -> None:
    for number, (path, damage) in enumerate(changed_arrays(honest)):
        folder = Path(shutil.copytree(honest, tmp_path / str(number)))
        damage(folder / path.relative_to(honest))
        with pytest.raises(CollectionError, match="damaged"):
            Collection.open(folder)
        with pytest.raises(CollectionError, match="damaged"):
            write(folder)
    assert number > 40


def test_presence_that_is_no_probability_counts_as_present(hostile: Path) -> None:
    path = hostile / "segments" / "0000000001" / "applicable.npy"
    odd = [np.nan, -np.nan, np.inf, 1.5, 65504, -65504, -np.inf, -1, -1e-7, 0, -0.0, 0.4998, 0.5, 1, 0.25]
    np.save(path, np.array(odd, np.float16).reshape(5, 3))
    walk(hostile)
    collection = Collection.open(hostile)
    known = collection.presence_by_attribute[:, collection.ids != 2][:, :4]
    low = float(np.float16(0.4998))
    assert known.T.tolist() == [[1, 1, 1], [1, 1, 1], [0, 0, low], [0.5, 1, 0.25]]


@pytest.mark.parametrize(
    "name",
    ["segments/0000000001/ids.npy", "segments/0000000001/embeddings.npy", "segments/0000000001/applicable.npy",
     "segments/0000000001", "tombstones-3.npy", "segments", "items.sqlite"],
)  # fmt: skip
def test_links_out_of_the_collection_are_refused(hostile: Path, tmp_path: Path, name: str) -> None:
    shutil.move(hostile / name, tmp_path / "outside")
    (hostile / name).symlink_to(tmp_path / "outside")
    with pytest.raises(CollectionError, match="damaged"):
        Collection.open(hostile)
    if name != "items.sqlite":
        with pytest.raises(CollectionError, match="damaged"):
            write(hostile)


def test_writer_does_not_clean_the_target_of_a_link(tmp_path: Path) -> None:
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
def test_database_with_other_tables_is_refused(hostile: Path, statements: list[str]) -> None:
    with sqlite3.connect(hostile / "items.sqlite") as database:
        for statement in statements:
            database.execute(statement)
    with pytest.raises(CollectionError, match="other tables"):
        Collection.open(hostile)
    with pytest.raises(CollectionError, match="other tables"):
        write(hostile)


@pytest.mark.parametrize("damage", ["garbage", "empty", "missing"])
def test_file_that_is_no_database_is_refused(hostile: Path, damage: str) -> None:
    path = hostile / "items.sqlite"
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(b"" if damage == "empty" else b"x" * 8192)
    with pytest.raises(CollectionError, match="damaged"):
        Collection.open(hostile)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("path", b"x"), ("sha256", b"x"), ("bytes", "many"), ("width", 1.5), ("labels", "{"),
        ("labels", "[1]"), ("labels", '{"a": "b"}'), ("labels", '{"a": true}'), ("labels", "[" * 100_000),
    ],
)  # fmt: skip
def test_malformed_row_is_an_error_for_its_item_only(hostile: Path, column: str, value: object) -> None:
    with sqlite3.connect(hostile / "items.sqlite") as database:
        database.execute(f"UPDATE items SET {column} = ? WHERE id = 4", (value,))
    collection = Collection.open(hostile)
    assert collection.item(3).path == "0002.jpg"
    with pytest.raises(CollectionError, match="cannot be read"):
        collection.item(4)


def test_image_paths_stay_inside_the_image_root(hostile: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.jpg").touch()
    images = hostile / "images"
    (images / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    (images / "up").symlink_to(tmp_path)
    (images / "loop").symlink_to("loop")
    (images / "inside.jpg").symlink_to("0000.jpg")
    os.mkfifo(images / "fifo.jpg")
    collection = Collection.open(hostile)
    outside = ["link.jpg", "up/secret.jpg", "../../secret.jpg", str(tmp_path / "secret.jpg"), "loop"]
    nothing = ["", ".", "missing.jpg", "fifo.jpg", "a\0b", "x" * 5000, "\ud800", "0000.jpg/x"]
    for path in outside + nothing:
        with pytest.raises(UnknownItem, match="image of item 1"):
            collection.image_path(Item(id=1, **vars(new("a")) | {"path": path}))
    for path in ("0000.jpg", "inside.jpg", "../images/0000.jpg"):
        path = collection.image_path(Item(id=1, **vars(new("a")) | {"path": path}))
        assert path == (images / "0000.jpg").resolve()


def test_damaged_collection_names_the_file(hostile: Path) -> None:
    (hostile / "segments" / "0000000001" / "ids.npy").unlink()
    with pytest.raises(RPFError, match=r"^The collection c is damaged: ids.npy is missing\.$"):
        Collection.open(hostile)
