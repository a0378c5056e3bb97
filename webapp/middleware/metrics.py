"""/metrics for Prometheus: what is asked, how long it takes and where, and what waits."""

import time
from collections.abc import Iterator

from flask import Flask, Response, g, request
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from webapp.engine_loader import EngineLoader
from webapp.middleware import request_log

SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


class Metrics:
    """The counters of one process."""

    def __init__(self, holder: EngineLoader) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "rpf_requests", "Requests answered.", ("route", "method", "status"), registry=self.registry
        )
        self.request_seconds = Histogram(
            "rpf_request_seconds", "Time of a whole request.", ("route",), buckets=SECONDS, registry=self.registry
        )
        self.stage_seconds = Histogram(
            "rpf_stage_seconds",
            "Time of decoding a picture, of a pass of the model (for one picture or more), of ranking.",
            ("stage",),
            buckets=SECONDS,
            registry=self.registry,
        )
        ProcessCollector(registry=self.registry)
        self.registry.register(_Engine(holder))
        holder.observe = lambda stage, seconds: self.stage_seconds.labels(stage).observe(seconds)


class _Engine(Collector):
    """What the engine says of itself when it is asked."""

    def __init__(self, holder: EngineLoader) -> None:
        self._holder = holder

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily("rpf_ready", "Whether the engine can search.", float(self._holder.ready))
        if not self._holder.ready:
            return
        load = self._holder.engine.load()
        yield GaugeMetricFamily("rpf_queue", "Pictures that wait for the model or are in it.", load.pending)
        cache = CounterMetricFamily("rpf_embeddings", "Queries by whether their picture was known.", labels=["known"])
        cache.add_metric(["yes"], load.cache_hits)
        cache.add_metric(["no"], load.cache_misses)
        yield cache
        items = GaugeMetricFamily("rpf_collection_items", "Items of a collection.", labels=["collection"])
        for name in self._holder.engine.names():
            items.add_metric([name], len(self._holder.engine.collection(name)))
        yield items


def init_app(app: Flask, holder: EngineLoader) -> None:
    """Count from now on, and serve the counts at /metrics. After `request_log.init_app`."""
    counted = Metrics(holder)

    def ended(response: Response) -> Response:
        route = request.url_rule.rule if request.url_rule else "none"
        counted.requests.labels(route, request_log.method(), response.status_code).inc()
        counted.request_seconds.labels(route).observe(time.perf_counter() - g.began)
        return response

    def metrics() -> Response:
        return Response(generate_latest(counted.registry), content_type="text/plain; version=0.0.4; charset=utf-8")

    app.after_request(ended)
    app.add_url_rule("/metrics", view_func=metrics)
