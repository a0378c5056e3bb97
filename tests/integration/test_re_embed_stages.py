"""Re-embedding of a collection of real images with another checkpoint, by small arithmetic models."""

import json
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from rpf.collection import Collection, NewItem, Writer
from rpf.errors import CollectionError
from rpf.images.decode import open_image
from rpf.ingest.pipeline import ImageRecord
from rpf.ingest.re_embed import stage_embeddings, swap_embeddings
from rpf.ingest.scan import find_images
from tests.support.collection_builder import as_format_1, index_images
from tests.unit.ingest.test_pipeline import Projection, draw

NEW = Projection(("coat_length", "collar_design", "sleeve_length"), 20, "new")  # another order, number and dimension


@dataclass
class Stopping(Projection):
    """Embedder that is interrupted in its second batch."""

    attributes: tuple[str, ...] = NEW.attributes
    dim: int = NEW.dim
    checkpoint_hash: str = NEW.checkpoint_hash
    batches: list[int] = field(default_factory=list)

    def embed(self, images):  # type: ignore[no-untyped-def]
        if self.batches:
            raise KeyboardInterrupt
        return super().embed(images)


def quiet(phase: str, done: int, total: int) -> None:
    pass


def re_embed(folder: Path, embedder: Projection = NEW, drop_unreadable: bool = False) -> list[tuple[str, str]]:
    """Embed the collection again as `rpf re-embed` does, two images at a time; return the unreadable ones, and why."""
    with Writer.open(folder) as writer:
        unreadable = stage_embeddings(writer, embedder, quiet, batch_size=2, drop_unreadable=drop_unreadable)
        if drop_unreadable or not unreadable:
            swap_embeddings(writer)
    return [(item.path, why) for item, why in unreadable]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a collection of six images, of which item 2 is removed on purpose; each item's number is its label."""
    images = tmp_path / "shop" / "images"
    for number in range(6):
        draw(images / f"{number}.png", number)
    records = [ImageRecord(path, {"sleeve_length": number}) for number, path in enumerate(find_images(images))]
    index_images(tmp_path / "shop", images, records, Projection(), title="Shop", relative_root="images")
    with Writer.open(tmp_path / "shop") as writer:
        writer.remove([2], remember=True)
    return tmp_path / "shop"


def checkpoint_of(folder: Path) -> str:
    """Check that the vectors of all items are those of the collection's checkpoint, and return it."""
    collection = Collection.open(folder)
    spec = collection.manifest.spec
    embedder = {embedder.checkpoint_hash: embedder for embedder in (NEW, Projection())}[spec.checkpoint]
    assert (spec.attributes, spec.dim) == (embedder.attributes, embedder.dim)
    for item in collection.items(collection.ids.tolist()):
        output = embedder.embed([open_image(collection.image_path(item))])
        np.testing.assert_allclose(collection.vectors(item.id), output.embedding[0], atol=1e-3)
        np.testing.assert_array_equal(collection.boxes(item.id), output.box[0])
        np.testing.assert_allclose(collection.presence(item.id), output.presence[0], atol=1e-3)
    return spec.checkpoint


def test_re_embed_keeps_all_but_the_embeddings(folder: Path) -> None:
    before = Collection.open(folder)
    items = before.items(before.ids.tolist())
    assert checkpoint_of(folder) == "projection" and re_embed(folder) == []
    assert checkpoint_of(folder) == "new"
    after = Collection.open(folder)
    assert after.items(after.ids.tolist()) == items and [item.id for item in items] == [1, 3, 4, 5, 6]
    assert (after.manifest.uuid, after.manifest.spec.title) == (before.manifest.uuid, "Shop")
    assert after.manifest.spec.root == "images" and not after.manifest.tombstones
    assert [path.name for path in (folder / "segments").iterdir()] == list(after.manifest.segments)
    assert not (folder / "re-embedding").exists()
    records = [ImageRecord(path) for path in find_images(folder / "images")]
    report = index_images(folder, folder / "images", records, NEW, title="Shop", relative_root="images")
    assert (report.added, report.unchanged, report.left_out) == (0, 5, 1)  # and knows what was removed


def test_snapshot_from_before_the_swap_keeps_answering(folder: Path) -> None:
    before = Collection.open(folder)
    vectors = before.vectors(3).copy()
    re_embed(folder)
    assert before.changed() and before.item(6).path == "5.png"
    np.testing.assert_array_equal(before.vectors(3), vectors)


