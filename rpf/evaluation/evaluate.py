"""Evaluation of a model on a benchmark: embed, search with each method, report."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from rpf.evaluation.catalogue import Catalogue
from rpf.evaluation.measure import QueryMetrics, measure
from rpf.evaluation.presence import presence_report
from rpf.evaluation.probabilities import HeadOutputs, value_report
from rpf.evaluation.protocol import Benchmark, Branch, Observer, embed_benchmark
from rpf.evaluation.report import EvaluationReport, make_report
from rpf.models.base import TwoBranchModel
from rpf.search.indexes.registry import make_index
from rpf.utils.progress import Progress

EXACT = "none"  # the method of exact search


def evaluate(
    model: TwoBranchModel,
    benchmark: Benchmark,
    methods: Sequence[str] = (EXACT,),
    k: int | None = None,
    branch: Branch = "both",
    batch_size: int = 64,
    progress: Progress = lambda *_: None,
    about: Mapping[str, Any] | None = None,
    whole_catalogue: bool = False,
    observers: Sequence[Observer] = (),
) -> EvaluationReport:
    """Evaluate a model by one or more search methods. Raises as `embed_benchmark`.

    k: rank of MAP@k and recall@k; without it only the MAP is measured. `about` is added to the report as it is.
    whole_catalogue: also rank all images for each query (rpf.evaluation.catalogue). observers: as of
    `embed_benchmark`.
    """
    extra = dict(about or {})
    heads = HeadOutputs(benchmark, model)
    observers = [*observers, heads.append]
    with ExitStack() as stack:
        if whole_catalogue:
            part = "embedding" if branch == "both" else branch
            dim = model.dim if branch == "both" else model.config.MODEL.EMBED_SIZE
            catalogue = Catalogue.open(benchmark, dim, stack)
            observers.append(
                lambda first, output: catalogue.append(first, getattr(output, part), output.presence, output.values)
            )
        embeddings = embed_benchmark(model, benchmark, branch, batch_size, progress, observers)
        if whole_catalogue:
            classifier = model.value_classifier if branch == "both" else None
            extra |= catalogue.report(classifier.vectors if classifier else None, progress)
    metrics: dict[str, list[QueryMetrics]] = {}
    for name in methods:
        metrics[name], done = [], 0
        progress(f"searching ({name})", done, benchmark.query_count)
        for task in embeddings:
            index = make_index(name)
            try:
                metrics[name].append(measure(task, index, k))
            finally:
                index.discard()
            done += len(task.queries)
            progress(f"searching ({name})", done, benchmark.query_count)
    return make_report(benchmark, metrics, k, {**extra, **presence_report(embeddings), **value_report(heads)})


def overall_map(report: EvaluationReport) -> float:
    """Return the MAP over all queries by exact search, 0 to 1."""
    return float(report["methods"][EXACT]["MAP"]["overall"])
