"""Ingest of real images into a collection, by a small arithmetic model."""

import hashlib
import os
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import wardrobe
from rpf.collection import Collection
from rpf.errors import CollectionError
from rpf.images.decode import open_image
from rpf.ingest.pipeline import ImageRecord, IngestReport
from rpf.ingest.scan import find_images
from tests.support.collection_builder import index_images

BATCH = 4


@dataclass
class ProjectedImages:
    embedding: np.ndarray
    box: np.ndarray
    presence: np.ndarray | None
    values: np.ndarray | None = None


@dataclass
class Projection:
    """Stand-in for the model: fixed random projections of a 16x16 thumbnail, one for each attribute."""

    attributes: tuple[str, ...] = ("sleeve_length", "collar_design")
    dim: int = 12
    checkpoint_hash: str = "projection"
    tells_parts: bool = True
    batches: list[int] = field(default_factory=list)

    def embed(self, images: Sequence[Image.Image]) -> ProjectedImages:
        self.batches.append(len(images))
        pixels = np.stack([np.asarray(image.resize((16, 16)), np.float32).ravel() / 255 for image in images])
        matrix = np.random.default_rng(3).normal(size=(len(self.attributes), pixels.shape[1], self.dim))
        projected = np.einsum("np,apd->nad", pixels, matrix)
        boxes = [[(0, at, *image.size) for at in range(len(self.attributes))] for image in images]
        return ProjectedImages(
            (projected / np.linalg.norm(projected, axis=2, keepdims=True)).astype(np.float32),
            np.array(boxes, np.int32),
            pixels[:, : len(self.attributes)] if self.tells_parts else None,
        )


def draw(path: Path, seed: int, size: tuple[int, int] = (60, 40)) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (5, 7, 3), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).resize(size).save(path)


def sources(root: Path) -> list[ImageRecord]:
    return [ImageRecord(path, {"sleeve_length": len(path)}) for path in find_images(root)]


def run(folder: Path, root: Path, **options: Any) -> IngestReport:
    return index_images(folder, root, sources(root), Projection(), **{"batch_size": BATCH, **options})


def check(folder: Path, root: Path) -> list[str]:
    """Assert that each item has the hash, size, labels, vectors and boxes of its file; return the paths by id."""
    collection = Collection.open(folder)
    items = collection.items(collection.ids.tolist())
    for item in items:
        data = collection.image_path(item).read_bytes()
        image = open_image(data)
        output = Projection().embed([image])
        assert (item.sha256, item.bytes) == (hashlib.sha256(data).hexdigest(), len(data))
        assert (item.width, item.height) == image.size
        assert item.labels == {"sleeve_length": len(item.path)}
        np.testing.assert_allclose(collection.vectors(item.id), output.embedding[0], atol=1e-3)
        np.testing.assert_array_equal(collection.boxes(item.id), output.box[0])
        assert output.presence is not None
        np.testing.assert_array_equal(collection.presence(item.id), output.presence[0].astype(np.float16))
    assert collection.root == root.resolve()
    return [item.path for item in items]


@pytest.fixture
def images(tmp_path: Path) -> Path:
    for number in range(10):
        suffix = ("jpg", "png", "webp", "GIF", "bmp", "tiff")[number % 6]
        draw(tmp_path / "images" / f"{number % 3}" / f"Áo {number}.{suffix}", number, (40 + 3 * number, 50))
    return tmp_path / "images"


def test_ingest_of_a_folder_makes_a_collection(tmp_path: Path, images: Path) -> None:
    steps: list[tuple[str, int, int]] = []
    report = run(tmp_path / "c", images, title="Áo", progress=lambda *step: steps.append(step))
    assert (report.added, report.unchanged, report.skipped) == (10, 0, []) and report.seconds > 0
    assert check(tmp_path / "c", images) == find_images(images)
    manifest = Collection.open(tmp_path / "c").manifest
    assert manifest.spec.title == "Áo" and manifest.spec.checkpoint == "projection" and len(manifest.segments) == 1
    assert steps == [("indexing", done, 10) for done in (0, 4, 8, 10)] + [("merging", done, 1) for done in (0, 1)]


def copies_in(folder: Path) -> dict[int, list[int]]:
    collection = Collection.open(folder)
    return {item: copies for item in collection.ids.tolist() if (copies := collection.copies(item))}


