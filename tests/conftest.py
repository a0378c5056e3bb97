"""Real parts for every test: a tiny model with real weights files, drawn garments, a real site over them."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "2")

ROOT = Path(__file__).resolve().parents[1]
TINY = """
NAME: rpf-tiny
MODEL:
  EMBED_SIZE: 256
  ATTRIBUTE: {EMBED_SIZE: 32}
  GLOBAL:
    BACKBONE: {NAME: resnet18, EMBED_SIZE: 256}
    ATTENTION: {SPATIAL: {COMMON_EMBED_SIZE: 32}}
  TRANSFORMER: {ENABLE: true, EMBED_SIZE: 32, NUM_LAYERS: 1, NUM_HEADS: 2, CROSS_NUM_HEADS: 2, MLP_DIM: 64}
INPUT: {GLOBAL_SIZE: 96, LOCAL_SIZE: 48, THRESHOLD: 0.1}
SOLVER: {BETA: 0.3}
"""


@pytest.fixture(scope="session")
def shared() -> Path:
    """The reference data that CI and developers have beside the project."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("needs ../shared (reference photos and results), which is not here")
    return folder


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of our format with FashionAI's attributes and weights from a fixed seed."""
    import torch

    from rpf import config
    from rpf.model import checkpoint
    from rpf.model.rpf import RPF

    folder = tmp_path_factory.mktemp("checkpoint")
    sizes = folder / "tiny.yaml"
    sizes.write_text(TINY, encoding="utf-8")
    torch.manual_seed(7)
    model = RPF(config.load([ROOT / "config" / "FashionAI" / "FashionAI.yaml", sizes]))
    checkpoint.save(model, folder / "tiny.safetensors", note="random weights, for tests")
    return folder / "tiny.safetensors"


@pytest.fixture(scope="session")
def wardrobe(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, dict[str, int]]:
    """Forty drawn garments as JPEG files, with their labels."""
    from rpf.data.wardrobe import draw

    folder = tmp_path_factory.mktemp("wardrobe")
    labels = {}
    for seed in range(40):
        drawing = draw(seed, size=200)
        path = folder / f"{seed:03}.jpg"
        drawing.picture.save(path, quality=90)
        labels[path] = drawing.labels
    return labels


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory, tiny_checkpoint: Path, wardrobe: dict[Path, dict[str, int]]):  # type: ignore[no-untyped-def]
    """Settings over a folder with the collection "tiny" (the wardrobe, indexed by the tiny model)."""
    from rpf.engine import load_model
    from rpf.indexing import Source, index
    from rpf.settings import Settings

    base = tmp_path_factory.mktemp("site")
    made = Settings(
        collections=base / "collections",
        collection="tiny",
        checkpoint=tiny_checkpoint,
        instance=base / "instance",
    )
    root = next(iter(wardrobe)).parent
    sources = [Source(path.name, labels) for path, labels in wardrobe.items()]
    index(made.collections / "tiny", root, sources, load_model(made), title="Tiny wardrobe")
    return made


@pytest.fixture(scope="session")
def engine(settings):  # type: ignore[no-untyped-def]
    from rpf.engine import SearchEngine

    return SearchEngine(settings)


@pytest.fixture(scope="session")
def photo(wardrobe: dict[Path, dict[str, int]]) -> Path:
    """A JPEG inside the image root of the collection "tiny"."""
    return next(iter(wardrobe))


@pytest.fixture(scope="session")
def app(settings):  # type: ignore[no-untyped-def]
    """The real site over the real tiny engine, ready to answer."""
    from webapp import create_app

    made = create_app(settings, TESTING=True, WTF_CSRF_ENABLED=False)
    holder = made.extensions["rpf"]
    holder.start()
    holder.wait()
    assert holder.ready, holder.failure
    return made


@pytest.fixture
def client(app) -> Iterator:  # type: ignore[no-untyped-def, type-arg]
    with app.test_client() as made:
        yield made
