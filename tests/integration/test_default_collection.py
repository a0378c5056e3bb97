"""Default collection: one for each checkpoint, drawn once, and never deleted."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from rpf.collection import Collection, writer
from rpf.engine import SearchEngine
from rpf.errors import CollectionError, UnknownCollection
from rpf.inference.load import load_model
from rpf.ingest.default_collection import ensure_default_collection, find_default_collection
from rpf.ingest.pipeline import ImageRecord
from rpf.models import checkpoint
from rpf.models.rpf import RPF
from rpf.settings import Settings
from tests.conftest import with_instance
from tests.support.collection_builder import index_images
from tests.support.commands import Run, snapshot

GARMENTS = 3


@pytest.fixture(autouse=True)
def format_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rpf.ingest.default_collection.GARMENTS", GARMENTS)


@pytest.fixture(scope="module")
def model(settings: Settings) -> RPF:
    return load_model(settings)


@pytest.fixture(scope="module")
def other_model(settings: Settings, other_checkpoint: Path) -> RPF:
    return load_model(settings.model_copy(update={"checkpoint": other_checkpoint}))


@pytest.fixture(scope="module")
def other_checkpoint(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Save other weights for the tiny model."""
    model = checkpoint.load(settings.checkpoint)
    with torch.no_grad():
        model.region.attribute.weight.add_(1)
    file = tmp_path_factory.mktemp("other") / "other.safetensors"
    checkpoint.save(model, file)
    return file


@pytest.fixture
def empty(settings: Settings, tmp_path: Path) -> Settings:
    """Return settings over an empty folder of collections."""
    instance = with_instance(settings, tmp_path / "instance")
    return instance.model_copy(update={"collections": tmp_path / "collections", "collection": "wardrobe"})


def ignore(phase: str, done: int, total: int) -> None:
    pass


def beside(model: RPF) -> str:
    return f"wardrobe-{model.checkpoint_hash[:8]}"


def paths(settings: Settings, name: str = "wardrobe") -> list[str]:
    collection = Collection.open(settings.collections / name)
    return sorted(item.path for item in collection.items(collection.ids.tolist()))


DRAWN = [f"{seed:05}.jpg" for seed in range(GARMENTS)]


def test_default_collection_twice_draws_and_indexes_once(empty: Settings, model: RPF) -> None:
    phases = set()
    assert ensure_default_collection(empty, model, lambda phase, done, total: phases.add(phase)) == "wardrobe"
    assert phases == {"drawing", "indexing", "merging"}
    assert paths(empty) == DRAWN
    collection = Collection.open(empty.collections / "wardrobe")
    item = collection.item(1)
    assert item.labels
    assert collection.image_path(item).is_file()
    files = snapshot(empty.collections)
    assert ensure_default_collection(empty, model, ignore) == "wardrobe"
    assert snapshot(empty.collections) == files


def test_default_collection_with_another_checkpoint_makes_a_collection_beside(
    empty: Settings, model: RPF, other_model: RPF, photo: Path
) -> None:
    first, name = empty.collections / "wardrobe", beside(other_model)
    ensure_default_collection(empty, model, ignore)
    Run(empty)("add", "wardrobe", "--copy", photo)
    files = snapshot(first)
    phases = []
    assert (
        ensure_default_collection(empty, other_model, lambda phase, done, total: phases.append((phase, done))) == name
    )
    assert paths(empty, name) == DRAWN
    assert ("drawing", 0) not in phases, "the drawings are copied"
    assert Collection.open(empty.collections / name).item(1) == Collection.open(first).item(1)
    assert ensure_default_collection(empty, model, ignore) == "wardrobe"
    assert snapshot(first) == files
    assert paths(empty) == [photo.name, *DRAWN]


def test_engine_and_commands_know_the_default_collection_of_the_checkpoint(
    empty: Settings, model: RPF, other_model: RPF, other_checkpoint: Path
) -> None:
    ensure_default_collection(empty, model, ignore)
    second, name = empty.model_copy(update={"checkpoint": other_checkpoint}), beside(other_model)
    assert Run(second)("demo") == f"{empty.collections / name} is ready\n"
    engine = SearchEngine(second)
    assert (engine.default, engine.names()) == (name, [name])
    with pytest.raises(CollectionError, match="another checkpoint"):
        engine.collection("wardrobe")
    output = Run(second)("doctor", status=1)
    assert f"{name} (default): {GARMENTS} items" in output
    assert "wardrobe (default)" not in output


def test_default_collection_after_the_first_folder_is_deleted_keeps_the_second(
    empty: Settings, model: RPF, other_model: RPF
) -> None:
    ensure_default_collection(empty, model, ignore)
    ensure_default_collection(empty, other_model, ignore)
    shutil.rmtree(empty.collections / "wardrobe")
    assert ensure_default_collection(empty, other_model, ignore) == beside(other_model)
    assert not (empty.collections / "wardrobe").exists()


@pytest.mark.parametrize("optimize", [False, True])
def test_removed_items_stay_removed_after_a_restart(empty: Settings, model: RPF, optimize: bool) -> None:
    ensure_default_collection(empty, model, ignore)
    run = Run(empty)
    run("remove", "wardrobe", 1, 3)
    if optimize:
        run("optimize", "wardrobe")
    files = snapshot(empty.collections)
    ensure_default_collection(empty, model, ignore)
    assert paths(empty) == DRAWN[1:2]
    assert snapshot(empty.collections) == files