def test_ingest_finds_near_duplicates_also_of_items_without_fingerprints(tmp_path: Path, images: Path) -> None:
    garment = wardrobe.draw(4).image
    garment.save(images / "1" / "garment.png")
    garment.resize((garment.width // 2, garment.height // 2)).save(images / "3.jpg")
    folder = tmp_path / "c"
    run(folder, images)
    first = 1 + find_images(images).index("1/garment.png")
    copies = {first: [12], 12: [first]}
    assert copies_in(folder) == copies
    with sqlite3.connect(folder / "items.sqlite") as connection:
        connection.executescript("DELETE FROM originals; DELETE FROM copies")
    assert copies_in(folder) == {}
    steps: list[tuple[str, int, int]] = []
    report = run(folder, images, progress=lambda *step: steps.append(step))
    assert (report.added, report.unchanged) == (0, 12) and ("comparing", 12, 12) in steps
    assert copies_in(folder) == copies


def test_ingest_by_a_model_without_presence_stores_none(tmp_path: Path, images: Path) -> None:
    index_images(tmp_path / "c", images, sources(images), Projection(tells_parts=False))
    collection = Collection.open(tmp_path / "c")
    assert len(collection) == 10 and not collection.knows_presence and collection.presence(1) is None


def test_ingest_stores_the_size_of_the_upright_image(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side
    (tmp_path / "images").mkdir()
    Image.new("RGB", (60, 40), "red").save(tmp_path / "images" / "a.jpg", exif=exif)
    run(tmp_path / "c", tmp_path / "images")
    item = Collection.open(tmp_path / "c").item(1)
    assert (item.width, item.height) == (40, 60)


def test_collection_with_its_images_can_be_moved(tmp_path: Path) -> None:
    draw(tmp_path / "c" / "images" / "a.png", 1)
    run(tmp_path / "c", tmp_path / "c" / "images", relative_root="images")
    (tmp_path / "c").rename(tmp_path / "moved")
    assert check(tmp_path / "moved", tmp_path / "moved" / "images") == ["a.png"]


def test_ingest_again_keeps_known_images_and_re_embeds_changed_ones(tmp_path: Path, images: Path) -> None:
    folder = tmp_path / "c"
    run(folder, images)
    generation = Collection.open(folder).manifest.generation
    report = run(folder, images)
    assert (report.added, report.unchanged) == (0, 10)
    assert Collection.open(folder).manifest.generation == generation
    paths = find_images(images)
    draw(images / paths[3], 99)
    draw(images / "new.png", 100)
    (images / paths[5]).write_bytes(b"no image any more")
    (images / paths[7]).unlink()
    records = [ImageRecord(path, {"sleeve_length": len(path)}) for path in [*paths, "new.png"]]
    report = index_images(folder, images, records, Projection(), batch_size=BATCH)
    assert (report.added, report.unchanged) == (2, 7)
    assert [path for path, _ in report.skipped] == [paths[5], paths[7]]
    collection = Collection.open(folder)
    assert len(collection.manifest.segments) == 1 and not collection.manifest.tombstones
    known = {item.path: item.id for item in collection.items(collection.ids.tolist())}
    assert known[paths[3]] == 11 and known["new.png"] == 12 and known[paths[4]] == 5
    # The missing image may be on a disk that is not there today; what is no image has no vectors.
    assert paths[7] in known and paths[5] not in known
    draw(images / paths[7], 7)
    report = run(folder, images)
    assert (report.added, report.unchanged, len(report.skipped)) == (1, 9, 1)
    assert sorted(check(folder, images)) == sorted({*paths, "new.png"} - {paths[5]})


def test_unreadable_files_are_listed_and_skipped(tmp_path: Path, images: Path) -> None:
    draw(tmp_path / "secret.png", 1)
    (images / "cut.jpg").write_bytes((images / "0" / "Áo 0.jpg").read_bytes()[:300])
    (images / "text.png").write_text("text")
    (images / "empty.gif").touch()
    (images / "huge.jpg").write_bytes(bytes(17 * 2**20))
    (images / "folder.jpg").mkdir()
    os.mkfifo(images / "pipe.jpg")
    (images / "link.png").symlink_to(tmp_path / "secret.png")
    named = [*find_images(images), "missing.jpg", "../secret.png", str(tmp_path / "secret.png"), "link.png",
             "folder.jpg", "name\udcff.jpg", "nul\0.jpg"]  # fmt: skip
    report = index_images(tmp_path / "c", images, [ImageRecord(path) for path in named * 2], Projection(), batch_size=3)
    assert report.added == 10
    reasons = dict(report.skipped)
    assert len(reasons) == len(report.skipped) == len(named) - 10
    for path, why in {
        "cut.jpg": "damaged", "text.png": "not an image", "empty.gif": "is empty", "huge.jpg": "too large",
        "folder.jpg": "folder cannot be read", "pipe.jpg": "no file", "missing.jpg": "no such file",
        "../secret.png": "lies outside", "link.png": "lies outside", "name\udcff.jpg": "Unicode",
    }.items():  # fmt: skip
        assert why in reasons[path]


def test_ingest_of_large_images_uses_small_batches(
    tmp_path: Path, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rpf.ingest.pipeline.MAX_BATCH_PIXELS", 10_000)
    monkeypatch.setattr("rpf.ingest.pipeline.DECODER_THREADS", 1)
    model = Projection()
    index_images(tmp_path / "c", images, sources(images), model, batch_size=8)
    assert sum(model.batches) == 10 and max(model.batches) < 8
    run(tmp_path / "d", images)
    assert Collection.open(tmp_path / "c").ids.tolist() == Collection.open(tmp_path / "d").ids.tolist()


def test_ctrl_c_keeps_the_finished_batches(tmp_path: Path, images: Path) -> None:
    def stop(phase: str, done: int, total: int) -> None:
        if done == 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "c", images, progress=stop)
    assert check(tmp_path / "c", images) == find_images(images)[:8]
    report = run(tmp_path / "c", images)
    assert (report.added, report.unchanged) == (2, 8)
    assert check(tmp_path / "c", images) == find_images(images)


def test_ingest_by_another_checkpoint_is_refused(tmp_path: Path, images: Path) -> None:
    run(tmp_path / "c", images)
    with pytest.raises(CollectionError, match="another checkpoint"):
        index_images(tmp_path / "c", images, [], Projection(checkpoint_hash="other"))
    assert check(tmp_path / "c", images) == find_images(images)


def test_ingest_of_a_folder_without_images_makes_an_empty_collection(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    assert run(tmp_path / "c", tmp_path / "images").added == 0
    assert len(Collection.open(tmp_path / "c")) == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may list any folder")
def test_ingest_reports_a_folder_that_cannot_be_listed(tmp_path: Path, images: Path) -> None:
    (images / "locked").mkdir(mode=0)
    report = run(tmp_path / "c", images)
    assert report.added == 10 and report.skipped == [("locked", "The folder cannot be read.")]
    (images / "locked").chmod(0o700)
