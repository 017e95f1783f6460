"""What the sandbox is told at its start."""

from dataclasses import dataclass

API_VERSION = "2026-10-28.endive"
"""The one version of Stripe's API this server speaks: the installed SDK's."""

DAY = 86_400


@dataclass(frozen=True)
class Endpoint:
    """Where events are sent; ``enabled`` are event types, or ``("*",)``. Thin ones get v2 notifications."""

    url: str
    secret: str
    enabled: tuple[str, ...] = ("*",)
    thin: bool = False
    id: str = "we_sandbox"


@dataclass(frozen=True)
class Config:
    """``database_url`` as libpq reads it; ``public_url`` is where people find the hosted pages."""

    database_url: str
    public_url: str
    endpoints: tuple[Endpoint, ...] = ()
    country: str = "US"
    tick_seconds: float = 0.5
    first_retry_seconds: float = 1.0
    longest_retry_seconds: float = 60.0
    delivery_timeout_seconds: float = 10.0