@pytest.mark.parametrize("phase", ["drawing", "indexing", "merging"])
def test_default_collection_after_an_interruption_resumes(empty: Settings, model: RPF, phase: str) -> None:
    def stop(now: str, done: int, total: int) -> None:
        if (now, done) == (phase, 1 if phase == "drawing" else 0):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ensure_default_collection(empty, model, stop)
    assert find_default_collection(empty.collections, model.checkpoint_hash) is None
    assert ensure_default_collection(empty, model, ignore) == "wardrobe"
    assert paths(empty) == DRAWN


def test_default_collection_begun_by_earlier_code_resumes(empty: Settings, model: RPF) -> None:
    def stop(now: str, done: int, total: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ensure_default_collection(empty, model, stop)
    recipe = empty.collections / "wardrobe" / "images" / "wardrobe.json"
    recipe.write_text(json.dumps({**json.loads(recipe.read_bytes()), "plain": True}))  # as written before
    assert ensure_default_collection(empty, model, ignore) == "wardrobe"
    assert paths(empty) == DRAWN


def test_default_collection_after_a_crash_between_rows_and_manifest_indexes_all(
    empty: Settings, model: RPF, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Crash after every id was assigned, and before any item is in the manifest."""

    def crash(*args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(writer, "write_manifest", crash)
        ensure_default_collection(empty, model, ignore)
    ensure_default_collection(empty, model, ignore)
    assert paths(empty) == DRAWN


def test_default_collection_of_earlier_drawings_stays_in_use(
    empty: Settings, model: RPF, monkeypatch: pytest.MonkeyPatch
) -> None:
    ensure_default_collection(empty, model, ignore)
    files = snapshot(empty.collections)
    monkeypatch.setattr("rpf.ingest.default_collection.GARMENTS", GARMENTS - 1)  # another recipe
    assert ensure_default_collection(empty, model, ignore) == "wardrobe"
    assert snapshot(empty.collections) == files


def unfinished(collections: Path, model: RPF) -> None:
    """Leave an unfinished default collection of other drawings."""
    ensure_default_collection(Settings(collections=collections), model, ignore)
    recipe = collections / "wardrobe" / "images" / "wardrobe.json"
    recipe.write_text(json.dumps({**json.loads(recipe.read_bytes()), "version": 0}))
    (collections / "wardrobe" / "unfinished").touch()


def strangers_images(collections: Path, model: RPF) -> None:
    (collections / "wardrobe" / "images").mkdir(parents=True)
    (collections / "wardrobe" / "images" / "holiday.jpg").write_bytes(b"mine")


def lost_manifest(collections: Path, model: RPF) -> None:
    ensure_default_collection(Settings(collections=collections), model, ignore)
    (collections / "wardrobe" / "manifest.json").unlink()


@pytest.mark.parametrize("occupy", [unfinished, strangers_images, lost_manifest])
def test_default_collection_leaves_alone_what_it_cannot_resume(
    empty: Settings, model: RPF, occupy: Callable[[Path, RPF], None]
) -> None:
    occupy(empty.collections, model)
    files = snapshot(empty.collections)
    assert ensure_default_collection(empty, model, ignore) == beside(model)
    assert snapshot(empty.collections).items() >= files.items()
    assert paths(empty, beside(model)) == DRAWN


def test_default_collection_without_a_place_says_what_to_do(empty: Settings, model: RPF) -> None:
    strangers_images(empty.collections, model)
    shutil.copytree(empty.collections / "wardrobe", empty.collections / beside(model))
    files = snapshot(empty.collections)
    wanted = f'"wardrobe" and "{beside(model)}" .* Set RPF_COLLECTION .* RPF_CHECKPOINT'
    with pytest.raises(CollectionError, match=wanted):
        ensure_default_collection(empty, model, ignore)
    assert snapshot(empty.collections) == files


def test_default_collection_uses_an_existing_collection_of_that_name(
    empty: Settings, model: RPF, other_model: RPF, wardrobe: dict[Path, dict[str, int]]
) -> None:
    folder, sources = empty.collections / "wardrobe", [ImageRecord(path.name) for path in list(wardrobe)[:2]]
    index_images(folder, next(iter(wardrobe)).parent, sources, model)
    files = snapshot(folder)
    assert ensure_default_collection(empty, model, ignore) == "wardrobe"
    assert ensure_default_collection(empty, other_model, ignore) == beside(other_model)
    assert snapshot(folder) == files


def test_default_collection_reports_a_damaged_collection(empty: Settings, model: RPF) -> None:
    ensure_default_collection(empty, model, ignore)
    (empty.collections / "wardrobe" / "manifest.json").write_text("{")
    with pytest.raises(CollectionError, match="wardrobe is damaged"):
        ensure_default_collection(empty, model, ignore)


def test_missing_collection_of_the_settings_is_reported(empty: Settings, model: RPF) -> None:
    missing = empty.model_copy(update={"collection": "shop"})
    with pytest.raises(UnknownCollection, match='no collection named "shop"; make it with: rpf index shop FOLDER'):
        ensure_default_collection(missing, model, ignore)
    assert not empty.collections.exists()
