"""Effect of the inference precision on the rankings of labelled images."""

from pathlib import Path
from typing import Any

from benchmarks.common.machine import describe, machine
from benchmarks.common.report import Row, table
from rpf.config import Config
from rpf.evaluation.agreement import CollectedOutputs, compare_outputs
from rpf.evaluation.evaluate import evaluate, overall_map
from rpf.evaluation.protocol import read_benchmark
from rpf.inference.compiled_network import PRECISIONS
from rpf.inference.openvino import INT8, compile_branches, has_bfloat16
from rpf.inference.quantization import QuantizedNetworks, compared_results, read_quantized
from rpf.models import checkpoint

COLUMNS = {
    "precision": "{precision}",
    "MAP": "{map:.2f}",
    "median cosine": "{median_cosine:.6f}",
    "1st percentile": "{lowest_percent_cosine:.5f}",
    "crop boxes with IoU over 0.9": "{close_boxes:.1%}",
    "the same first results": "{shared_results:.1%}",
}


def measure(config: Config, split: str, weights: Path) -> dict[str, Any]:
    """Measure MAP, cosines, crop boxes and first results in each precision beside float32; return the report.

    Without bfloat16 where the processor has none; with calibrated 8 bits where they are beside the checkpoint.
    """
    benchmark = read_benchmark(config.DATA, split)
    names = [name for name in (*PRECISIONS, INT8) if name != "bfloat16" or has_bfloat16()]
    runs: list[tuple[str, QuantizedNetworks | None]] = [(name, None) for name in names]
    if quantized := read_quantized(weights, checkpoint.load(weights)):
        runs.append((INT8, quantized))
    rows, exact = list[Row](), CollectedOutputs()
    for precision, networks in runs:
        model, outputs = checkpoint.load(weights), CollectedOutputs() if rows else exact
        used = compile_branches(model, precision, 0, quantized=networks)
        score = 100 * overall_map(evaluate(model, benchmark, observers=[outputs.append]))
        agreement = compare_outputs(exact, outputs).model_dump(exclude={"images", "maps"})
        rows.append({"precision": used, "map": score, **agreement})
    return {
        "machine": machine(),
        "checkpoint": weights.parent.name,
        "split": split,
        "images": len(benchmark.paths),
        "precisions": rows,
    }


def as_markdown(report: dict[str, Any]) -> list[str]:
    """Format a report as lines of Markdown."""
    return [
        "# Precision", "",
        f"{describe(report['machine'])}.", "",
        f"{report['checkpoint']}, {report['images']} images of the split {report['split']}, all attributes, beside "
        "float32. The cosines are of the embeddings. First results are the "
        f"{compared_results(report['images'])} most similar of the other images.", "",
        *table(report["precisions"], COLUMNS),
    ]  # fmt: skip
