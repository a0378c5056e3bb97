"""Ways to run the published networks (rpf-base) on a CPU, side by side, each in a process of its own:

    pip install onnx onnxruntime onnxscript nncf        # what is not installed stands in the table as such
    python -m benchmarks.inference.measure data/clothing/images --out benchmarks/inference

Weights are from a fixed seed. int8 is calibrated with photos of the folder.
"""

import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import click
import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from benchmarks.common.process import Unfinished, in_process
from benchmarks.inference.procedures import Weights
from benchmarks.search.measure import machine
from rpf.cli.output import say
from rpf.images.decode import centre_square, open_image
from rpf.inference.openvino import INT8, PRECISIONS, CompiledNetwork, convert, quantize_weights
from rpf.ingest.scan import find_images
from rpf.utils.cores import usable_cores
from rpf.utils.files import write_atomic

SIDE, CALIBRATION = 224, 64
ROUNDS, SECONDS = 15, 5.0  # at least
PARTS = {"trunk, 1 picture": 1, "transformer, 3 crops": 3, "transformer, 8 crops": 8}
Floats = npt.NDArray[np.float32]
Run = Callable[[Floats], Floats]


def pytorch(module: nn.Module, photos: Floats, dtype: torch.dtype, compiled: bool = False) -> Run:
    """PyTorch as it is, or by its compiler with weights frozen."""
    module = module.to(dtype)
    if compiled:
        import torch._inductor.config as inductor

        inductor.freezing = True
        module = torch.compile(module, dynamic=False)  # type: ignore[assignment]
    return lambda pixels: module(torch.from_numpy(pixels).to(dtype)).float().numpy()


def openvino(module: nn.Module, photos: Floats, precision: str) -> Run:
    """What the program uses."""
    graph = convert(module, SIDE)
    if precision == INT8:
        graph, precision = quantize_weights(graph), "bfloat16"
    compiled = CompiledNetwork(graph, precision, torch.get_num_threads())
    return lambda pixels: compiled(torch.from_numpy(pixels)).numpy()


def openvino_int8(module: nn.Module, photos: Floats) -> Run:
    """Weights and activations of 8 bits, the transformer's as NNCF advises for transformers."""
    import nncf
    import openvino as ov

    data = nncf.Dataset([photo[None] for photo in photos])
    kind = nncf.ModelType.TRANSFORMER if hasattr(module, "blocks") and hasattr(module, "patch_embed") else None
    graph = nncf.quantize(convert(module, photos.shape[-1]), data, model_type=kind, subset_size=len(photos))
    options = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": str(torch.get_num_threads())}
    request = ov.Core().compile_model(graph, "CPU", options).create_infer_request()
    return lambda pixels: np.array(request.infer([pixels])[0])


def onnx_runtime(module: nn.Module, photos: Floats, int8: bool = False) -> Run:
    """float32, or weights of 8 bits and activations by their range at run time."""
    import tempfile

    import onnxruntime

    folder = Path(tempfile.mkdtemp())
    path = folder / "model.onnx"
    example = torch.zeros(2, 3, SIDE, SIDE)
    torch.onnx.export(module, (example,), path, dynamic_axes={"x": {0: "n"}}, input_names=["x"], dynamo=False)
    if int8:
        from onnxruntime.quantization import quantize_dynamic

        quantize_dynamic(path, folder / "int8.onnx")
        path = folder / "int8.onnx"
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda pixels: np.asarray(session.run(None, {"x": pixels})[0])


ENGINES: dict[str, Callable[[nn.Module, Floats], Run]] = {
    "PyTorch, float32": lambda module, photos: pytorch(module, photos, torch.float32),
    "PyTorch, bfloat16": lambda module, photos: pytorch(module, photos, torch.bfloat16),
    "torch.compile, float32": lambda module, photos: pytorch(module, photos, torch.float32, compiled=True),
    "torch.compile, bfloat16": lambda module, photos: pytorch(module, photos, torch.bfloat16, compiled=True),
    "ONNX Runtime, float32": onnx_runtime,
    "ONNX Runtime, int8": lambda module, photos: onnx_runtime(module, photos, int8=True),
    **{f"OpenVINO, {name}": partial(openvino, precision=name) for name in (*PRECISIONS, INT8)},
    "OpenVINO, int8, calibrated": openvino_int8,
}


