"""OpenVINO inference on a CPU: backbones and transformer compiled, in a fraction of PyTorch's time.

Converting a network takes much longer than compiling it. OpenVINO's own cache needs the converted network to look up
the compiled one, so that it would not spare the conversion: the store of converted networks here does.
"""

import hashlib
import math
import os
import shutil
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import openvino as ov
import torch
from openvino import opset13 as ops
from torch import nn

from rpf.errors import ConfigError
from rpf.inference.compiled_network import (
    PRECISIONS,
    compile_graph,
    compile_network,
    core,
)
from rpf.inference.quantization import DETECTOR, QuantizedNetworks
from rpf.models.base import Network, TwoBranchModel
from rpf.models.lanes import Lanes
from rpf.utils.cores import usable_cores
from rpf.utils.files import sync_files, write_atomic

INT8 = "int8"  # the transformer's matrix products; the rest is in the faster one of PRECISIONS
CALIBRATED = "calibrated int8"  # networks of `rpf quantize`; what they leave is in the faster one of PRECISIONS
MIN_BFLOAT16_SPEEDUP = 1.3  # over float32, to be worth the rounding
MIN_CALIBRATED_SPEEDUP = 1.15  # over the faster one of PRECISIONS
TIMED_CROPS = 3  # as of a search by three attributes
TIMED_RUNS = 8
MAX_LANES = 8  # each allocates its buffers; with more cores than lanes, a lane has several threads
MAX_STORED_CHECKPOINTS = 3  # whose networks are stored for the next start


def convert(module: nn.Module, shape: tuple[int, int]) -> ov.Model:
    """Convert a module from images (n, 3, height, width) to one tensor, for any n."""
    example = torch.zeros(2, 3, *shape)
    with torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they recommend torch.export, which takes three times as long here
        traced = torch.jit.freeze(torch.jit.trace(module, example, check_trace=False))
        graph = ov.convert_model(traced, example_input=example)
    graph.reshape([-1, 3, *shape])
    return graph


def quantize_weights(graph: ov.Model) -> ov.Model:
    """Change the weights of a graph's matrix products to 8 bits, with a scale for each output; return the graph.

    OpenVINO then multiplies in 8 bits, with scales that it computes from the inputs of each QUANTIZATION_GROUP_SIZE:
    nothing needs calibration.
    """
    for product in graph.get_ops():
        weights = product.input_value(1).get_node() if product.get_type_name() == "MatMul" else None
        if weights is not None and weights.get_type_name() == "Constant":
            values = weights.data.astype(np.float32)
            largest = np.abs(values).max(axis=int(product.get_attributes()["transpose_b"]), keepdims=True)
            scale = np.maximum(largest, np.finfo(np.float32).tiny) / 127
            quantized = ops.convert(ops.constant(np.rint(values / scale).astype(np.int8)), "f32")
            product.input(1).replace_source_output(ops.multiply(quantized, ops.constant(scale)).output(0))
    return graph


def compile_branches(
    model: TwoBranchModel,
    precision: str,
    threads: int,
    folder: Path | None = None,
    quantized: QuantizedNetworks | None = None,
) -> str:
    """Replace the large networks of a model on the CPU by compiled ones, and return the precision.

    precision: "float32", "bfloat16", "int8" or "auto", the fastest one here of the first two and, where they agree with
    float32, the `quantized` networks; int8 means these too where they are given. folder: store of the converted
    networks and of the fastest precision, so that the next start is quick and computes the same.
    The rest of the model, which is small, stays in PyTorch and float32. Raises ConfigError for another precision,
    CheckpointError for quantized networks that cannot be used.
    """
    rest = find_faster_precision(folder) if precision in {"auto", INT8} else precision
    if rest not in PRECISIONS:
        raise ConfigError("RPF_PRECISION must be auto, %(known)s", known=f"{', '.join(PRECISIONS)} or {INT8}")
    graphs = dict[str, ov.Model]()
    if quantized and (
        precision == INT8
        or (
            precision == "auto"
            and quantized.agreement.suffices
            and _quantized_is_faster(model, quantized, rest, threads, folder)
        )
    ):
        graphs, precision = quantized.read_graphs(), CALIBRATED
    if missing := model.networks().keys() - graphs.keys():
        exact = _read_or_convert(model, folder)
        graphs |= {name: exact[name] for name in missing}
    if precision == INT8 and "transformer" in graphs:
        quantize_weights(graphs["transformer"])
    replace_networks(model, graphs, rest, threads)
    return rest if precision == "auto" else precision


def replace_networks(model: TwoBranchModel, graphs: Mapping[str, ov.Model], precision: str, threads: int) -> None:
    """Replace the large networks of a model by compiled graphs, and give it lanes where it has several threads."""
    lanes = min(threads or usable_cores(), MAX_LANES)
    copies = [model.share_weights() for _ in range(lanes)] if lanes > 1 else []
    for name, network in model.networks().items():
        [compiled] = compile_network(graphs[name], network.shapes, precision, threads)
        setattr(network.parent, network.attribute, compiled)
        if copies and name != DETECTOR:  # which the copies share
            parts = compile_network(graphs[name], network.shapes, precision, threads, lanes)
            for copy, part in zip(copies, parts, strict=True):
                place = copy.networks()[name]
                setattr(place.parent, place.attribute, part)
    model.lanes = Lanes(copies) if copies else None


def find_faster_precision(folder: Path | None = None) -> str:
    """Return the precision that was measured at the first start on this processor: embeddings of the two differ."""
    return _remember(folder, "", tuple(PRECISIONS), lambda: "bfloat16" if bfloat16_is_fast() else "float32")


