"""Post-training quantization of a model's networks to 8 bits by NNCF: scales from images, no training."""

import logging
from collections.abc import Sequence
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from types import ModuleType

import numpy as np
import numpy.typing as npt
import openvino as ov
from PIL import Image
from torch import Tensor, nn

from rpf.errors import ConfigError
from rpf.evaluation.protocol import decode_batches
from rpf.inference.compiled_network import compile_network
from rpf.inference.openvino import convert
from rpf.models.base import TwoBranchModel
from rpf.models.garment_detector import padded_square
from rpf.utils.progress import Progress

BATCH_SIZE = 8  # images decoded together
FLOAT_CONVOLUTIONS = 2  # the first of each network stay in float32: few numbers, of which all others come

Inputs = list[npt.NDArray[np.float32]]  # of a network, (1, 3, H, W) each


class _Recorder(nn.Module):
    """Network that keeps a copy of its inputs."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.inputs: Inputs = []

    def forward(self, images: Tensor) -> Tensor:
        self.inputs += [image[None].numpy().copy() for image in images]
        return self.network(images)


def quantize(
    model: TwoBranchModel, paths: Sequence[Path], threads: int = 0, progress: Progress = lambda *_: None
) -> dict[str, ov.Model]:
    """Quantize the networks of an uncompiled model on the CPU, with scales that fit what they see of the images.

    Their places in `model` are taken by compiled ones in float32. Raises ConfigError without NNCF, DatasetError for an
    image that cannot be read.
    """
    nncf = load_nncf()
    graphs, recorders = dict[str, ov.Model](), dict[str, _Recorder]()
    for name, network in model.networks().items():
        graphs[name] = convert(getattr(network.parent, network.attribute), network.shapes[0])
        [compiled] = compile_network(graphs[name].clone(), network.shapes, "float32", threads)
        recorders[name] = _Recorder(compiled)
        setattr(network.parent, network.attribute, recorders[name])
    progress("recording", 0, len(paths))
    done = 0
    for images in decode_batches(paths, BATCH_SIZE):
        for image in images:
            _show(model, image, done)
            done += 1
        progress("recording", done, len(paths))
    for name, network in model.networks().items():
        setattr(network.parent, network.attribute, recorders[name].network)
    return {name: _quantize_network(nncf, name, graphs[name], recorders[name].inputs, progress) for name in graphs}


def load_nncf() -> ModuleType:
    """Import NNCF. Raises ConfigError where it is not installed."""
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)  # warns that there is no CUDA
    try:
        import nncf
    except ImportError as error:
        raise ConfigError(
            "Quantization needs NNCF (%(why)s); install it with: pip install -r requirements-quantize.txt", why=error
        ) from error
    nncf.set_log_level(logging.ERROR)
    return nncf


def _show(model: TwoBranchModel, image: Image.Image, number: int) -> None:
    """Let the networks see an image, and its crop of one attribute, each in turn."""
    model.embed([image], [[number % len(model.attributes)]])
    if model.detector:
        square, place = padded_square(image)
        model.detector.find(model.tensor([square]), [place])


def _quantize_network(nncf: ModuleType, name: str, graph: ov.Model, inputs: Inputs, progress: Progress) -> ov.Model:
    calls = 0

    def count(images: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        nonlocal calls
        progress(f"{name}, pass {calls // len(inputs) + 1}", calls % len(inputs) + 1, len(inputs))
        calls += 1
        return images

    graph.reshape([-1, 3, -1, -1])
    operations = graph.get_ordered_ops()
    convolutions = [one.get_friendly_name() for one in operations if one.get_type_name().endswith("Convolution")]
    is_transformer = any(one.get_type_name() == "MatMul" for one in operations)
    parameters = nncf.AdvancedQuantizationParameters(overflow_fix=nncf.OverflowFix.ENABLE)
    with redirect_stdout(StringIO()):  # its own progress bars
        return nncf.quantize(
            graph,
            nncf.Dataset(inputs, count),
            subset_size=len(inputs),
            target_device=nncf.TargetDevice.CPU,
            ignored_scope=nncf.IgnoredScope(names=convolutions[:FLOAT_CONVOLUTIONS]),
            model_type=nncf.ModelType.TRANSFORMER if is_transformer else None,
            advanced_parameters=parameters,
        )
