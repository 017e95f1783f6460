"""Prometheus metrics: requests by route template and status, and how long they took. No label is an id.

A scrape reaches any one of the API's processes. Under ``zhihao serve`` each writes its counts into a folder
they share (``PROMETHEUS_MULTIPROC_DIR``), and whoever is scraped answers for all, those that fell included.
"""

import os

from litestar import Response, get
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

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


@get("/metrics", include_in_schema=False, sync_to_thread=False)
def metrics() -> Response[bytes]:
    """What Prometheus scrapes."""
    return Response(generate_latest(REGISTRY), media_type=CONTENT_TYPE_LATEST)
