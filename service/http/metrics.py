"""Prometheus metrics: requests by route template and status, and how long they took. No label is an id.

A scrape reaches any one of the API's processes. Under ``zhihao serve`` each writes its counts into a folder
they share (``PROMETHEUS_MULTIPROC_DIR``), and whoever is scraped answers for all, those that fell included.
How the work stands is asked of the database at the scrape; while it does not answer, the rest is told.
"""

import asyncio
import os
from collections.abc import Iterator, Sequence
from typing import Any

import structlog
from litestar import Request, Response, get
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from service.usecases.context import Context
from service.usecases.read_gauges import Gauge, read_gauges

log = structlog.get_logger(__name__)

PATIENCE_SECONDS = 3.0
REGISTRY = CollectorRegistry()
if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
    MultiProcessCollector(REGISTRY)  # type: ignore[no-untyped-call]  # the package leaves it untyped
else:
    ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)

COUNTS = None if "PROMETHEUS_MULTIPROC_DIR" in os.environ else REGISTRY
"""Counts that are collected from all processes must not be collected from this one once more."""

REQUESTS = Counter(
    "zhihao_http_requests",
    "HTTP requests answered.",
    ("method", "route", "status"),
    registry=COUNTS,
)
SECONDS = Histogram(
    "zhihao_http_request_seconds",
    "From the request's head to the last byte of its answer.",
    ("method", "route"),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
    registry=COUNTS,
)

METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
UNMATCHED = "unmatched"


def observe(method: str, route: str | None, status: int, seconds: float) -> None:
    """Counts one request. A route that does not exist, and a method nobody knows, share one label."""
    labels = (method if method in METHODS else "OTHER", route or UNMATCHED)
    REQUESTS.labels(*labels, str(status)).inc()
    SECONDS.labels(*labels).observe(seconds)


class Standing:
    """Gauges that were just read, as a collector of Prometheus's."""

    def __init__(self, gauges: Sequence[Gauge]) -> None:
        self._gauges = gauges

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for gauge in self._gauges:
            family = GaugeMetricFamily(gauge.name, gauge.help, labels=[gauge.label] if gauge.label else [])
            for value, number in gauge.samples.items():
                family.add_metric([value] if gauge.label else [], number)
            yield family


@get("/metrics", include_in_schema=False)
async def metrics(request: Request[Any, Any, Any]) -> Response[bytes]:
    """What Prometheus scrapes."""
    told = generate_latest(REGISTRY)
    context: Context | None = getattr(request.app.state, "context", None)
    if context is not None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                gauges = await read_gauges(context)
            standing = CollectorRegistry()
            standing.register(Standing(gauges))
            told += generate_latest(standing)
        except Exception as error:  # whatever it is, the counts are still worth having
            log.warning("metrics.without_gauges", error=type(error).__name__)
    return Response(told, media_type=CONTENT_TYPE_LATEST)
