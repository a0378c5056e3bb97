"""The default collection: one for each checkpoint, drawn once, and never deleted."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from rpf.collection import Collection, writer
from rpf.engine import SearchEngine
from rpf.errors import CollectionError
from rpf.inference.load import load_model
from rpf.ingest.default_collection import find, prepare
from rpf.ingest.pipeline import Source, index
from rpf.models import checkpoint
from rpf.models.rpf import RPF
from rpf.settings import Settings
from tests.conftest import with_instance
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
    """Other weights for the tiny model."""
    model = checkpoint.load(settings.checkpoint)
    with torch.no_grad():
        model.region.attribute.weight.add_(1)
    file = tmp_path_factory.mktemp("other") / "other.safetensors"
    checkpoint.save(model, file)
    return file


@pytest.fixture
def own(settings: Settings, tmp_path: Path) -> Settings:
    """Settings over an empty folder of collections."""
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


def test_prepare_twice_draws_and_indexes_once(own: Settings, model: RPF) -> None:
    phases = set()
    assert prepare(own.collections, model, lambda phase, done, total: phases.add(phase)) == "wardrobe"
    assert phases == {"drawing", "indexing", "compacting"}
    assert paths(own) == DRAWN
    collection = Collection.open(own.collections / "wardrobe")
    item = collection.item(1)
    assert item.labels
    assert collection.image_path(item).is_file()
    files = snapshot(own.collections)
    assert prepare(own.collections, model, ignore) == "wardrobe"
    assert snapshot(own.collections) == files


def test_prepare_with_another_checkpoint_makes_a_collection_beside(
    own: Settings, model: RPF, other_model: RPF, photo: Path
) -> None:
    first, name = own.collections / "wardrobe", beside(other_model)
    prepare(own.collections, model, ignore)
    Run(own)("add", "wardrobe", "--copy", photo)
    files = snapshot(first)
    phases = []
    assert prepare(own.collections, other_model, lambda phase, done, total: phases.append((phase, done))) == name
    assert paths(own, name) == DRAWN
    assert ("drawing", 0) not in phases, "the drawings are copied"
    assert Collection.open(own.collections / name).item(1) == Collection.open(first).item(1)
    assert prepare(own.collections, model, ignore) == "wardrobe"
    assert snapshot(first) == files
    assert paths(own) == [photo.name, *DRAWN]


def test_engine_and_commands_know_the_default_collection_of_the_checkpoint(
    own: Settings, model: RPF, other_model: RPF, other_checkpoint: Path
) -> None:
    prepare(own.collections, model, ignore)
    second, name = own.model_copy(update={"checkpoint": other_checkpoint}), beside(other_model)
    assert Run(second)("demo") == f"{own.collections / name} is ready\n"
    engine = SearchEngine(second)
    assert (engine.default, engine.names()) == (name, [name])
    with pytest.raises(CollectionError, match="another checkpoint"):
        engine.collection("wardrobe")
    said = Run(second)("doctor", status=1)
    assert f"{name} (default): {GARMENTS} items" in said
    assert "wardrobe (default)" not in said


def test_prepare_after_the_first_folder_is_gone_keeps_to_the_second(
    own: Settings, model: RPF, other_model: RPF
) -> None:
    prepare(own.collections, model, ignore)
    prepare(own.collections, other_model, ignore)
    shutil.rmtree(own.collections / "wardrobe")
    assert prepare(own.collections, other_model, ignore) == beside(other_model)
    assert not (own.collections / "wardrobe").exists()


@pytest.mark.parametrize("compact", [False, True])
def test_removed_items_stay_removed_after_a_restart(own: Settings, model: RPF, compact: bool) -> None:
    prepare(own.collections, model, ignore)
    run = Run(own)
    run("remove", "wardrobe", 1, 3)
    if compact:
        run("compact", "wardrobe")
    files = snapshot(own.collections)
    prepare(own.collections, model, ignore)
    assert paths(own) == DRAWN[1:2]
    assert snapshot(own.collections) == files


@pytest.mark.parametrize("phase", ["drawing", "indexing", "compacting"])
def test_prepare_goes_on_where_it_was_stopped(own: Settings, model: RPF, phase: str) -> None:
    def stop(now: str, done: int, total: int) -> None:
        if (now, done) == (phase, 1 if phase == "drawing" else 0):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(own.collections, model, stop)
    assert find(own.collections, model.checkpoint_hash) is None
    assert prepare(own.collections, model, ignore) == "wardrobe"
    assert paths(own) == DRAWN


def test_prepare_after_a_crash_between_rows_and_manifest_indexes_all(
    own: Settings, model: RPF, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every id was given then, and no item is there."""

    def crash(*args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(writer, "write_manifest", crash)
        prepare(own.collections, model, ignore)
    prepare(own.collections, model, ignore)
    assert paths(own) == DRAWN


def test_a_finished_collection_of_earlier_drawings_stays_in_use(
    own: Settings, model: RPF, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(own.collections, model, ignore)
    files = snapshot(own.collections)
    monkeypatch.setattr("rpf.ingest.default_collection.GARMENTS", GARMENTS - 1)  # another recipe
    assert prepare(own.collections, model, ignore) == "wardrobe"
    assert snapshot(own.collections) == files


def unfinished(collections: Path, model: RPF) -> None:
    """A beginning with other drawings."""
    prepare(collections, model, ignore)
    recipe = collections / "wardrobe" / "images" / "wardrobe.json"
    recipe.write_text(json.dumps({**json.loads(recipe.read_bytes()), "version": 0}))
    (collections / "wardrobe" / "unfinished").touch()


def strangers_images(collections: Path, model: RPF) -> None:
    (collections / "wardrobe" / "images").mkdir(parents=True)
    (collections / "wardrobe" / "images" / "holiday.jpg").write_bytes(b"mine")


def lost_manifest(collections: Path, model: RPF) -> None:
    prepare(collections, model, ignore)
    (collections / "wardrobe" / "manifest.json").unlink()


@pytest.mark.parametrize("occupy", [unfinished, strangers_images, lost_manifest])
def test_prepare_leaves_alone_what_it_cannot_go_on_with(
    own: Settings, model: RPF, occupy: Callable[[Path, RPF], None]
) -> None:
    occupy(own.collections, model)
    files = snapshot(own.collections)
    assert prepare(own.collections, model, ignore) == beside(model)
    assert snapshot(own.collections).items() >= files.items()
    assert paths(own, beside(model)) == DRAWN


def test_prepare_without_a_place_says_what_to_do(own: Settings, model: RPF) -> None:
    strangers_images(own.collections, model)
    shutil.copytree(own.collections / "wardrobe", own.collections / beside(model))
    files = snapshot(own.collections)
    wanted = f'"wardrobe" and "{beside(model)}" .* Set RPF_COLLECTION .* RPF_CHECKPOINT'
    with pytest.raises(CollectionError, match=wanted):
        prepare(own.collections, model, ignore)
    assert snapshot(own.collections) == files


def test_prepare_uses_a_persons_own_collection_of_that_name(
    own: Settings, model: RPF, other_model: RPF, wardrobe: dict[Path, dict[str, int]]
) -> None:
    folder, sources = own.collections / "wardrobe", [Source(path.name) for path in list(wardrobe)[:2]]
    index(folder, next(iter(wardrobe)).parent, sources, model)
    files = snapshot(folder)
    assert prepare(own.collections, model, ignore) == "wardrobe"
    assert prepare(own.collections, other_model, ignore) == beside(other_model)
    assert snapshot(folder) == files


def test_prepare_reports_a_damaged_collection(own: Settings, model: RPF) -> None:
    prepare(own.collections, model, ignore)
    (own.collections / "wardrobe" / "manifest.json").write_text("{")
    with pytest.raises(CollectionError, match="wardrobe is damaged"):
        prepare(own.collections, model, ignore)
