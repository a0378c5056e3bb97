"""Command `re-embed`, and the engine before, during and after it."""

from pathlib import Path

import numpy as np
import pytest

from rpf.collection import Collection
from rpf.engine import SearchEngine, SearchRequest
from rpf.errors import CollectionError
from rpf.images.decode import open_image
from rpf.models import checkpoint
from rpf.search.index_store import index_method, validate_index
from rpf.settings import Settings
from tests.conftest import tiny_model
from tests.support.commands import Run, import_legacy_items, snapshot

# Other attributes than those of the collection, in another order.
ATTRIBUTES = ["neck_design", "sleeve_length", "skirt_length"]


@pytest.fixture(scope="module")
def new_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("new")
    names = f"[{', '.join(ATTRIBUTES)}]"
    overrides = [f"DATA.ATTRIBUTES.NAME={names}", "DATA.ATTRIBUTES.NUM=[5, 9, 6]", "DATA.NUM_ATTRIBUTES=3"]
    checkpoint.save(tiny_model(folder, overrides, seed=8), folder / "new.safetensors")
    return folder / "new.safetensors"


def search(engine: SearchEngine, image: Path) -> tuple[str, float]:
    """Return the first hit of an image: its path and similarity."""
    request = SearchRequest(engine.embed(image), {"sleeve_length": 1.0}, k=1)
    hit = engine.search("shop", request).hits[0]
    return hit.item.path, hit.similarity


def labels(folder: Path) -> list[dict[str, int]]:
    collection = Collection.open(folder)
    return [item.labels for item in collection.items(collection.ids.tolist())]


def test_engine_of_the_new_checkpoint_opens_the_collection_once_it_is_re_embedded(
    run: Run, living: Settings, folder: Path, new_checkpoint: Path
) -> None:
    run("build-index", "shop", "--method", "pca")
    before = labels(folder)
    assert not set().union(*before) <= set(ATTRIBUTES)
    old = SearchEngine(living)
    new = SearchEngine(living.model_copy(update={"checkpoint": new_checkpoint}))
    with pytest.raises(CollectionError, match="rpf re-embed shop"):
        new.collection("shop")
    assert "rpf re-embed shop" in run("add", "shop", folder / "images", "--checkpoint", new_checkpoint, status=2)
    image = folder / "images" / "004.jpg"
    assert search(old, image) == ("004.jpg", pytest.approx(1, abs=1e-3))

    away = (folder / "images" / "006.jpg").rename(folder / "006.jpg")
    options = ["--checkpoint", new_checkpoint, "--batch", 4]
    assert "006.jpg (item 7): There is no such file" in run("re-embed", "shop", *options, status=2)
    away.rename(folder / "images" / "006.jpg")
    assert search(old, image)[0] == "004.jpg"

    output = run("re-embed", "shop", *options)
    assert "shop: 11 items embedded with" in output and "shop: 11 items, searched by pca" in output
    assert search(new, image) == ("004.jpg", pytest.approx(1, abs=1e-3))
    assert new.method("shop") != "exact"
    with pytest.raises(CollectionError, match="another checkpoint"):
        old.collection("shop")
    collection = Collection.open(folder)
    assert list(collection.manifest.spec.attributes) == ATTRIBUTES
    assert labels(folder) == before  # of attributes too that the new checkpoint does not embed
    assert index_method(collection, living.indexes) == "pca" and validate_index(collection, living.indexes) == ""
    expected = new.model.embed([open_image(image)]).embedding[0]
    np.testing.assert_allclose(collection.vectors(5), expected, atol=2e-3)
    assert "0 problems" in run("verify", "shop", "--checkpoint", new_checkpoint)

    files = snapshot(folder)
    assert "already" in run("re-embed", "shop", *options)
    assert snapshot(folder) == files


def test_re_embed_drops_unreadable_items_when_told_to(run: Run, folder: Path, new_checkpoint: Path) -> None:
    (folder / "images" / "000.jpg").unlink()
    output = run("re-embed", "shop", "--drop-unreadable", "--checkpoint", new_checkpoint)
    assert "removed 000.jpg (item 1): There is no such file" in output and "10 items embedded with" in output
    assert 1 not in Collection.open(folder).ids


def test_re_embed_that_is_refused_changes_nothing(run: Run, living: Settings, folder: Path, tmp_path: Path) -> None:
    import_legacy_items(run, tmp_path)
    before = snapshot(living.collections / "old")
    assert "no collection" in run("re-embed", "none", status=2)
    assert "None of the 3 items" in run("re-embed", "old", "--drop-unreadable", status=2)
    after = snapshot(living.collections / "old")
    assert {name: data for name, data in after.items() if not name.startswith("re-embedding/")} == before