def measure(engine: str, photos: Floats, threads: int) -> dict[str, Any]:
    """Milliseconds of each part, and the median cosine to PyTorch's float32."""
    torch.set_num_threads(threads)
    made: dict[str, Any] = {"milliseconds": {}, "cosine": {}}
    for part, batch in PARTS.items():
        model = Weights("rpf-base", None).load()
        module = model.region.trunk if part.startswith("trunk") else model.patch.vit  # type: ignore[union-attr]
        expected = module(torch.from_numpy(photos[:batch])).numpy()
        run = ENGINES[engine](module, photos)
        found = run(photos[:batch])
        axis = 1 if part.startswith("trunk") else -1  # of channels, or of a token's numbers
        lengths = np.linalg.norm(found, axis=axis) * np.linalg.norm(expected, axis=axis)
        made["cosine"][part] = float(np.median((found * expected).sum(axis=axis) / lengths))
        run(photos[:batch])
        times: list[float] = []
        while len(times) < ROUNDS or sum(times) < SECONDS:
            began = time.perf_counter()
            run(photos[:batch])
            times.append(time.perf_counter() - began)
        made["milliseconds"][part] = 1e3 * median(times)
    return made


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="Folder for inference.json and inference.md."
)
@click.option("--engines", help="Names separated by semicolons, the others' figures are kept; else all.")
def main(folder: Path, out: Path, engines: str | None) -> None:
    """Measure every way to run rpf-base's trunk and transformer with the photos in FOLDER."""
    threads = usable_cores()
    names = find_images(folder)
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    squares = [
        np.asarray(centre_square(open_image(folder / name), SIDE))
        for name in names[:: max(1, len(names) // CALIBRATION)]
    ]
    photos = ((np.stack(squares[:CALIBRATION]) / 255 - mean) / std).transpose(0, 3, 1, 2).astype(np.float32).copy()
    earlier = json.loads((out / "inference.json").read_bytes())["engines"] if engines else {}
    made: dict[str, Any] = {"machine": machine(), "threads": threads, "engines": earlier}
    for engine in engines.split(";") if engines else ENGINES:
        say(engine, err=True)
        try:
            made["engines"][engine] = in_process(900, threads, measure, engine, photos, threads)
        except Unfinished as why:
            made["engines"][engine] = {"unfinished": str(why)}
    out.mkdir(parents=True, exist_ok=True)
    write_atomic(out / "inference.json", (json.dumps(made, indent=1) + "\n").encode())
    write_atomic(out / "inference.md", as_markdown(made).encode())
    say(*as_markdown(made).splitlines())


def as_markdown(made: dict[str, Any]) -> str:
    """A table."""
    about = made["machine"]
    lines = [
        "# Ways to run the networks on a CPU", "",
        f"rpf-base at 224 pixels; {about['processor']}, {made['threads']} threads; torch {about['torch']}, openvino "
        f"{about['openvino']}. Medians of {ROUNDS} runs, or of {SECONDS:.0f} seconds where those are more, in ms; in "
        "brackets the median cosine to float32.", "",
        "| | " + " | ".join(PARTS) + " |", "|---|" + "---:|" * len(PARTS),
    ]  # fmt: skip
    for engine, row in made["engines"].items():
        if "unfinished" in row:
            lines.append(f"| {engine} | {row['unfinished']} |" + " |" * len(PARTS))
            continue
        cells = [f"{row['milliseconds'][part]:.1f} ({row['cosine'][part]:.4f})" for part in PARTS]
        lines.append(f"| {engine} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
