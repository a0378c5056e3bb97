"""Command that prints what is installed and in use."""

import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, NamedTuple

import click

from rpf.cli.options import with_settings
from rpf.cli.output import say
from rpf.errors import RPFError
from rpf.settings import Settings

if TYPE_CHECKING:
    from rpf.inference.quantization import Agreement

PACKAGES = (
    "torch", "torchvision", "timm", "openvino", "faiss-cpu", "scikit-learn", "flask", "gunicorn", "pillow",
    "pillow-heif", "numpy", "skia-python",
)  # fmt: skip


class Finding(NamedTuple):
    """One line of the output."""

    name: str
    value: str
    healthy: bool = True


@click.command()
@with_settings
def doctor(settings: Settings) -> None:
    """Print what is installed and in use; end with status 1 if something is wrong.

    \b
    Example:
      rpf doctor
    """
    status = 0
    for finding in examine(settings):
        say(f"{finding.name:<16}{finding.value}")
        status = status if finding.healthy else 1
    sys.exit(status)


def examine(settings: Settings) -> Iterator[Finding]:
    """Yield the findings one by one, so that the quick ones show before the model loads."""
    yield Finding("python", platform.python_version())
    for package in PACKAGES:
        try:
            yield Finding(package, version(package))
        except PackageNotFoundError:
            yield Finding(package, "missing; run: pip install -r requirements.txt", False)

    yield check_site()

    import torch

    from rpf.engine import SearchEngine
    from rpf.inference.quantization import read_quantized
    from rpf.utils.devices import set_threads

    yield Finding("threads", str(set_threads(settings.threads) or torch.get_num_threads()))
    try:
        engine = SearchEngine(settings)
    except RPFError as error:
        yield Finding("checkpoint", str(error), False)
        return
    model = engine.model
    yield Finding("checkpoint", f"{settings.checkpoint} ({engine.model_name}, {model.checkpoint_hash[:12]})")
    if model.note:
        yield Finding("", model.note)
    yield from (
        Finding("attributes", ", ".join(model.attributes)),
        Finding("embedding", f"dimension {model.dim} per attribute"),
        Finding("device", str(model.device)),
        Finding("precision", model.precision),
    )
    if model.device.type == "cpu" and (quantized := read_quantized(settings.checkpoint, model)):
        use = _describe_use(model.precision, settings.precision, quantized.agreement)
        yield Finding("8 bits", f"{quantized.path.name}, {use}: {quantized.agreement}")
    names = sorted(manifest.parent.name for manifest in engine.settings.collections.glob("*/manifest.json"))
    if engine.default not in names:
        yield Finding("collection", f"{engine.default} (default): not created yet")
    for name in names:
        title = f"{name} (default)" if name == engine.default else name
        try:
            collection = engine.collection(name)
        except RPFError as error:
            yield Finding("collection", f"{title}: {error}", False)
            continue
        text = f"{title}: {len(collection)} items"
        if not collection.knows_presence:
            text += "; missing attributes are not known"
        has_images = collection.root.is_dir()
        if not has_images:
            text += f"; its image folder is missing: {collection.root} (if moved: rpf relocate {name} NEWFOLDER)"
        yield Finding("collection", text, has_images)


def _describe_use(precision: str, setting: str, agreement: "Agreement") -> str:
    """Say whether networks in calibrated 8 bits are used, and why not."""
    from rpf.inference.openvino import CALIBRATED

    if precision == CALIBRATED:
        return "in use"
    if setting != "auto":
        return "not in use"
    return f"not in use, as they {'are not clearly faster here' if agreement.suffices else 'agree too little'}"


def check_site() -> Finding:
    """Let the site check its settings, in a separate process: the engine does not know the site."""
    path = os.pathsep.join(sys.path)
    check = subprocess.run(
        [sys.executable, "-m", "webapp.site_check"],
        env={**os.environ, "PYTHONPATH": path, "PYTHONIOENCODING": "utf-8"},
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    return Finding("site", check.stdout.strip(), check.returncode == 0)
