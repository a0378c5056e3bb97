"""OpenVINO's networks against PyTorch's: equal in float32 and any batch, close in bfloat16 and 8 bits."""

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
import openvino as ov
import pytest
import torch
from openvino import opset13 as ops
from PIL import Image

from rpf import config
from rpf.errors import ConfigError
from rpf.inference import openvino
from rpf.inference.openvino import bfloat16_is_fast, compile_branches, quantize_weights
from rpf.models import checkpoint
from rpf.models.build import build_model
from rpf.models.rpf import RPF
from tests.support import ROOT


@pytest.fixture(scope="module")
def images(wardrobe: dict[Path, dict[str, int]]) -> list[Image.Image]:
    return [Image.open(path).convert("RGB") for path in list(wardrobe)[:5]]


@pytest.fixture(scope="module")
def plain(tiny_checkpoint: Path) -> RPF:
    return checkpoint.load(tiny_checkpoint)


def test_float32_equals_pytorch(plain: RPF, tiny_checkpoint: Path, images: list[Image.Image]) -> None:
    model = checkpoint.load(tiny_checkpoint)
    assert compile_branches(model, "float32", 1) == "float32"
    one, other = plain.embed(images), model.embed(images)
    np.testing.assert_array_equal(one.box, other.box)
    np.testing.assert_allclose(one.embedding, other.embedding, atol=2e-5)
    np.testing.assert_allclose(one.attention, other.attention, atol=1e-5)
    for row, image in enumerate(images):  # a batch of one
        np.testing.assert_allclose(other.embedding[row], model.embed([image]).embedding[0], atol=2e-5)


def test_bfloat16_is_close(plain: RPF, tiny_checkpoint: Path, images: list[Image.Image]) -> None:
    """Compare on every processor: one without such instructions computes in float32."""
    model = checkpoint.load(tiny_checkpoint)
    assert compile_branches(model, "bfloat16", 1) == "bfloat16"
    cosines = (plain.embed(images).region * model.embed(images).region).sum(axis=-1)
    assert np.median(cosines) > 0.999


def test_tall_frame_equals_pytorch(tiny_checkpoint: Path, images: list[Image.Image]) -> None:
    square = checkpoint.load(tiny_checkpoint)
    values = config.load(base=square.config, settings=["INPUT.RESIZE_MODE=pad", "INPUT.TALL_SIZE=64"])
    plain, model = (build_model(values).eval() for _ in range(2))
    for one in (plain, model):
        one.load_state_dict(square.state_dict())
    compile_branches(model, "float32", 1)
    mixed = [images[0].resize((30, 90)), images[1], images[2].resize((40, 100))]
    expected, output = plain.embed(mixed), model.embed(mixed)
    np.testing.assert_array_equal(output.box, expected.box)
    np.testing.assert_allclose(output.embedding, expected.embedding, atol=2e-5)


def test_int8_is_close(plain: RPF, tiny_checkpoint: Path, images: list[Image.Image]) -> None:
    """Quantize the transformer's products only; the boxes come from the backbone."""
    model, rest = checkpoint.load(tiny_checkpoint), checkpoint.load(tiny_checkpoint)
    assert compile_branches(model, "int8", 1) == "int8"
    compile_branches(rest, "auto", 1)
    quantized, exact = model.embed(images), rest.embed(images)
    np.testing.assert_array_equal(quantized.box, exact.box)
    assert quantized.patch is not None
    assert exact.patch is not None
    assert np.median((exact.patch * quantized.patch).sum(axis=-1)) > 0.999
    assert not np.array_equal(quantized.patch, exact.patch)


def test_quantized_weights_are_the_nearest() -> None:
    """Include a row of zeros and transposed weights; products of two inputs are not quantized."""
    rng = np.random.default_rng(0)
    first, second = rng.standard_normal((5, 12), np.float32), rng.standard_normal((5, 3), np.float32)
    first[2] = 0
    rows = ops.parameter([-1, 12], np.float32)
    hidden = ops.matmul(rows, ops.constant(first), False, True)
    graph = ov.Model([ops.matmul(ops.matmul(hidden, ops.constant(second), False, False), hidden, True, False)], [rows])

    def run() -> npt.NDArray[np.float32]:
        compiled = ov.Core().compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        return np.array(compiled([np.ones((2, 12), np.float32)])[0])

    exact = run()
    small = [
        op.data for op in quantize_weights(graph).get_ops() if op.get_element_type() == ov.Type.i8 and not op.inputs()
    ]
    assert sorted(values.shape for values in small) == [(5, 3), (5, 12)]
    assert all(np.abs(values).max() == 127 for values in small)
    np.testing.assert_allclose(run(), exact, rtol=0.02, atol=0.02 * np.abs(exact).max())


