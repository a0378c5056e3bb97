"""Kill -9 at random moments of the commands that change a collection: it opens, in the old state or the new one.

One kill of each that hits a writer at work, or as many in all as TEST_KILLS says. (test_crashes.py kills at each line
instead, with less around it.)
"""

import os
import random
import shutil
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from rpf.collection import Collection
from rpf.images.decode import open_image
from rpf.inference.load import load_model
from rpf.models import checkpoint
from rpf.search.exact import Exact
from rpf.search.index_store import index_method, open_searcher, validate_index
from rpf.search.request import ResolvedRequest
from rpf.settings import Settings
from rpf.utils.files import file_hash
from tests.conftest import tiny_model
from tests.support.commands import Forked, Run, forked

COMMANDS = 8
KILLS = max(1, int(os.environ.get("TEST_KILLS", "4")) // COMMANDS)  # of each command
BATCH = 2

Vectors = dict[str, dict[str, np.ndarray]]  # checkpoint -> sha256 of an image -> (A, D)


@pytest.fixture(scope="module")
def new_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("new")
    checkpoint.save(tiny_model(folder, seed=8), folder / "new.safetensors")
    return folder / "new.safetensors"


@pytest.fixture(scope="module")
def vectors(settings: Settings, new_checkpoint: Path, wardrobe: dict[Path, dict[str, int]]) -> Vectors:
    """Return the embedding of each image by its hash, for each checkpoint."""
    models = [load_model(settings.model_copy(update={"checkpoint": f})) for f in (settings.checkpoint, new_checkpoint)]
    outputs = [model.embed([open_image(path) for path in wardrobe]).embedding for model in models]
    assert np.abs(outputs[0] - outputs[1]).max(axis=2).min() > 0.02  # ten times the tolerance of `state`
    hashes = [file_hash(path) for path in wardrobe]
    return {
        model.checkpoint_hash: dict(zip(hashes, output, strict=True))
        for model, output in zip(models, outputs, strict=True)
    }


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory, tiny_checkpoint: Path) -> Iterator[tuple[Settings, Forked]]:
    """Start a process that forks for each command; return its settings too."""
    base = tmp_path_factory.mktemp("kills")
    settings = Settings(
        collections=base / "collections", collection="shop", checkpoint=tiny_checkpoint, instance=base / "instance"
    )
    with forked(settings, base / "log") as process:
        yield settings, process


@dataclass(frozen=True)
class State:
    """State of a collection as it opens."""

    ids: dict[str, int]  # path -> id
    sound: frozenset[str]  # the paths whose vectors and hashes are those of their current images
    segments: int
    method: str | None  # of its index, which is whole
    root: str
    checkpoint: str


def state(settings: Settings, vectors: Vectors, intact: bool = True) -> State:
    """Open the collection and check all of it, by searching too."""
    collection = Collection.open(settings.collections / "shop")
    spec, embeddings = collection.manifest.spec, vectors[collection.manifest.spec.checkpoint]
    items = collection.items(collection.ids.tolist())
    sound = set()
    for item in items:
        path = collection.images.find(item.path)
        digest = file_hash(path) if path else None
        if item.sha256 == digest and np.allclose(collection.vectors(item.id), embeddings[digest], atol=2e-3):
            sound.add(item.path)
    if intact:
        assert validate_index(collection, settings.indexes) == ""
    query = next(iter(embeddings.values()))[:2]
    request = ResolvedRequest(query, (0, 1), np.ones(2), 1)
    ranked = open_searcher(collection, settings.indexes, "auto").search(request)
    exact = Exact(collection).search(request)
    np.testing.assert_allclose(ranked.scores, exact.scores, atol=2e-6)
    ids = {item.path: item.id for item in items}
    assert len(ids) == len(items)
    segments, method = len(collection.manifest.segments), index_method(collection, settings.indexes)
    return State(ids, frozenset(sound), segments, method, spec.root, spec.checkpoint)


# What a command that was killed may leave: `now` beside the old state and the new. True: it is the new one.


