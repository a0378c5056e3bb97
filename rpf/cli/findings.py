"""What is installed, and what is in use: for `python -m rpf doctor`."""

import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

import torch

from rpf.engine import SearchEngine
from rpf.errors import RPFError
from rpf.settings import Settings
from rpf.utils.threads import set_threads

PACKAGES = (
    "torch", "torchvision", "timm", "openvino", "faiss-cpu", "scikit-learn", "flask", "gunicorn", "pillow",
    "pillow-heif", "numpy", "skia-python",
)  # fmt: skip

Finding = tuple[str, str, bool]  # what, how it is, whether that is fine


def findings(settings: Settings) -> Iterator[Finding]:
    """One line at a time, so that the quick ones show before the model loads."""
    yield "python", platform.python_version(), True
    for package in PACKAGES:
        try:
            yield package, version(package), True
        except PackageNotFoundError:
            yield package, "missing; run: pip install -r requirements.txt", False
    yield "threads", str(set_threads(settings.threads) or torch.get_num_threads()), True
    try:
        engine = SearchEngine(settings)
    except RPFError as error:
        yield "checkpoint", str(error), False
        return
    info = engine.info
    yield "checkpoint", f"{info.checkpoint} ({info.name}, {info.checkpoint_hash[:12]})", True
    if info.note:
        yield "", info.note, True
    yield "attributes", ", ".join(info.attributes), True
    yield "embedding", f"{info.dim} numbers per attribute", True
    yield "device", info.device, True
    yield "number format", info.precision, True
    yield from _collections(engine, settings)


def _collections(engine: SearchEngine, settings: Settings) -> Iterator[Finding]:
    folders = sorted(manifest.parent.name for manifest in settings.collections.glob("*/manifest.json"))
    if engine.default not in folders:
        yield (
            "collection",
            f"{engine.default} (default): not there yet",
            True,
        )
    for name in folders:
        default = " (default)" if name == engine.default else ""
        try:
            collection = engine.collection(name)
        except RPFError as error:
            yield "collection", f"{name}{default}: {error}", False
            continue
        hint = f"; its image folder is gone: {collection.root} (if moved: python -m rpf relocate {name} NEWFOLDER)"
        lost = "" if collection.root.is_dir() else hint
        parts = "" if collection.knows_presence else "; which parts its items have is not known"
        yield "collection", f"{name}{default}: {len(collection)} items{parts}{lost}", not lost
