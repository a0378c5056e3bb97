"""Real parts for every test: a tiny model with real weights files, drawn garments, a real site over them."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis

from tests.support import ROOT

pytest_plugins = ["tests.support.training_data", "tests.support.evaluation_data", "tests.support.shop"]

# Before the libraries load: threads that spin while they wait take the cores from the other workers of pytest-xdist.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ["RPF_RATE_LIMIT"] = "off"  # many tests search from one address

LAYERS = {
    "unit": "one part of the program, in the process of the test",
    "integration": "several parts, commands, other processes",
    "e2e": "a running site, from outside",
}
NO_CHECKS = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
hypothesis.register_profile("suite", deadline=None, max_examples=15, suppress_health_check=NO_CHECKS)
hypothesis.register_profile("soak", deadline=None, max_examples=300, suppress_health_check=NO_CHECKS)
hypothesis.load_profile("suite")  # `pytest --hypothesis-profile soak` loads the other one afterwards


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


def pytest_configure(config: pytest.Config) -> None:
    """Register a marker for each layer, and `soak`."""
    for layer, description in LAYERS.items():
        config.addinivalue_line("markers", f"{layer}: {description}; set for tests/{layer}")
    config.addinivalue_line(
        "markers", "soak(only=False): has more cases in `make soak`, or runs there only; set for each property"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark each test with its layer, which is its folder; leave out those of `make soak` only without `-m soak`."""
    for item in items:
        item.add_marker(item.path.relative_to(ROOT / "tests").parts[0])
        if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker("soak")
    if "soak" not in config.getoption("markexpr"):
        left_out = [item for item in items if any(mark.kwargs.get("only") for mark in item.iter_markers("soak"))]
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table of ordinary images, which with xdist only the main process can."""
    kinds = ("passed", "failed", "skipped", "xfailed", "xpassed")
    reports = [report for kind in kinds for report in terminalreporter.getreports(kind)]
    if any(key == "ordinary" for report in reports for key, _ in getattr(report, "user_properties", ())):
        from tests.e2e.ordinary.table import table  # loads the whole program

        terminalreporter.section("ordinary images by door")
        terminalreporter.write_line("\n".join(table(reports)))


@pytest.fixture(scope="session", autouse=True)
def _no_sync() -> Iterator[None]:
    """Skip fsync in the process of the tests: it matters for a crash of the machine, and takes 10 ms a file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda handle: None)
        yield


