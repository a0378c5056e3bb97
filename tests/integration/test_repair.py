"""Repair of a collection of real images, with a crash at any line; verification while a writer works."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from rpf.collection import Collection, Writer
from rpf.collection.manifest import read_manifest
from rpf.errors import CollectionError
from rpf.images.decode import open_image
from rpf.ingest.pipeline import ImageRecord, ingest, merge_small_segments
from rpf.ingest.repair import repair_index, repair_items
from rpf.ingest.scan import find_images
from rpf.ingest.verify import VerifyReport, verify
from rpf.search.index_store import index_method, update_index, validate_index
from rpf.settings import Settings
from tests.support.collection_builder import ALL, fork, index_images, killed_at
from tests.unit.ingest.test_pipeline import Projection, draw

FIRST, SECOND = (Path("segments", f"{number:010}") for number in (1, 2))


@pytest.fixture(autouse=True)
def _small_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rpf.ingest.repair.load_model", lambda settings: Projection())


def quiet(phase: str, done: int, total: int) -> None:
    pass


def repair(folder: Path, settings: Settings) -> VerifyReport:
    """Repair a collection as `rpf repair` does."""
    with Writer.open(folder, repair=True) as writer:
        report = repair_items(writer, settings, quiet, batch_size=2)
        merge_small_segments(writer, quiet)
        repair_index(writer, settings, report, quiet)
    return report


def test_verify_while_a_writer_works_finds_no_problem(tmp_path: Path) -> None:
    folder, images = tmp_path / "shop", tmp_path / "images"
    settings = Settings(instance=tmp_path / "instance")
    for number in range(9):
        draw(images / f"{number}.png", number)
    records = [ImageRecord(path) for path in find_images(images)]
    index_images(folder, images, records[:4], Projection())

    def work() -> None:
        turn = 0
        while turn < 12 or not (tmp_path / "enough").exists():
            with Writer.open(folder) as writer:
                ingest(writer, records, Projection(), quiet, batch_size=2)
                method = ("pca", "kdtree", "exact")[turn % 3]
                update_index(Collection.open(folder), settings.indexes, method, quiet, rebuild=True)
                writer.remove([item_id for item_id, _, _ in list(writer.known().values())[4:]])
                writer.optimize()
            turn += 1

    child = fork(work)
    generations = set()
    while os.waitpid(child, os.WNOHANG)[0] == 0:
        report = verify(folder, settings, quiet)
        assert report.problems == [] and 4 <= report.items <= 9
        generations.add(read_manifest(folder)[0].generation)
        if len(generations) > 10:
            (tmp_path / "enough").touch()
    assert len(Collection.open(folder)) == 4  # and the writer has finished


@dataclass(frozen=True)
class DamagedCollection:
    """A collection of images in two segments with an index: one segment is unreadable, one vector of the other
    corrupt, one image changed."""

    folder: Path
    settings: Settings


@pytest.fixture
def damaged(tmp_path: Path) -> Iterator[DamagedCollection]:
    folder = tmp_path / "work" / "shop"
    settings = Settings(instance=tmp_path / "instance")
    images = folder / "images"
    for number in range(6):
        draw(images / f"{number}.png", number)
    records = [ImageRecord(path, {"sleeve_length": number}) for number, path in enumerate(find_images(images))]
    index_images(folder, images, records[:4], Projection(), relative_root="images")
    with Writer.open(folder) as writer:
        ingest(writer, records[4:], Projection(), quiet)
        update_index(Collection.open(folder), settings.indexes, "pca", quiet)
    segment = folder / FIRST
    vectors = np.load(segment / "embeddings.npy")
    vectors[1, 2] = np.nan
    np.save(segment / "embeddings.npy", vectors)
    draw(images / "0.png", 99)
    (folder / SECOND / "ids.npy").unlink()
    yield DamagedCollection(folder, settings)


def intact(folder: Path) -> dict[int, int]:
    """Return label -> id of the items whose vectors are those of their images; the image's number is its label."""
    collection, ids = Collection.open(folder), {}
    for item in collection.items(collection.ids.tolist()):
        (number,) = item.labels.values()
        assert item.path == f"{number}.png" and number not in ids
        output = Projection().embed([open_image(collection.image_path(item))])
        if np.allclose(collection.vectors(item.id), output.embedding[0], atol=1e-3):
            ids[number] = item.id
    return ids


def test_crash_at_lines_of_repair_can_be_repaired(damaged: DamagedCollection, tmp_path: Path) -> None:
    """Check that intact items stay, and that the next repair makes items of all images, under new ids."""
    folder, settings = damaged.folder, damaged.settings
    shutil.copytree(folder, tmp_path / "start")
    shutil.copytree(settings.instance, tmp_path / "start-instance")
    states: list[int] = []  # intact items: none where the collection does not open
    killed, step = True, 0
    while killed:
        killed = killed_at(step, lambda: repair(folder, settings) and None)
        try:
            ids = intact(folder)
            assert ids.keys() >= {1, 3} and (ids[1], ids[3]) == (2, 4)
            states.append(len(ids))
        except CollectionError as error:
            assert "damaged" in str(error)
            states.append(0)
        report = repair(folder, settings)
        assert report.problems == [] and report.items == 6
        ids = intact(folder)
        assert ids.keys() == set(range(6)) and (ids.pop(1), ids.pop(3)) == (2, 4)
        assert min(ids.values()) > 6
        collection = Collection.open(folder)
        assert not collection.manifest.incomplete
        assert (
            validate_index(collection, settings.indexes) == "" and index_method(collection, settings.indexes) == "pca"
        )
        report = repair(folder, settings)
        assert report.repaired == report.problems == []
        for place, start in ((folder, "start"), (settings.instance, "start-instance")):
            shutil.rmtree(place)
            shutil.copytree(tmp_path / start, place)
        step += 1 if ALL else 32
    assert states == sorted(states) and states[0] == 0 and states[-1] == 6
    assert set(states) >= ({0, 2, 4, 6} if ALL else {0, 2, 6})
    assert step > 200
