"""Near-duplicates among the items of a collection."""

import sqlite3
from pathlib import Path

import numpy as np
import pytest

from rpf.collection import Collection, Writer
from rpf.errors import CollectionError
from rpf.images.decode import open_image
from rpf.images.near_duplicates import HASH, MAX_HASH_DISTANCE, VERSION, fingerprint, parse_fingerprints
from tests.support.collection_builder import new, vectors, write


def noise(number: int, bits: int = 0) -> bytes:
    """Return a fingerprint that is like no other number's, with the first bits of its hash flipped."""
    data = parse_fingerprints(bytes([VERSION]) + np.random.default_rng(number).bytes(464)).copy()
    data[0, HASH] ^= np.packbits(np.arange(256) < bits)
    return data.tobytes()


def add(writer: Writer, fingerprints: list[bytes], removing: list[int] | None = None) -> list[int]:
    paths = [f"{len(writer.live_ids)}-{at}.jpg" for at in range(len(fingerprints))]
    embeddings = np.stack([vectors(path) for path in paths])
    return writer.append(
        [new(path) for path in paths], embeddings, None, removing=removing or [], fingerprints=fingerprints
    )


def originals(folder: Path) -> list[int]:
    return Collection.open(folder).originals.tolist()


def test_copies_have_the_first_item_as_their_original(tmp_path: Path) -> None:
    with write(tmp_path / "c") as writer:
        add(writer, [noise(1), noise(2), noise(1)])
        add(writer, [noise(3), noise(2), noise(1)])
    collection = Collection.open(tmp_path / "c")
    assert collection.originals.tolist() == [1, 2, 1, 4, 2, 1]
    assert collection.copies(3) == [1, 6] and collection.copies(4) == []
    assert collection.duplicate_groups is not None and collection.duplicate_groups.tolist() == [0, 1, 0, 2, 1, 0]


def test_chain_of_small_changes_is_cut_where_the_original_is_no_duplicate(tmp_path: Path) -> None:
    with write(tmp_path / "c") as writer:
        add(writer, [noise(1, bits) for bits in (0, MAX_HASH_DISTANCE, 2 * MAX_HASH_DISTANCE)])
    assert originals(tmp_path / "c") == [1, 1, 3]


def test_copies_stay_together_when_their_original_is_removed_and_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rpf.collection.items.RETIRED_SECONDS", -1)
    with write(tmp_path / "c") as writer:
        add(writer, [noise(1), noise(1), noise(2), noise(3), noise(3)])
        writer.remove([1, 3])
        writer.optimize()
    with write(tmp_path / "c") as writer:  # deletes the rows of the removed items
        add(writer, [noise(1), noise(2)])
    assert originals(tmp_path / "c") == [1, 4, 4, 1, 7]
    with sqlite3.connect(tmp_path / "c" / "items.sqlite") as connection:
        assert connection.execute("SELECT id FROM originals ORDER BY id").fetchall() == [(1,), (4,), (7,)]
        assert connection.execute("SELECT count(*) FROM items").fetchone() == (5,)


def test_collection_of_an_earlier_version_opens_and_gets_fingerprints_later(tmp_path: Path) -> None:
    with write(tmp_path / "c") as writer:
        writer.append([new("a"), new("b"), new("c")], np.stack([vectors(path) for path in "abc"]), None)
    with sqlite3.connect(tmp_path / "c" / "items.sqlite") as connection:
        connection.executescript("DROP TABLE originals; DROP TABLE copies")
    old = Collection.open(tmp_path / "c")
    assert old.originals.tolist() == [1, 2, 3] and old.duplicate_groups is None
    with Writer.open(tmp_path / "c") as writer:
        assert writer.without_fingerprint() == [(1, "a"), (2, "b"), (3, "c")]
        writer.add_fingerprints({1: noise(1), 3: noise(1)})
        assert writer.without_fingerprint() == [(2, "b")]
    assert old.changed() and originals(tmp_path / "c") == [1, 2, 1]


def test_fingerprints_of_another_version_or_length_are_left_alone(tmp_path: Path) -> None:
    with write(tmp_path / "c") as writer:
        add(writer, [noise(1), noise(2)])
    with sqlite3.connect(tmp_path / "c" / "items.sqlite") as connection:
        connection.execute("UPDATE originals SET fingerprint = ? WHERE id = 1", (b"\x63" + noise(1)[1:],))
        connection.execute("UPDATE originals SET fingerprint = 'short' WHERE id = 2")
    with Writer.open(tmp_path / "c") as writer:
        add(writer, [noise(1), noise(2)])
    assert originals(tmp_path / "c") == [1, 2, 3, 4]


def test_malformed_original_is_reported(tmp_path: Path) -> None:
    with write(tmp_path / "c") as writer:
        add(writer, [noise(1), noise(1)])
    with sqlite3.connect(tmp_path / "c" / "items.sqlite") as connection:
        connection.execute("UPDATE copies SET original = 'first'")
    with pytest.raises(CollectionError, match="original of a copy"):
        Collection.open(tmp_path / "c")


def test_real_shops_photographs_are_joined_where_the_shop_has_one_photo_twice(tmp_path: Path, shared: Path) -> None:
    paths = sorted((shared / "luma" / "media").rglob("*_main.jpg"))
    if not paths:
        pytest.skip("needs ../shared/luma, which is not here")
    with write(tmp_path / "c") as writer:
        add(writer, [fingerprint(open_image(path)) for path in paths])
    collection = Collection.open(tmp_path / "c")
    joined = {(paths[first - 1].name, paths[item - 1].name) for item, first in
              zip(collection.ids.tolist(), collection.originals.tolist(), strict=True) if item != first}  # fmt: skip
    # The shop itself has one picture for both colours of these trousers.
    assert joined == {
        ("mp09-black_main.jpg", "mp09-blue_main.jpg"),
        ("mp12-black_main.jpg", "mp12-blue_main.jpg"),
    }
