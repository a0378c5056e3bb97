"""Trunk and transformer compiled by OpenVINO, which needs a fraction of PyTorch's time on a CPU (benchmarks/serve)."""

import hashlib
import os
import shutil
import time
import warnings
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import openvino as ov
import torch
from openvino import opset13 as ops
from torch import Tensor, nn

from rpf.errors import ConfigError
from rpf.models.rpf import RPF
from rpf.utils.files import sync_files, write_atomic

FORMATS = {"float32": "f32", "bfloat16": "bf16"}  # our names and OpenVINO's
INT8 = "int8"  # the transformer's matrix products; all else is in the faster one of FORMATS
GROUP = 256  # of a token's numbers that share a scale in 8 bits
GAIN = 1.3  # bfloat16 must be so many times as fast as float32 to be worth its rounding
KEPT = 3  # checkpoints whose networks are kept for the next start


class Compiled(nn.Module):
    """A network from pictures (n, 3, S, S) to one tensor, in the place of the module that it was made from."""

    def __init__(self, graph: ov.Model, precision: str, threads: int) -> None:
        """graph: of `as_graph`; threads: 0 for all cores. Inputs and outputs are float32 in any format."""
        super().__init__()
        self._request = _compile(graph, precision, threads).create_infer_request()

    def forward(self, pictures: Tensor) -> Tensor:
        """(n, 3, S, S) float32 -> what the module gives, float32. Not for two threads at once."""
        found = self._request.infer([pictures.contiguous().numpy()], share_inputs=True)
        return torch.from_numpy(found[0])


def as_graph(module: nn.Module, side: int) -> ov.Model:
    """OpenVINO's form of a module from (n, 3, side, side) to one tensor, for any n."""
    example = torch.zeros(2, 3, side, side)
    with torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that torch.export is newer: it takes thrice as long here
        traced = torch.jit.freeze(torch.jit.trace(module, example, check_trace=False))
        graph = ov.convert_model(traced, example_input=example)
    graph.reshape([-1, 3, side, side])
    return graph


def in_8_bits(graph: ov.Model) -> ov.Model:
    """The same graph, changed: the weights of its matrix products are in 8 bits, with a scale for each output.

    OpenVINO multiplies such weights with inputs in 8 bits too, whose scales it takes from the inputs as they come, for
    each GROUP of a token's numbers: nothing needs calibrating.
    """
    for product in graph.get_ops():
        weights = product.input_value(1).get_node() if product.get_type_name() == "MatMul" else None
        if weights is not None and weights.get_type_name() == "Constant":
            values = weights.data.astype(np.float32)
            largest = np.abs(values).max(axis=int(product.get_attributes()["transpose_b"]), keepdims=True)
            scale = np.maximum(largest, np.finfo(np.float32).tiny) / 127
            small = ops.convert(ops.constant(np.rint(values / scale).astype(np.int8)), "f32")
            product.input(1).replace_source_output(ops.multiply(small, ops.constant(scale)).output(0))
    return graph


def compile_branches(model: RPF, precision: str, threads: int, folder: Path | None = None) -> str:
    """Put compiled networks into a model on the CPU, in "float32", "bfloat16", "int8" or, by "auto", in float32 or
    bfloat16, what is fast here.

    folder: where graphs, and what is fast, are kept, so that the next start need not make them, and computes in the
    same format; None for nowhere.
    Returns the format. What is left to PyTorch is float32, and small. Raises ConfigError for another format.
    """
    rest = _fast_format(folder) if precision in {"auto", INT8} else precision
    if rest not in FORMATS:
        raise ConfigError("RPF_PRECISION must be auto, %(known)s", known=f"{', '.join(FORMATS)} or {INT8}")
    graphs = (_read(folder / _key(model)) if folder else None) or _make(model, folder)
    model.region.add_module("trunk", Compiled(graphs["trunk"], rest, threads))
    if model.patch:
        transformer = in_8_bits(graphs["transformer"]) if precision == INT8 else graphs["transformer"]
        model.patch.add_module("vit", Compiled(transformer, rest, threads))
    return rest if precision == "auto" else precision


