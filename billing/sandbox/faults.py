"""What can be made to go wrong, by the control routes."""

from dataclasses import dataclass, fields

from billing.sandbox.errors import ApiError


@dataclass
class Faults:
    """Counts are of requests to come; ``delay_seconds`` is what a request in ``timeouts`` waits.

    A request in ``timeouts`` does its work and answers late; one in ``server_errors`` does nothing, and its
    500 is kept for its idempotency key.
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

    def strike(self) -> None:
        """Raises what is due before a request is looked at."""
        if self.outage:
            raise ApiError(503, "The sandbox is in an outage.", type="api_error")
        if self.rate_limited > 0:
            self.rate_limited -= 1
            raise ApiError(429, "Request rate limit exceeded.", code="rate_limit")
        if self.conflicts > 0:
            self.conflicts -= 1
            raise ApiError(
                409,
                "This object cannot be accessed right now because another API request is accessing it.",
                code="lock_timeout",
            )

    def break_work(self) -> None:
        """Raises a 500 that its idempotency key remembers."""
        if self.server_errors > 0:
            self.server_errors -= 1
            raise ApiError(500, "An unknown error occurred.", type="api_error", executed=True)

    def delay(self) -> float:
        """Seconds to wait, after the work, before answering."""
        if self.timeouts > 0:
            self.timeouts -= 1
            return self.delay_seconds
        return 0.0

    def set(self, values: dict[str, object]) -> None:
        """Takes over the named faults. Raises ``ApiError`` 400 for an unknown name or a wrong type."""
        known = {field.name: getattr(self, field.name) for field in fields(self)}
        for name, value in values.items():
            if name not in known:
                raise ApiError(400, f"No such fault: {name}", param=name)
            kind = type(known[name])
            if not isinstance(value, int | float) or isinstance(value, bool) != (kind is bool):
                raise ApiError(400, f"Not a {kind.__name__}: {name}", param=name)
            setattr(self, name, kind(value))
