"""`rpf quantize`: files that the next start uses, and errors that say what to do."""

import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from rpf.inference.load import load_model, load_uncompiled
from rpf.inference.quantization import read_quantized
from rpf.models import checkpoint
from rpf.settings import Settings
from tests.conftest import tiny_model
from tests.support import ROOT
from tests.support.commands import Run

needs_nncf = pytest.mark.skipif(find_spec("nncf") is None, reason="needs NNCF (requirements-quantize.txt)")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    checkpoint.save(tiny_model(tmp_path).eval(), tmp_path / "model.safetensors")
    return Settings(
        checkpoint=tmp_path / "model.safetensors",
        collections=tmp_path / "collections",
        instance=tmp_path / "instance",
        precision="int8",
    )


def test_missing_nncf_is_an_error_that_says_how_to_install_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "nncf", None)
    message = Run(settings)("quantize", status=2)
    assert message.endswith("install it with: pip install -r requirements-quantize.txt\n")
    assert (ROOT / "requirements-quantize.txt").is_file()
    assert not list(settings.checkpoint.parent.glob("*.int8.*"))


@needs_nncf
def test_drawn_garments_calibrate_networks_that_the_next_start_uses(settings: Settings) -> None:
    output = Run(settings)("quantize", "--count", 16)
    assert "model.int8.safetensors: " in output and "calibrated on 16 images" in output
    assert load_model(settings).precision == "calibrated int8"
    quantized = read_quantized(settings.checkpoint, load_uncompiled(settings))
    assert quantized and quantized.agreement.images == 16 and not quantized.agreement.maps
    assert quantized.agreement.median_cosine > 0.99
    for graph in quantized.read_graphs().values():
        assert any(node.get_element_type().get_type_name() == "i8" for node in graph.get_ops())


@needs_nncf
def test_labelled_images_are_measured_with_their_map(settings: Settings, evaluation_dataset: Path) -> None:
    Run(settings)(
        "quantize", "--cfg", ROOT / "config" / "Wardrobe" / "Wardrobe.yaml",
        "--set", f"DATA.BASE_PATH={evaluation_dataset}", "--count", 16, "--out", settings.instance / "other",
    )  # fmt: skip
    shutil.move(settings.instance / "other", settings.checkpoint.with_name("model.int8.safetensors"))
    quantized = read_quantized(settings.checkpoint, load_uncompiled(settings))
    assert quantized
    ((exact, calibrated),) = quantized.agreement.maps.values()
    assert 0 < exact < 100
    assert abs(exact - calibrated) < 10


@needs_nncf
def test_too_few_photos_are_refused(settings: Settings, wardrobe: dict[Path, dict[str, int]], tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    for path in list(wardrobe)[:30]:
        shutil.copy(path, tmp_path / "photos")
    message = Run(settings)("quantize", "--photos", tmp_path / "photos", status=2)
    assert "15 images to calibrate on are too few" in message


@needs_nncf
def test_checkpoint_without_config_is_refused(settings: Settings) -> None:
    published = settings.model_copy(update={"checkpoint": settings.checkpoint.with_name("model_best.pth.tar")})
    assert "rpf export" in Run(published)("quantize", status=2)