def _quantized_is_faster(
    model: TwoBranchModel, quantized: QuantizedNetworks, rest: str, threads: int, folder: Path | None
) -> bool:
    """Tell whether networks in 8 bits were measured to be clearly faster at the first start on this processor."""

    def measure() -> str:
        graphs = _read_or_convert(model, folder), quantized.read_graphs()
        return CALIBRATED if _speedup(model.networks(), *graphs, rest, threads) > MIN_CALIBRATED_SPEEDUP else rest

    return _remember(folder, quantized.digest, (CALIBRATED, rest), measure) == CALIBRATED


def _remember(folder: Path | None, subject: str, answers: Sequence[str], measure: Callable[[], str]) -> str:
    """Return one of the answers about a subject, which is measured at the first start on this processor."""
    key = f"{core().get_property('CPU', 'FULL_DEVICE_NAME')}, OpenVINO {ov.__version__}{subject and f', {subject}'}"
    file = folder / f"fast-{hashlib.sha256(key.encode()).hexdigest()[:32]}" if folder else None
    with suppress(OSError, ValueError):
        if file and (known := file.read_text()) in answers:
            return known
    answer = measure()
    if file:
        with suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(file, answer.encode())
    return answer


def _speedup(
    networks: Mapping[str, Network],
    exact: Mapping[str, ov.Model],
    quantized: Mapping[str, ov.Model],
    precision: str,
    threads: int,
) -> float:
    """Return how many times as fast the quantized networks are, with an image and TIMED_CROPS crops of it."""
    timed = [name for name in networks if name != DETECTOR]  # which most searches do without
    inputs = [torch.zeros(1 if name == "trunk" else TIMED_CROPS, 3, *networks[name].shapes[0]) for name in timed]

    def passes(graphs: Mapping[str, ov.Model]) -> Callable[[], object]:
        compiled = [compile_network(graphs[name], networks[name].shapes[:1], precision, threads)[0] for name in timed]
        return lambda: [network(images) for network, images in zip(compiled, inputs, strict=True)]

    exact_seconds, quantized_seconds = _shortest_seconds([passes(exact), passes(quantized)], TIMED_RUNS)
    return exact_seconds / quantized_seconds


def has_bfloat16() -> bool:
    """Tell whether this processor computes in bfloat16."""
    return "BF16" in core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


@cache
def bfloat16_is_fast() -> bool:
    """Measure whether this processor multiplies matrices clearly faster in bfloat16 than in float32."""
    if not has_bfloat16():
        return False
    rows = ops.parameter([256, 768], np.float32)
    weights = ops.constant(np.random.default_rng(0).standard_normal((768, 768), np.float32))
    graph = ov.Model([ops.matmul(rows, weights, False, False)], [rows])
    inputs = np.ones((256, 768), np.float32)
    requests = [compile_graph(graph, name, 1).create_infer_request() for name in PRECISIONS]
    exact_seconds, bfloat16_seconds = _shortest_seconds([partial(one.infer, [inputs]) for one in requests], 30)
    return exact_seconds > MIN_BFLOAT16_SPEEDUP * bfloat16_seconds


def _shortest_seconds(works: Sequence[Callable[[], object]], runs: int) -> list[float]:
    """Time the shortest of alternating runs of each work, so that other work of the machine does not decide."""
    seconds = [math.inf] * len(works)
    for _ in range(runs):
        for at, work in enumerate(works):
            started = time.perf_counter()
            work()
            seconds[at] = min(seconds[at], time.perf_counter() - started)
        time.sleep(0.005)
    return seconds


def _graph_key(model: TwoBranchModel) -> str:
    """Return a name for the graphs of this checkpoint and config, converted by these versions."""
    detector = model.detector.digest if model.detector else ""
    parts = (model.checkpoint_hash, model.config.model_dump_json(), detector, ov.__version__, torch.__version__)
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


def _read_or_convert(model: TwoBranchModel, folder: Path | None) -> dict[str, ov.Model]:
    """Return the networks as they are in the store, or converted now and stored."""
    if folder and (stored := _read_graphs(folder / _graph_key(model))):
        return stored
    graphs = {
        name: convert(getattr(network.parent, network.attribute), network.shapes[0])
        for name, network in model.networks().items()
    }
    if folder and model.checkpoint_hash:
        with suppress(OSError):  # a full or read-only disk only costs time at the next start
            _store_graphs(graphs, folder, _graph_key(model))
    return graphs


def _store_graphs(graphs: dict[str, ov.Model], folder: Path, key: str) -> None:
    """Write graphs whole or not at all, and remove those of the checkpoints that were not used for longest."""
    folder.mkdir(parents=True, exist_ok=True)
    new = Path(mkdtemp(prefix=".new-", dir=folder))
    try:
        for name, graph in graphs.items():
            ov.save_model(graph, new / f"{name}.xml", compress_to_fp16=False)
        sync_files(new)
        os.rename(new, folder / key)  # fails where another process was faster
    finally:
        shutil.rmtree(new, ignore_errors=True)
    others = [path for path in folder.iterdir() if path.is_dir() and path.name != key]
    for path in sorted(others, key=lambda path: path.stat().st_mtime)[: 1 - MAX_STORED_CHECKPOINTS]:
        shutil.rmtree(path, ignore_errors=True)


def _read_graphs(folder: Path) -> dict[str, ov.Model] | None:
    """Read stored graphs; None where there are none, or damaged ones, which are removed."""
    try:
        graphs = {path.stem: core().read_model(path) for path in folder.glob("*.xml")}
    except (OSError, RuntimeError):
        shutil.rmtree(folder, ignore_errors=True)
        return None
    with suppress(OSError):  # it is missing, or on a read-only disk
        os.utime(folder)
    return graphs or None
