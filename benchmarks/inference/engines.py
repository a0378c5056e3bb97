"""Inference engines for the published networks (rpf-base) on a CPU, each measured in a separate process.

Weights are from a fixed seed; int8 is calibrated with the images.
"""

import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from benchmarks.common.machine import machine
from benchmarks.common.process import Unfinished, in_process
from benchmarks.common.report import Row, read_json, table
from benchmarks.common.timing import timed
from benchmarks.inference.procedures import BenchmarkModel
from rpf.images.decode import open_image
from rpf.inference.openvino import INT8, PRECISIONS, CompiledNetwork, convert, quantize_weights
from rpf.models.preprocessing import centre_square
from rpf.utils.cores import usable_cores
from rpf.utils.progress import Progress

SIDE = 224  # pixels
CALIBRATION_IMAGES = 64
LIMIT_SECONDS = 900.0  # for one engine
MIN_ROUNDS, MIN_SECONDS = 15, 5.0
PARTS = {"backbone, 1 image": 1, "transformer, 3 crops": 3, "transformer, 8 crops": 8}  # -> batch
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

Floats = npt.NDArray[np.float32]
Engine = Callable[[Floats], Floats]


def pytorch(module: nn.Module, images: Floats, dtype: torch.dtype, compiled: bool = False) -> Engine:
    """Run a module by PyTorch, or by its compiler with frozen weights."""
    module = module.to(dtype)
    if compiled:
        import torch._inductor.config as inductor

        inductor.freezing = True
        module = torch.compile(module, dynamic=False)  # type: ignore[assignment]
    return lambda pixels: module(torch.from_numpy(pixels).to(dtype)).float().numpy()


def openvino(module: nn.Module, images: Floats, precision: str) -> Engine:
    """Run a module as the program does."""
    graph = convert(module, SIDE)
    if precision == INT8:
        graph, precision = quantize_weights(graph), "bfloat16"
    compiled = CompiledNetwork(graph, precision, torch.get_num_threads())
    return lambda pixels: compiled(torch.from_numpy(pixels)).numpy()


def openvino_int8(module: nn.Module, images: Floats) -> Engine:
    """Run a module with weights and activations of 8 bits, a transformer's as NNCF advises for transformers."""
    import nncf
    import openvino as ov

    dataset = nncf.Dataset([image[None] for image in images])
    kind = nncf.ModelType.TRANSFORMER if hasattr(module, "blocks") and hasattr(module, "patch_embed") else None
    graph = nncf.quantize(convert(module, images.shape[-1]), dataset, model_type=kind, subset_size=len(images))
    options = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": str(torch.get_num_threads())}
    request = ov.Core().compile_model(graph, "CPU", options).create_infer_request()
    return lambda pixels: np.array(request.infer([pixels])[0])


def onnx_runtime(module: nn.Module, images: Floats) -> Engine:
    """Run a module in float32."""
    import onnxruntime

    path = Path(tempfile.mkdtemp()) / "model.onnx"
    example = torch.zeros(2, 3, SIDE, SIDE)
    torch.onnx.export(module, (example,), path, dynamic_axes={"x": {0: "n"}}, input_names=["x"], dynamo=False)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda pixels: np.asarray(session.run(None, {"x": pixels})[0])


ENGINES: dict[str, Callable[[nn.Module, Floats], Engine]] = {
    "PyTorch, float32": partial(pytorch, dtype=torch.float32),
    "PyTorch, bfloat16": partial(pytorch, dtype=torch.bfloat16),
    "torch.compile, float32": partial(pytorch, dtype=torch.float32, compiled=True),
    "torch.compile, bfloat16": partial(pytorch, dtype=torch.bfloat16, compiled=True),
    "ONNX Runtime, float32": onnx_runtime,
    **{f"OpenVINO, {name}": partial(openvino, precision=name) for name in (*PRECISIONS, INT8)},
    "OpenVINO, int8, calibrated": openvino_int8,
}


def measure_engine(engine: str, images: Floats, threads: int) -> Row:
    """Measure the milliseconds of each part, and the median cosine to PyTorch's float32."""
    torch.set_num_threads(threads)
    milliseconds, cosine = dict[str, float](), dict[str, float]()
    for part, batch in PARTS.items():
        model = BenchmarkModel("rpf-base", None).load()
        backbone = part.startswith("backbone")
        module = model.region.trunk if backbone else model.patch.vit  # type: ignore[union-attr]
        pixels = images[:batch]
        expected = module(torch.from_numpy(pixels)).numpy()
        run = partial(ENGINES[engine](module, images), pixels)
        output = run()
        axis = 1 if backbone else -1  # of channels, or of a token's dimensions
        norms = np.linalg.norm(output, axis=axis) * np.linalg.norm(expected, axis=axis)
        cosine[part] = float(np.median((output * expected).sum(axis=axis) / norms))
        run()
        seconds: list[float] = []
        while len(seconds) < MIN_ROUNDS or sum(seconds) < MIN_SECONDS:
            seconds.append(timed(run)[1])
        milliseconds[part] = 1e3 * median(seconds)
    return {"milliseconds": milliseconds, "cosine": cosine}


def measure(paths: Sequence[Path], engines: Sequence[str], earlier: Path, progress: Progress) -> dict[str, Any]:
    """Measure the engines with these images; return the report. The figures of others are taken from the file
    `earlier` where it exists."""
    threads = usable_cores()
    squares = [np.asarray(centre_square(open_image(path), SIDE)) for path in paths[:CALIBRATION_IMAGES]]
    images = ((np.stack(squares) / 255 - MEAN) / STD).transpose(0, 3, 1, 2).astype(np.float32).copy()
    rows = {row["engine"]: row for row in read_json(earlier).get("engines", ())}
    for at, engine in enumerate(engines):
        progress(engine, at, len(engines))
        try:
            figures = in_process(LIMIT_SECONDS, threads, measure_engine, engine, images, threads)
        except Unfinished as reason:
            figures = {"unfinished": str(reason)}
        rows[engine] = {"engine": engine, **figures}
    ordered = [rows[engine] for engine in ENGINES if engine in rows]
    return {"machine": machine(), "threads": threads, "engines": ordered}


def as_markdown(report: dict[str, Any]) -> list[str]:
    """Format a report as lines of Markdown."""
    about = report["machine"]
    columns = {part: f"{{milliseconds[{part}]:.1f}} ({{cosine[{part}]:.4f}})" for part in PARTS}
    return [
        "# Inference engines", "",
        f"rpf-base at {SIDE} pixels; {about['processor']}, {report['threads']} threads; torch {about['torch']}, "
        f"openvino {about['openvino']}. Medians of at least {MIN_ROUNDS} runs and {MIN_SECONDS:.0f} seconds, in ms; in "
        "brackets the median cosine to float32.", "",
        *table(report["engines"], {"engine": "{engine}", **columns}),
    ]  # fmt: skip
