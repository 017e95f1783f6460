"""What can be made to go wrong, by the control routes: so many times, or by chance from a seed."""

import random
from dataclasses import dataclass, field, fields

from billing.sandbox.errors import ApiError

REQUESTS = ("timeout_before", "timeout_after", "conflict", "rate_limited", "server_error")
DELIVERIES = ("lost", "late", "doubled", "shuffled")


@dataclass(frozen=True)
class Fate:
    """What happens to one request. ``cut`` ends its connection with no answer after ``wait`` seconds."""

    server_error: bool = False
    cut: bool = False
    wait: float = 0.0


@dataclass
class Faults:
    """Counts are of requests to come; ``delay_seconds`` is what a request that times out waits.

    A request in ``timeouts`` does its work and answers late; one in ``server_errors`` does nothing, and its
    500 is kept for its idempotency key.

    ``chances`` are probabilities by name, drawn from ``seed`` and the number of the request or delivery, so
    that the same requests in the same order meet the same faults: ``timeout_before`` and ``timeout_after``
    (the work is not done, or done; then the connection is cut, after ``delay_seconds``), ``conflict`` (409),
    ``rate_limited`` (429), ``server_error`` (500, kept); of deliveries ``lost``, ``late`` (by
    ``late_seconds``), ``doubled``, ``shuffled`` (a whole batch).
    """

    outage: bool = False
    rate_limited: int = 0
    conflicts: int = 0
    server_errors: int = 0
    timeouts: int = 0
    delay_seconds: float = 30.0
    doubled: bool = False
    shuffled: bool = False
    held: bool = False
    lost: bool = False
    late_seconds: float = 2.0
    seed: int = 0
    requests: int = 0
    chances: dict[str, float] = field(default_factory=dict)

    def strike(self) -> Fate:
        """Raises what is due before a request is looked at; returns what is to happen to it later."""
        if self.outage:
            raise ApiError(503, "The sandbox is in an outage.", type="api_error")
        drawn = self._drawn()
        if self._spend("rate_limited") or drawn == "rate_limited":
            raise ApiError(429, "Request rate limit exceeded.", code="rate_limit")
        if self._spend("conflicts") or drawn == "conflict":
            raise ApiError(
                409,
                "This object cannot be accessed right now because another API request is accessing it.",
                code="lock_timeout",
            )
        if drawn == "timeout_before":
            raise Cut(self.delay_seconds)
        if self._spend("timeouts"):
            return Fate(wait=self.delay_seconds)
        if drawn == "timeout_after":
            return Fate(cut=True, wait=self.delay_seconds)
        return Fate(server_error=self._spend("server_errors") or drawn == "server_error")

    def _spend(self, name: str) -> bool:
        left: int = getattr(self, name)
        if left > 0:
            setattr(self, name, left - 1)
        return left > 0

    def _drawn(self) -> str | None:
        """The one fault of ``chances`` that meets this request, if any."""
        if not self.chances:
            return None
        self.requests += 1
        at = self.chance("request", self.requests).random()
        for name in REQUESTS:
            at -= self.chances.get(name, 0.0)
            if at < 0:
                return name
        return None

    def meets(self, name: str, delivery: int, attempt: int) -> bool:
        """Whether a try of a delivery is ``lost``, ``late`` or ``doubled``, or a batch ``shuffled``."""
        if getattr(self, name, False) is True:
            return True
        chance = self.chances.get(name, 0.0)
        return chance > 0 and self.chance(name, delivery, attempt).random() < chance

    def chance(self, *about: object) -> random.Random:
        """What is drawn about one thing: the same for the same seed."""
        text = ":".join(map(str, (self.seed, *about)))
        return random.Random(text)  # noqa: S311 - to be drawn again, not to be secret

    def set(self, values: dict[str, object]) -> None:
        """Takes over the named faults. Raises ``ApiError`` 400 for an unknown name or a wrong type."""
        known = {field.name: getattr(self, field.name) for field in fields(self)}
        for name, value in values.items():
            if name not in known:
                raise ApiError(400, f"No such fault: {name}", param=name)
            if name == "chances":
                self.chances = _chances(value)
                continue
            kind = type(known[name])
            if not isinstance(value, int | float) or isinstance(value, bool) != (kind is bool):
                raise ApiError(400, f"Not a {kind.__name__}: {name}", param=name)
            setattr(self, name, kind(value))
        if "seed" in values:
            self.requests = 0


class Cut(Exception):
    """The connection ends with no answer, after so many seconds; nothing was done."""

    def __init__(self, wait: float) -> None:
        super().__init__("the connection was cut")
        self.wait = wait


def _chances(value: object) -> dict[str, float]:
    if not isinstance(value, dict):
        raise ApiError(400, "chances are probabilities by name", param="chances")
    found: dict[str, float] = {}
    for name, chance in value.items():
        if name not in REQUESTS + DELIVERIES:
            raise ApiError(400, f"No such chance: {name}", param="chances")
        if not isinstance(chance, int | float) or isinstance(chance, bool) or not 0 <= chance <= 1:
            raise ApiError(400, f"Not a probability: {name}", param="chances")
        found[name] = float(chance)
    if sum(found.get(name, 0.0) for name in REQUESTS) > 1:
        raise ApiError(400, "The chances of requests add up to more than 1.", param="chances")
    return found
