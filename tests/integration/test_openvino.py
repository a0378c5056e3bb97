"""OpenVINO's networks against PyTorch's: equal in float32 and any batch, close in bfloat16 and 8 bits."""

import os
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import openvino as ov
import pytest
import torch
from openvino import opset13 as ops
from PIL import Image

from rpf import config
from rpf.errors import CheckpointError, ConfigError
from rpf.inference import openvino
from rpf.inference.load import load_model
from rpf.inference.openvino import bfloat16_is_fast, compile_branches, convert, quantize_weights
from rpf.inference.quantization import Agreement, QuantizedNetworks, quantized_path, read_quantized, save_quantized
from rpf.models import checkpoint
from rpf.models.build import build_model
from rpf.models.rpf import RPF
from rpf.settings import Settings
from tests.support import ROOT
from tests.support.commands import Run


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


def test_lanes_equal_pytorch(plain: RPF, tiny_checkpoint: Path, images: list[Image.Image]) -> None:
    """Embed by two threads at once, for different attributes."""
    model = checkpoint.load(tiny_checkpoint)
    compile_branches(model, "float32", 2)
    assert model.lanes
    wanted = [[0], [1, 2], [], [2], [0, 1, 2]]
    with ThreadPoolExecutor(2) as pool:
        outputs = list(pool.map(lambda some: model.embed(images, some), [wanted, wanted[::-1]]))
    for some, output in zip((wanted, wanted[::-1]), outputs, strict=True):
        expected = plain.embed(images, some)
        np.testing.assert_array_equal(output.box, expected.box)
        np.testing.assert_allclose(output.embedding, expected.embedding, atol=2e-5)
        np.testing.assert_array_equal(np.isnan(output.embedding[..., 0]), np.isnan(expected.embedding[..., 0]))


def test_changes_of_the_config_reach_networks_and_lanes(
    tiny_checkpoint: Path, images: list[Image.Image], tmp_path: Path
) -> None:
    settings = Settings(checkpoint=tiny_checkpoint, instance=tmp_path, threads=2)
    model = load_model(settings)
    changed = load_model(settings, changes=["INPUT.GLOBAL_SIZE=64", "SOLVER.BETA=0.3"])
    assert changed.lanes
    together = changed.embed(images)
    assert together.attention.shape[-1] < model.embed(images).attention.shape[-1]
    np.testing.assert_allclose(together.embedding[0], changed.embed(images[:1]).embedding[0], atol=2e-5)


def test_one_thread_needs_no_lanes(tiny_checkpoint: Path) -> None:
    model = checkpoint.load(tiny_checkpoint)
    compile_branches(model, "float32", 1)
    assert model.lanes is None


def test_lanes_share_what_pytorch_computes_with(tiny_checkpoint: Path) -> None:
    model = checkpoint.load(tiny_checkpoint)
    other = model.share_weights()
    assert other.region is not model.region
    assert [one.data_ptr() for one in other.parameters()] == [one.data_ptr() for one in model.parameters()]
    assert other.config is model.config


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


@pytest.fixture
def quantized(tiny_checkpoint: Path, tmp_path: Path) -> QuantizedNetworks:
    """Return networks in 8 bits beside a copy of the checkpoint: the tiny ones, with their products in 8 bits."""
    weights = tmp_path / "weights" / "model.safetensors"
    weights.parent.mkdir()
    shutil.copy(tiny_checkpoint, weights)
    model = checkpoint.load(weights)
    networks = model.networks().items()
    graphs = {name: convert(getattr(one.parent, one.attribute), one.shapes[0]) for name, one in networks}
    quantize_weights(graphs["transformer"])
    agreement = Agreement(
        images=80, median_cosine=1, lowest_percent_cosine=1, close_boxes=1, shared_results=1, maps={"here": (50, 50)}
    )
    save_quantized(quantized_path(weights), model, graphs, agreement)
    read = read_quantized(weights, model)
    assert read
    return read


def test_int8_takes_the_calibrated_networks(
    plain: RPF, tiny_checkpoint: Path, images: list[Image.Image], quantized: QuantizedNetworks
) -> None:
    model, weights_only = checkpoint.load(tiny_checkpoint), checkpoint.load(tiny_checkpoint)
    assert compile_branches(model, "int8", 1, quantized=quantized) == "calibrated int8"
    compile_branches(weights_only, "int8", 1)
    output = model.embed(images).embedding
    np.testing.assert_allclose(output, weights_only.embed(images).embedding, atol=2e-5)
    assert not np.array_equal(output, plain.embed(images).embedding)


def test_float32_leaves_the_calibrated_networks(tiny_checkpoint: Path, quantized: QuantizedNetworks) -> None:
    quantized.path.unlink()
    assert compile_branches(checkpoint.load(tiny_checkpoint), "float32", 1, quantized=quantized) == "float32"


@pytest.mark.parametrize(
    ("change", "speedup", "expected"),
    [
        ({}, 2.0, True),
        ({}, 1.0, False),
        ({"median_cosine": 0.9}, 2.0, False),
        ({"maps": {"here": (50, 49)}}, 2.0, False),
    ],
)
def test_auto_takes_calibrated_networks_that_agree_and_are_faster(
    tiny_checkpoint: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    quantized: QuantizedNetworks,
    change: dict[str, object],
    speedup: float,
    expected: bool,
) -> None:
    quantized = quantized._replace(agreement=quantized.agreement.model_copy(update=change))

    def start() -> str:
        return compile_branches(checkpoint.load(tiny_checkpoint), "auto", 1, tmp_path / "compiled", quantized)

    monkeypatch.setattr(openvino, "_speedup", lambda *_: speedup)
    first = start()
    assert (first == "calibrated int8") == expected
    monkeypatch.setattr(openvino, "_speedup", lambda *_: 3 - speedup)  # the next start remembers the first
    assert start() == first


def test_speedup_is_that_of_the_second_networks(tiny_checkpoint: Path, quantized: QuantizedNetworks) -> None:
    networks, slow = checkpoint.load(tiny_checkpoint).networks(), quantized.read_graphs()
    images = ops.parameter([-1, 3, -1, -1], np.float32)
    quick = dict.fromkeys(networks, ov.Model([ops.relu(images)], [images]))
    assert openvino._speedup(networks, slow, quick, "float32", 1) > 2
    assert openvino._speedup(networks, quick, slow, "float32", 1) < 0.5


def test_loaded_model_uses_the_file_beside_its_checkpoint(tmp_path: Path, quantized: QuantizedNetworks) -> None:
    settings = Settings(
        checkpoint=quantized.path.with_name("model.safetensors"),
        collections=tmp_path / "collections",
        instance=tmp_path / "instance",
        precision="int8",
    )
    assert load_model(settings).precision == "calibrated int8"
    run = Run(settings, RPF_PRECISION="int8")
    assert re.search(r"precision +calibrated int8\n8 bits +model.int8.safetensors, in use: on 80 images", run("doctor"))
    os.truncate(quantized.path, 1000)
    with pytest.raises(CheckpointError, match="rpf quantize"):
        load_model(settings)
    assert "model.int8.safetensors" in run("doctor", status=1)


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
