"""The file of networks in calibrated 8 bits: what was written, files that are refused, the agreement that counts."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
from openvino import opset13 as ops
from safetensors import safe_open
from safetensors.numpy import save_file

from rpf.errors import CheckpointError
from rpf.evaluation.agreement import overlap, shared_results
from rpf.inference.quantization import (
    MAX_FILE_BYTES,
    Agreement,
    QuantizedNetworks,
    quantized_path,
    read_quantized,
    save_quantized,
)
from rpf.models import checkpoint
from rpf.models.base import TwoBranchModel
from rpf.models.garment_detector import DetectorHead, GarmentDetector

AGREEMENT = Agreement(
    images=80,
    median_cosine=0.999,
    lowest_percent_cosine=0.98,
    close_boxes=0.97,
    shared_results=0.95,
    maps={"clothing": (84.1, 84.0)},
)


def graph(factor: float) -> ov.Model:
    """Return a network that multiplies its images."""
    images = ops.parameter([-1, 3, -1, -1], np.float32)
    return ov.Model([ops.multiply(images, ops.constant(np.float32(factor)))], [images])


@pytest.fixture
def model(tiny_checkpoint: Path) -> TwoBranchModel:
    return checkpoint.load(tiny_checkpoint)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return tmp_path / "model.safetensors"


@pytest.fixture
def file(weights: Path, model: TwoBranchModel) -> Path:
    save_quantized(quantized_path(weights), model, {"trunk": graph(2), "transformer": graph(3)}, AGREEMENT)
    return weights.with_name("model.int8.safetensors")


def rewrite(file: Path, tensors: Callable[[dict], object] = id, **about: str) -> None:
    """Change tensors or metadata of a file."""
    with safe_open(file, "np") as opened:
        held = {name: opened.get_tensor(name).copy() for name in opened.keys()}  # noqa: SIM118
        metadata = opened.metadata() | about
    tensors(held)
    save_file(held, file, metadata)


def test_networks_are_read_as_they_were_written(weights: Path, file: Path, model: TwoBranchModel) -> None:
    quantized = read_quantized(weights, model)
    assert quantized
    assert (quantized.path, quantized.names, quantized.agreement) == (file, ("transformer", "trunk"), AGREEMENT)
    images = np.ones((2, 3, 4, 5), np.float32)
    for name, factor in (("trunk", 2), ("transformer", 3)):
        output = ov.Core().compile_model(quantized.read_graphs()[name], "CPU")(images)[0]
        np.testing.assert_array_equal(output, factor * images)


def test_file_of_other_weights_or_none_is_not_used(weights: Path, model: TwoBranchModel) -> None:
    assert read_quantized(weights, model) is None
    save_quantized(quantized_path(weights), model, {"trunk": graph(2), "transformer": graph(3)}, AGREEMENT)
    model.checkpoint_hash = "0" * 64
    assert read_quantized(weights, model) is None


def test_detector_with_another_head_keeps_its_network(weights: Path, model: TwoBranchModel) -> None:
    model.detector = GarmentDetector(model.region.trunk, DetectorHead(256), "a head")
    networks = {"trunk": graph(2), "transformer": graph(3), "detector": graph(4)}
    save_quantized(quantized_path(weights), model, networks, AGREEMENT)

    def names() -> tuple[str, ...]:
        quantized = read_quantized(weights, model)
        assert quantized
        return quantized.names

    assert names() == ("detector", "transformer", "trunk")
    model.detector.digest = "another head"
    assert names() == ("transformer", "trunk")
    model.detector = None
    assert names() == ("transformer", "trunk")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda file: os.truncate(file, 100), "cannot be used"),
        (lambda file: os.truncate(file, file.stat().st_size - 1), "cannot be used"),
        (lambda file: file.write_bytes(b"\x80\x04\x95 a pickle, say"), "cannot be used"),
        (lambda file: os.truncate(file, MAX_FILE_BYTES + 1), "more than 1024 MB"),
        (lambda file: save_file({"a": np.zeros(2)}, file), "its format is None"),
        (lambda file: rewrite(file, format="rpf-int8-99"), "its format is 'rpf-int8-99'"),
        (lambda file: rewrite(file, networks='["trunk"]'), "its networks are trunk"),
        (lambda file: rewrite(file, networks="7"), "cannot be used"),
        (lambda file: rewrite(file, agreement="{}"), "cannot be used"),
        (lambda file: rewrite(file, agreement=AGREEMENT.model_dump_json().replace("0.999", "NaN")), "cannot be used"),
    ],
)
def test_unusable_file_is_refused_by_name(
    weights: Path, file: Path, model: TwoBranchModel, damage: Callable[[Path], None], message: str
) -> None:
    damage(file)
    with pytest.raises(CheckpointError, match=message) as error:
        read_quantized(weights, model)
    assert str(file) in str(error.value)
    assert str(error.value).endswith("with: rpf quantize")


def _spoil(tensors: dict[str, np.ndarray]) -> None:
    tensors["trunk.bin"][0] ^= 1


@pytest.mark.parametrize("change", [_spoil, lambda tensors: tensors.pop("trunk.xml")])
def test_networks_that_were_changed_are_refused(
    weights: Path, file: Path, model: TwoBranchModel, change: Callable[[dict], object]
) -> None:
    rewrite(file, change)
    quantized = read_quantized(weights, model)
    assert quantized
    with pytest.raises(CheckpointError, match="not those that were written"):
        quantized.read_graphs()


def test_xml_that_is_no_network_is_refused(file: Path) -> None:
    with safe_open(file, "np") as opened:
        names = opened.keys()
        held = {name: opened.get_tensor(name) for name in names}
    from rpf.inference.quantization import _digest

    held["trunk.xml"] = np.frombuffer(b"<net", np.uint8)
    save_file(held, file)
    with pytest.raises(CheckpointError, match="Unable to read the model"):
        QuantizedNetworks(file, ("trunk",), AGREEMENT, _digest(held)).read_graphs()


@pytest.mark.parametrize(
    "change",
    [
        {"median_cosine": 0.9},
        {"lowest_percent_cosine": 0.5},
        {"close_boxes": 0.5},
        {"shared_results": 0.5},
        {"maps": {"clothing": (84.1, 84.2), "street": (70.2, 69.8)}},
    ],
)
def test_each_figure_of_the_agreement_counts(change: dict[str, object]) -> None:
    assert AGREEMENT.suffices
    assert not AGREEMENT.model_copy(update=change).suffices


def test_agreement_is_told_in_one_line() -> None:
    assert str(AGREEMENT) == (
        "on 80 images median cosine 0.9990, 1st percentile 0.980, IoU over 0.9 of 97.0% of the crop boxes, 95.0% of "
        "the first 20 results, MAP of clothing 84.00 (float32 84.10)"
    )


def test_overlap_of_boxes_by_hand() -> None:
    one = np.array([[0, 0, 10, 10], [0, 0, 10, 10], [0, 0, 10, 10]], np.int32)
    other = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [20, 20, 30, 30]], np.int32)
    np.testing.assert_allclose(overlap(one, other), [1, 1 / 3, 0])


def test_shared_results_leave_out_the_image_itself() -> None:
    angles = np.arange(8) / 10
    exact = np.stack([np.cos(angles), np.sin(angles)], axis=1)[:, None]  # two of eight are compared
    assert shared_results(exact, exact) == 1
    turned = exact[::-1]  # each searches as its mirror image does: the last two of the first, the middle of the middle
    assert shared_results(exact, turned) < 0.5