def added(now: State, old: State, new: State) -> bool:
    """Check the steps of add: whole batches, in their order."""
    new_paths = [path for path in now.ids if path not in old.ids]
    order = [path for path in new.ids if path not in old.ids]
    assert new_paths == order[: len(new_paths)] and (len(new_paths) % BATCH == 0 or len(new_paths) == len(order))
    assert {path: now.ids[path] for path in old.ids} == old.ids and now.sound == set(now.ids)
    assert now.method == "pca"
    return len(new_paths) == len(order)


def removed(now: State, old: State, new: State) -> bool:
    assert now.ids in (old.ids, new.ids) and now.sound == set(now.ids) and now.method == "pca"
    return now.ids == new.ids


def indexed(now: State, old: State, new: State) -> bool:
    """Check the steps of index: all moves together, then the removals, then whole batches of added images."""
    paths = {item_id: path for path, item_id in now.ids.items() if item_id <= 12}
    before = {item_id: path for path, item_id in old.ids.items()}
    after = {item_id: path for path, item_id in new.ids.items() if item_id <= 12}
    assert paths in (before, before | after, after)
    new_paths = [path for path, item_id in now.ids.items() if item_id > 12]
    order = [path for path, item_id in new.ids.items() if item_id > 12]
    assert new_paths == order[: len(new_paths)] and (not new_paths or paths == after) and now.method == "pca"
    assert now.sound >= old.sound & now.ids.keys()
    return now.ids.keys() == new.ids.keys() == now.sound


def relocated(now: State, old: State, new: State) -> bool:
    assert now.ids == old.ids and now.sound == set(now.ids) and now.root in (old.root, new.root)
    return now.root == new.root


def optimized(now: State, old: State, new: State) -> bool:
    assert now.ids == old.ids and now.sound == set(now.ids)
    assert now.segments in (old.segments, 1) and now.method == "pca"
    return now.segments == 1


def indexed_again(now: State, old: State, new: State) -> bool:
    assert now.ids == old.ids and now.sound == set(now.ids)
    assert now.segments == old.segments and now.method in ("pca", "hnsw")
    return now.method == "hnsw"


def repaired(now: State, old: State, new: State) -> bool:
    """Check the steps of repair: batches of re-embedded items, then the index."""
    assert now.ids.keys() == old.ids.keys() and old.sound <= now.sound
    assert all(now.ids[path] == old.ids[path] or (now.ids[path] > 12 and path in now.sound) for path in now.ids)
    return now.sound == set(now.ids)


def re_embedded(now: State, old: State, new: State) -> bool:
    assert now.ids == old.ids and now.sound == set(now.ids) and now.method == "pca"
    return now.checkpoint == new.checkpoint != old.checkpoint


def add_images(settings: Settings, wardrobe: list[Path]) -> None:
    """Write nine more images: five into the image folder, four outside."""
    inside, outside = settings.collections / "shop" / "images" / "new", settings.collections / "outside"
    for folder, paths in ((inside, wardrobe[12:17]), (outside, wardrobe[17:21])):
        folder.mkdir()
        for path in paths:
            shutil.copy(path, folder)


def reorganised(settings: Settings, wardrobe: list[Path]) -> None:
    """Move two images, delete one and add five, one of them in the place of a moved one."""
    images = settings.collections / "shop" / "images"
    (images / "sub").mkdir()
    for name in ("000.jpg", "009.jpg"):
        (images / name).rename(images / "sub" / name)
    (images / "004.jpg").unlink()
    for path in wardrobe[12:16]:
        shutil.copy(path, images)
    shutil.copy(wardrobe[20], images / "000.jpg")


def copied(settings: Settings, wardrobe: list[Path]) -> None:
    shutil.copytree(settings.collections / "shop" / "images", settings.collections / "images")


