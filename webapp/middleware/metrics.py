"""Prometheus metrics at /metrics: requests, durations by route and stage, the queue, collections."""

import time
from collections.abc import Iterator

from flask import Flask, Response, g, request
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from webapp.engine_loader import EngineLoader
from webapp.middleware import request_log

BUCKETS_SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


class _EngineCollector(Collector):
    """Metrics of the engine, read when they are scraped."""

    def __init__(self, loader: EngineLoader) -> None:
        self._loader = loader

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily("rpf_ready", "Whether the engine can search.", float(self._loader.ready))
        if not self._loader.ready:
            return
        load = self._loader.engine.load()
        yield GaugeMetricFamily("rpf_queue", "Images that wait for the model or are in it.", load.pending)
        cache = CounterMetricFamily(
            "rpf_embeddings", "Queries by whether their image was in the cache.", labels=["known"]
        )
        cache.add_metric(["yes"], load.cache_hits)
        cache.add_metric(["no"], load.cache_misses)
        yield cache
        items = GaugeMetricFamily("rpf_collection_items", "Items of a collection.", labels=["collection"])
        for name in self._loader.engine.names():
            items.add_metric([name], len(self._loader.engine.collection(name)))
        yield items


def init_app(app: Flask, loader: EngineLoader) -> None:
    """Count requests and stages, and serve the metrics at /metrics. Call it after `request_log.init_app`."""
    registry = CollectorRegistry()
    registry.register(_EngineCollector(loader))
    ProcessCollector(registry=registry)
    requests = Counter("rpf_requests", "Requests answered.", ("route", "method", "status"), registry=registry)
    request_seconds = Histogram(
        "rpf_request_seconds", "Time of a whole request.", ("route",), buckets=BUCKETS_SECONDS, registry=registry
    )
    key_requests = Counter(
        "rpf_api_requests", "Requests answered to a key of the API.", ("key", "route", "status"), registry=registry
    )
    stage_seconds = Histogram(
        "rpf_stage_seconds",
        "Time of decoding an image, of a pass of the model (for one image or more), of ranking.",
        ("stage",),
        buckets=BUCKETS_SECONDS,
        registry=registry,
    )
    loader.observe = lambda stage, seconds: stage_seconds.labels(stage).observe(seconds)

    @app.after_request
    def count(response: Response) -> Response:
        route = request.url_rule.rule if request.url_rule else "none"
        requests.labels(route, request_log.method(), response.status_code).inc()
        request_seconds.labels(route).observe(time.perf_counter() - g.started)
        if key := g.get("api_key"):
            key_requests.labels(key.id, route, response.status_code).inc()
        return response

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(registry), content_type="text/plain; version=0.0.4; charset=utf-8")