def _fast_format(folder: Path | None) -> str:
    """What was measured to be fast on this processor at the first start: embeddings of the two formats differ a bit."""
    processor = f"{_core().get_property('CPU', 'FULL_DEVICE_NAME')}, OpenVINO {ov.__version__}"
    file = folder / f"fast-{hashlib.sha256(processor.encode()).hexdigest()[:32]}" if folder else None
    with suppress(OSError):
        if file and (known := file.read_text()) in FORMATS:
            return known
    found = "bfloat16" if bfloat16_is_fast() else "float32"
    if file:
        with suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(file, found.encode())
    return found


@cache
def bfloat16_is_fast() -> bool:
    """Whether this processor multiplies matrices clearly faster in bfloat16 than in float32: measured, once."""
    if "BF16" not in _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        return False
    rows = ops.parameter([256, 768], np.float32)
    weights = ops.constant(np.random.default_rng(0).standard_normal((768, 768), np.float32))
    graph = ov.Model([ops.matmul(rows, weights, False, False)], [rows])
    requests = {name: _compile(graph, name, 1).create_infer_request() for name in FORMATS}
    asked, spent = np.ones((256, 768), np.float32), dict.fromkeys(FORMATS, np.inf)
    for _ in range(30):  # the best of some short ones, in turn: what else the machine does must not decide
        for name, request in requests.items():
            began = time.perf_counter()
            request.infer([asked])
            spent[name] = min(spent[name], time.perf_counter() - began)
        time.sleep(0.005)
    return spent["float32"] > GAIN * spent["bfloat16"]


def _key(model: RPF) -> str:
    """A name for the graphs of this checkpoint and config, made by these versions."""
    parts = (model.checkpoint_hash, model.config.model_dump_json(), ov.__version__, torch.__version__)
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


def _make(model: RPF, folder: Path | None) -> dict[str, ov.Model]:
    sizes = model.config.INPUT
    graphs = {"trunk": as_graph(model.region.trunk, sizes.GLOBAL_SIZE)}
    if model.patch:
        graphs["transformer"] = as_graph(model.patch.vit, sizes.LOCAL_SIZE)
    if folder and model.checkpoint_hash:
        with suppress(OSError):  # a full or read-only disk costs time at the next start, and nothing else
            _keep(graphs, folder, _key(model))
    return graphs


def _keep(graphs: dict[str, ov.Model], folder: Path, key: str) -> None:
    """Write graphs whole or not at all, and remove those of checkpoints that were not used for longest."""
    folder.mkdir(parents=True, exist_ok=True)
    new = Path(mkdtemp(prefix=".new-", dir=folder))
    try:
        for name, graph in graphs.items():
            ov.save_model(graph, new / f"{name}.xml", compress_to_fp16=False)
        sync_files(new)
        os.rename(new, folder / key)  # fails where another process was faster
    finally:
        shutil.rmtree(new, ignore_errors=True)
    older = sorted(
        (one for one in folder.iterdir() if one.is_dir() and one.name != key), key=lambda one: one.stat().st_mtime
    )
    for one in older[: 1 - KEPT]:
        shutil.rmtree(one, ignore_errors=True)


def _read(folder: Path) -> dict[str, ov.Model] | None:
    """The graphs that were kept there; None if none, or not whole."""
    try:
        graphs = {path.stem: _core().read_model(path) for path in folder.glob("*.xml")}
    except (OSError, RuntimeError):
        shutil.rmtree(folder, ignore_errors=True)
        return None
    with suppress(OSError):  # missing, or on a read-only disk
        os.utime(folder)
    return graphs or None


def _compile(graph: ov.Model, precision: str, threads: int) -> ov.CompiledModel:
    options: dict[str, object] = {
        "INFERENCE_PRECISION_HINT": FORMATS[precision],
        "PERFORMANCE_HINT": "LATENCY",
        "DYNAMIC_QUANTIZATION_GROUP_SIZE": GROUP,  # where weights are in 8 bits
    }
    if threads:
        options["INFERENCE_NUM_THREADS"] = threads
    return _core().compile_model(graph, "CPU", options)


@cache
def _core() -> ov.Core:
    return ov.Core()