def damage(settings: Settings, wardrobe: list[Path]) -> None:
    """Corrupt vectors and the index, change images, and add leftovers of a crash; the collection still opens."""
    folder = settings.collections / "shop"
    segment = folder / "segments" / "0000000001"
    damaged = np.load(segment / "embeddings.npy")
    damaged[3, [1, 3]] = np.nan
    np.save(segment / "embeddings.npy", damaged)
    for number in (6, 7, 8, 9, 10, 11):
        shutil.copy(wardrobe[number + 20], folder / "images" / f"{number:03}.jpg")
    rows = next(settings.indexes.glob("*/*/index/components-0.npy"))
    rows.write_bytes(rows.read_bytes()[:-1] + b"x")
    (folder / "tombstones-99.npy").write_bytes(b"")


def begin(settings: Settings, shop: Path) -> None:
    """Copy the collection "shop", and build its index."""
    shutil.rmtree(settings.collections, ignore_errors=True)
    shutil.copytree(shop, settings.collections / "shop")
    Run(settings)("build-index", "shop", "--method", "pca")
    assert len(Collection.open(settings.collections / "shop").manifest.segments) == 2


TRIALS = {
    "add": (added, add_images, ["--copy", "--batch", BATCH]),
    "remove": (removed, lambda settings, wardrobe: None, [1, 5, 12]),
    "index": (indexed, reorganised, ["--prune", "--batch", BATCH]),
    "relocate": (relocated, copied, []),
    "optimize": (optimized, lambda settings, wardrobe: None, []),
    "build-index": (indexed_again, lambda settings, wardrobe: None, ["--method", "hnsw"]),
    "repair": (repaired, damage, ["--batch", BATCH]),
    "re-embed": (re_embedded, lambda settings, wardrobe: None, ["--batch", BATCH]),
}
STALE_INDEX = ("repair", "re-embed")  # commands that begin or are killed with an index that does not fit the items


@pytest.mark.soak
@pytest.mark.parametrize("name", TRIALS)
def test_command_killed_at_any_time_leaves_one_of_its_steps_and_resumes(
    commands: tuple[Settings, Forked],
    name: str,
    shop: Path,
    wardrobe: dict[Path, dict[str, int]],
    vectors: Vectors,
    new_checkpoint: Path,
    tmp_path: Path,
) -> None:
    settings, process = commands
    check, prepare, options = TRIALS[name]
    args = [name, "shop", *options]
    if name in ("index", "relocate"):
        args.insert(2, settings.collections / ("shop/images" if name == "index" else "images"))
    if name == "add":
        args += [settings.collections / "shop" / "images" / "new", settings.collections / "outside"]
    if name == "re-embed":
        args += ["--checkpoint", new_checkpoint]
    begin(settings, shop)
    prepare(settings, list(wardrobe))
    shutil.copytree(settings.collections, tmp_path / "start")
    shutil.copytree(settings.indexes, tmp_path / "indexes")
    old = state(settings, vectors, intact=name not in STALE_INDEX)
    process.start(*args)
    assert process.heard() == "locked"
    began = time.monotonic()
    word = process.heard()
    longest = time.monotonic() - began  # seconds that it writes
    assert [word, *process.wait()] == ["free", "0"]
    new = state(settings, vectors)
    assert check(new, old, new)

    chance = random.Random(name)
    hits, reached, tries = 0, set(), 0
    while hits < KILLS:
        tries += 1
        assert tries < 10 * KILLS + 10
        for folder, start in ((settings.collections, "start"), (settings.indexes, "indexes")):
            shutil.rmtree(folder)
            shutil.copytree(tmp_path / start, folder)
        process.start(*args)
        assert process.heard() == "locked"
        time.sleep(chance.uniform(0, longest))
        process.kill()
        ended = process.wait()
        hit = ended == [str(-signal.SIGKILL)]  # and had not let go of the lock
        hits += hit
        longest *= 1 if hit else 0.7
        reached.add(check(state(settings, vectors, intact=name not in STALE_INDEX), old, new))
        again = process.run(*args)
        if name == "remove" and again == 2:  # nothing is left to remove, which is an error
            assert check(state(settings, vectors), old, new)
            continue
        assert again == 0
        now = state(settings, vectors)
        assert check(now, old, new) and now.ids.keys() == new.ids.keys()
        assert not list(settings.collections.rglob("*.tmp"))
    print(f"{name}: {hits} kills while it wrote, of {tries}; in the new state: {sorted(reached)}")