def test_interrupted_re_embed_changes_nothing_and_resumes(folder: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        re_embed(folder, Stopping())
    assert checkpoint_of(folder) == "projection"
    with Writer.open(folder) as writer:  # meanwhile the collection is in use
        writer.remove([1])
        writer.move({3: ("moved.png", {"sleeve_length": 8})})
        writer.optimize()
    (folder / "images" / "2.png").rename(folder / "images" / "moved.png")
    NEW.batches.clear()
    assert re_embed(folder) == [] and sum(NEW.batches) == 3  # item 3 was embedded before the interrupt
    assert checkpoint_of(folder) == "new"
    collection = Collection.open(folder)
    assert collection.ids.tolist() == [3, 4, 5, 6]
    assert (collection.item(3).path, collection.item(3).labels) == ("moved.png", {"sleeve_length": 8})


@pytest.mark.parametrize("other", ["checkpoint", "link", "damaged"])
def test_unusable_staged_embeddings_are_discarded(folder: Path, tmp_path: Path, other: str) -> None:
    with pytest.raises(KeyboardInterrupt):
        re_embed(folder, Stopping(checkpoint_hash="third" if other == "checkpoint" else "new"))
    if other == "link":
        (folder / "re-embedding").rename(tmp_path / "elsewhere")
        (folder / "re-embedding").symlink_to(tmp_path / "elsewhere")
    elif other == "damaged":
        (folder / "re-embedding" / "manifest.json").write_text("{")
    NEW.batches.clear()
    assert re_embed(folder) == [] and sum(NEW.batches) == 5
    assert checkpoint_of(folder) == "new" and not (folder / "re-embedding").exists()
    assert other != "link" or len(Collection.open(tmp_path / "elsewhere")) == 2


def test_unreadable_images_stop_re_embed_until_they_are_dropped(folder: Path) -> None:
    images = folder / "images"
    (images / "0.png").unlink()
    assert re_embed(folder) == [("0.png", "There is no such file in the image folder.")]
    draw(images / "2.png", 99)
    (images / "4.png").write_bytes(b"\x89PNG but no image")
    (images / "0.png").symlink_to("/etc/passwd")
    assert [path for path, _ in re_embed(folder)] == ["0.png"]  # missing ones are found before anything is embedded
    assert Collection.open(folder).manifest.spec.checkpoint == "projection"
    unreadable = dict(re_embed(folder, drop_unreadable=True))
    assert unreadable.keys() == {"0.png", "2.png", "4.png"}
    assert unreadable["2.png"] == "It is not the image that was indexed."
    assert "outside of the image folder" in unreadable["0.png"]
    assert checkpoint_of(folder) == "new" and Collection.open(folder).ids.tolist() == [4, 6]
    with Writer.open(folder) as writer:
        assert writer.removed_images() and not writer.manifest.incomplete


def test_changed_image_stops_re_embed_at_its_end(folder: Path) -> None:
    indexed = (folder / "images" / "5.png").read_bytes()
    draw(folder / "images" / "5.png", 99)
    assert re_embed(folder) == [("5.png", "It is not the image that was indexed.")]
    assert Collection.open(folder).manifest.spec.checkpoint == "projection"
    (folder / "images" / "5.png").write_bytes(indexed)
    NEW.batches.clear()
    assert re_embed(folder) == [] and sum(NEW.batches) == 1
    assert checkpoint_of(folder) == "new" and len(Collection.open(folder)) == 5


def test_re_embed_without_any_image_is_refused(folder: Path) -> None:
    (folder / "images").rename(folder / "elsewhere")
    with pytest.raises(CollectionError, match="is not there"):
        re_embed(folder, drop_unreadable=True)
    (folder / "images").mkdir()
    with pytest.raises(CollectionError, match="None of the 5 items"):
        re_embed(folder, drop_unreadable=True)
    (folder / "images").rmdir()
    (folder / "elsewhere").rename(folder / "images")
    assert checkpoint_of(folder) == "projection" and re_embed(folder) == []


def test_re_embed_of_a_collection_of_format_1_keeps_its_items(folder: Path) -> None:
    as_format_1(folder)
    assert re_embed(folder) == [] and checkpoint_of(folder) == "new"
    manifest = json.loads((folder / "manifest.json").read_bytes())
    assert (manifest["format"], manifest["count"], len(manifest["uuid"])) == (2, 5, 32)


def test_import_without_its_checkpoint_gets_one_as_far_as_it_has_images(folder: Path, tmp_path: Path) -> None:
    source = Collection.open(folder)
    items = [NewItem(item.path, item.sha256, item.bytes, item.width, item.height, {}) for item in source.items([3, 4])]
    records = [*items, items[0], NewItem("", "", 0, 0, 0, {})]  # one image is two items, one item has none
    spec = replace(source.manifest.spec, checkpoint="", root=str(folder / "images"))
    with Writer.open(tmp_path / "old", spec) as writer:
        vectors = np.stack([source.vectors(3)] * 4)
        writer.append(records, vectors, None, ids=[70, 8, 90, 10])
    assert re_embed(tmp_path / "old") == [("", "It was imported without an image.")]
    assert len(re_embed(tmp_path / "old", drop_unreadable=True)) == 1
    assert checkpoint_of(tmp_path / "old") == "new"
    collection = Collection.open(tmp_path / "old")
    assert [(item.id, item.path) for item in collection.items(collection.ids.tolist())] == [
        (8, "3.png"),
        (70, "2.png"),
        (90, "2.png"),
    ]


def test_next_writer_deletes_staged_embeddings_after_the_swap_only(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        re_embed(folder, Stopping())
    Writer.open(folder).close()
    shutil.copytree(folder / "re-embedding", tmp_path / "staged")
    re_embed(folder)
    shutil.copytree(tmp_path / "staged", folder / "re-embedding")  # as a crash between swap and deletion leaves it
    shutil.copytree(tmp_path / "staged", folder / "re-embedding.old")
    Writer.open(folder).close()
    assert not list(folder.glob("re-embedding*")) and checkpoint_of(folder) == "new"