@pytest.fixture(autouse=True)
def _no_other_process(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail a unit test that starts a program, such as a server."""

    def refuse(*args: object, **kwargs: object) -> None:
        pytest.fail("A unit test starts no other program: move it to tests/integration or tests/e2e.")

    if request.node.get_closest_marker("unit"):
        monkeypatch.setattr(subprocess, "Popen", refuse)


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of reference data that CI and developers have beside the project."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("needs ../shared (reference photos and results), which is not here")
    return folder


def tiny_model(folder: Path, overrides: Sequence[str] = (), seed: int = 7):  # type: ignore[no-untyped-def]
    """Make a model of FashionAI's attributes with weights from a seed; write its sizes into `folder`."""
    import torch

    from rpf import config
    from rpf.models.rpf import RPF

    sizes = folder / "tiny.yaml"
    sizes.write_text(TINY, encoding="utf-8")
    torch.manual_seed(seed)
    return RPF(config.load([ROOT / "config" / "FashionAI" / "FashionAI.yaml", sizes], overrides))


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Save a tiny model as a checkpoint of our format, and a report of it with made-up figures."""
    from rpf.models import checkpoint
    from rpf.utils.files import file_hash

    folder = tmp_path_factory.mktemp("checkpoint")
    file = folder / "tiny.safetensors"
    checkpoint.save(tiny_model(folder), file, note="random weights, for tests")
    report = {
        "checkpoint_sha256": file_hash(file),
        "queries": {"sleeve_length": 30, "skirt_length": 10},
        "random": {"MAP": {"sleeve_length": 0.3, "skirt_length": 0.4, "overall": 0.325}},
        "methods": {
            "none": {
                "MAP": {"sleeve_length": 0.812, "skirt_length": 0.6, "overall": 0.759},
                "intervals": {"MAP": {"sleeve_length": [0.7, 0.9], "skirt_length": [0.5, 0.7], "overall": [0.7, 0.8]}},
            }
        },
    }
    (folder / "test").mkdir()
    (folder / "test" / "report.json").write_text(json.dumps(report))
    return file


@pytest.fixture(scope="session")
def wardrobe(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, dict[str, int]]:
    """Draw forty garments as JPEG files; return their labels."""
    from wardrobe import draw

    folder = tmp_path_factory.mktemp("wardrobe")
    labels = {}
    for seed in range(40):
        drawing = draw(seed, size=200)
        path = folder / f"{seed:03}.jpg"
        drawing.image.save(path, quality=90)
        labels[path] = drawing.labels
    return labels


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory, tiny_checkpoint: Path, wardrobe: dict[Path, dict[str, int]]):  # type: ignore[no-untyped-def]
    """Return settings over a folder with the collection "tiny": the wardrobe, indexed by the tiny model."""
    from rpf.inference.load import load_model
    from rpf.ingest.pipeline import ImageRecord
    from rpf.settings import Settings
    from tests.support.collection_builder import index_images

    base = tmp_path_factory.mktemp("site")
    site_settings = Settings(
        collections=base / "collections",
        collection="tiny",
        checkpoint=tiny_checkpoint,
        instance=base / "instance",
    )
    root = next(iter(wardrobe)).parent
    sources = [ImageRecord(path.name, labels) for path, labels in wardrobe.items()]
    index_images(site_settings.collections / "tiny", root, sources, load_model(site_settings), title="Tiny wardrobe")
    return site_settings


@pytest.fixture(scope="session")
def parts_settings(tmp_path_factory: pytest.TempPathFactory, wardrobe: dict[Path, dict[str, int]]):  # type: ignore[no-untyped-def]
    """Return settings over the collection "parts": the wardrobe, indexed by a tiny model with a presence head.

    The head is random, with biases at which about half of the garments have each attribute.
    """
    import torch
    from PIL import Image

    from rpf.inference.load import load_model
    from rpf.ingest.pipeline import ImageRecord
    from rpf.models import checkpoint
    from rpf.settings import Settings
    from tests.support.collection_builder import index_images

    base = tmp_path_factory.mktemp("parts")
    model = tiny_model(base, ["MODEL.PRESENCE.ENABLE=true"]).eval()
    last = [layer for layer in model.region.applicability.modules() if isinstance(layer, torch.nn.Linear)][-1]
    with torch.no_grad():
        last.weight *= 100  # apart by more than 16 bits round
        last.bias -= torch.tensor(model.embed([Image.open(path) for path in wardrobe]).presence).logit().median(0)[0]
    checkpoint.save(model, base / "parts.safetensors", note="random weights, for tests")
    site_settings = Settings(
        collections=base / "collections",
        collection="parts",
        checkpoint=base / "parts.safetensors",
        instance=base / "instance",
    )
    sources = [ImageRecord(path.name, labels) for path, labels in wardrobe.items()]
    index_images(
        site_settings.collections / "parts",
        next(iter(wardrobe)).parent,
        sources,
        load_model(site_settings),
        title="Tiny parts",
    )
    return site_settings


@pytest.fixture(scope="session")
def named_settings(tmp_path_factory: pytest.TempPathFactory, parts_settings, wardrobe: dict[Path, dict[str, int]]):  # type: ignore[no-untyped-def]
    """Return settings over the collection "named": the wardrobe, indexed by the model of "parts" that can name values.

    Its value vectors are the mean embeddings of the garments' labels, with scales that make most values sure.
    """
    import numpy as np
    from PIL import Image

    from rpf.inference.load import load_model
    from rpf.ingest.pipeline import ImageRecord
    from rpf.models.value_classifier import ValueClassifier, classifier_path
    from tests.support.collection_builder import index_images

    base = tmp_path_factory.mktemp("named")
    settings = parts_settings.model_copy(
        update={"collections": base / "collections", "collection": "named", "checkpoint": base / "parts.safetensors"}
    )
    shutil.copy(parts_settings.checkpoint, settings.checkpoint)
    model = load_model(settings)
    embeddings = model.embed([Image.open(path) for path in wardrobe]).embedding
    vectors = np.full((len(model.attributes), 10, model.dim), np.nan, np.float32)
    for attribute, key in enumerate(model.attributes):
        values = np.array([labels.get(key, -1) for labels in wardrobe.values()])
        for value in set(values[values > 0].tolist()):
            mean = embeddings[values == value, attribute].mean(axis=0)
            vectors[attribute, value] = mean / np.linalg.norm(mean)
    scales = np.full((2, len(model.attributes), 2), 1000, np.float32)
    classifier = ValueClassifier(
        vectors, scales, np.zeros((2, *vectors.shape[:2]), np.float32), checkpoint=model.checkpoint_hash
    )
    classifier.save(classifier_path(settings.checkpoint))
    sources = [ImageRecord(path.name, labels) for path, labels in wardrobe.items()]
    index_images(settings.collections / "named", next(iter(wardrobe)).parent, sources, load_model(settings))
    return settings


@pytest.fixture(scope="session")
def two_parts(parts_settings) -> tuple[str, str]:  # type: ignore[no-untyped-def]
    """Return two attributes of which some garments of "parts" have both, some one and some none."""
    from itertools import combinations

    from rpf.collection import Collection

    collection = Collection.open(parts_settings.collections / "parts")
    pairs = combinations(range(len(collection.vocabulary)), 2)
    missing = collection.presence_by_attribute < 0.5
    first, second = next(pair for pair in pairs if set(missing[list(pair)].sum(axis=0)) == {0, 1, 2})
    return collection.vocabulary.keys[first], collection.vocabulary.keys[second]


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory, settings, wardrobe: dict[Path, dict[str, int]]) -> Path:  # type: ignore[no-untyped-def]
    """Make a collection of the first twelve images of the wardrobe, which lie in its folder.

    Items 1 to 12 have their labels, are in two segments, and item 3 is removed.
    """
    from rpf.collection import Writer
    from rpf.inference.load import load_model
    from rpf.ingest.pipeline import ImageRecord, ingest
    from tests.support.collection_builder import index_images

    folder, model = tmp_path_factory.mktemp("shop") / "shop", load_model(settings)
    (folder / "images").mkdir(parents=True)
    for path in list(wardrobe)[:12]:
        shutil.copy(path, folder / "images")
    sources = [ImageRecord(path.name, labels) for path, labels in list(wardrobe.items())[:12]]
    index_images(folder, folder / "images", sources[:8], model, relative_root="images")
    with Writer.open(folder) as writer:
        ingest(writer, sources[8:], model, lambda phase, done, total: None)
        writer.remove([3])
    return folder


def with_instance(settings, folder: Path):  # type: ignore[no-untyped-def]
    """Return the settings with `folder` as the instance folder, which shares the compiled networks."""
    folder.mkdir(exist_ok=True)
    (folder / "compiled").symlink_to(settings.instance / "compiled")
    return settings.model_copy(update={"instance": folder})


@pytest.fixture
def living(tmp_path: Path, shop: Path, settings):  # type: ignore[no-untyped-def]
    """Return settings over a copy of the collection "shop" that the test may change."""
    shutil.copytree(shop, tmp_path / "collections" / "shop")
    instance_settings = with_instance(settings, tmp_path / "instance")
    return instance_settings.model_copy(update={"collections": tmp_path / "collections", "collection": "shop"})


@pytest.fixture
def run(living):  # type: ignore[no-untyped-def]
    """Return the command line over the settings "living"."""
    from tests.support.commands import Run

    return Run(living)


@pytest.fixture
def folder(living) -> Path:  # type: ignore[no-untyped-def]
    """Return the folder of the collection "shop" of the settings "living"."""
    shop: Path = living.collections / "shop"
    return shop


@pytest.fixture(scope="session")
def engine(settings):  # type: ignore[no-untyped-def]
    from rpf.engine import SearchEngine

    return SearchEngine(settings)


@pytest.fixture(scope="session")
def photo(wardrobe: dict[Path, dict[str, int]]) -> Path:
    """Return a JPEG inside the image root of the collection "tiny"."""
    return next(iter(wardrobe))


def started_site(settings, **options: object):  # type: ignore[no-untyped-def]
    """Create the real site with these options of Flask, and wait for its engine."""
    from webapp import create_app

    site = create_app(settings, TESTING=True, **options)
    site.extensions["rpf"].start()
    site.extensions["rpf"].wait()
    return site


@pytest.fixture(scope="session")
def app(settings):  # type: ignore[no-untyped-def]
    """Create the real site over the real tiny engine, and wait until it is ready."""
    site = started_site(settings, WTF_CSRF_ENABLED=False)
    loader = site.extensions["rpf"]
    assert loader.ready, loader.failure
    return site


@pytest.fixture
def client(app) -> Iterator:  # type: ignore[no-untyped-def, type-arg]
    with app.test_client() as test_client:
        yield test_client