def test_auto_takes_the_faster_precision(tiny_checkpoint: Path) -> None:
    model = checkpoint.load(tiny_checkpoint)
    assert compile_branches(model, "auto", 0) == ("bfloat16" if bfloat16_is_fast() else "float32")


def test_graphs_are_stored_for_the_next_start(
    tiny_checkpoint: Path, images: list[Image.Image], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def embeddings() -> npt.NDArray[np.float32]:
        model = checkpoint.load(tiny_checkpoint)
        compile_branches(model, "float32", 1, tmp_path)
        return model.embed(images[:2]).embedding

    for number in range(5):  # of other checkpoints, long ago
        (tmp_path / str(number)).mkdir()
        os.utime(tmp_path / str(number), (number, number))
    expected = embeddings()
    (stored,) = (path for path in tmp_path.iterdir() if len(path.name) > 1)
    assert len(list(tmp_path.iterdir())) == openvino.MAX_STORED_CHECKPOINTS
    with monkeypatch.context() as patch:
        patch.delattr(openvino, "convert")
        np.testing.assert_array_equal(embeddings(), expected)
    os.truncate(stored / "trunk.bin", 100)
    np.testing.assert_array_equal(embeddings(), expected)
    assert (stored / "trunk.bin").stat().st_size > 100


def test_first_start_decides_on_the_precision(
    tiny_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start() -> str:
        return compile_branches(checkpoint.load(tiny_checkpoint), "auto", 0, tmp_path)

    first = start()
    monkeypatch.setattr(openvino, "bfloat16_is_fast", lambda: first == "float32")
    assert start() == first
    (file,) = tmp_path.glob("fast-*")
    file.write_text("half of a wo")
    assert start() != first


def test_unwritable_cache_costs_only_time(tiny_checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert compile_branches(checkpoint.load(tiny_checkpoint), "float32", 1, tmp_path / "file") == "float32"


def test_unknown_precision_is_refused(tiny_checkpoint: Path) -> None:
    with pytest.raises(ConfigError, match="RPF_PRECISION must be auto, float32, bfloat16 or int8"):
        compile_branches(checkpoint.load(tiny_checkpoint), "int4", 1)


def test_only_wanted_attributes_are_embedded(plain: RPF, images: list[Image.Image]) -> None:
    whole, part = plain.embed(images[:2]), plain.embed(images[:2], [[0, 3], []])
    np.testing.assert_allclose(part.embedding[0, [0, 3]], whole.embedding[0, [0, 3]], atol=2e-5)
    assert np.isnan(part.embedding[0, 1, -1])
    assert np.isnan(part.embedding[1, :, -1]).all()
    np.testing.assert_array_equal(part.box, whole.box)


def test_both_branches_of_asen_equal_pytorch(images: list[Image.Image]) -> None:
    files = [ROOT / "config/asen.yaml", ROOT / "config/FashionAI/FashionAI.yaml"]
    settings = [
        "MODEL.LOCAL.ENABLE=true", "MODEL.LOCAL.BACKBONE.NAME=resnet18", "INPUT.GLOBAL_SIZE=64", "INPUT.LOCAL_SIZE=32",
        "MODEL.GLOBAL.BACKBONE={NAME: resnet18, EMBED_SIZE: 256}",
    ]  # fmt: skip
    torch.manual_seed(0)
    model = build_model(config.load(files, settings)).eval()
    expected = model.embed(images)
    compile_branches(model, "float32", 1)
    output = model.embed(images)
    np.testing.assert_array_equal(output.box, expected.box)
    np.testing.assert_allclose(output.embedding, expected.embedding, atol=2e-5)
