"""Stripe-shaped errors: what the SDK turns into its own exception classes."""

from typing import Any


class ApiError(Exception):
    """An answer that is not 2xx.

    ``executed`` says that the work was begun: such an answer belongs to its idempotency key, and is kept.
    ``keeps_work`` says that what was written stands (a declined charge leaves its trace).
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        type: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        executed: bool = False,
        keeps_work: bool = False,
        **more: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.executed = executed or keeps_work
        self.keeps_work = keeps_work
        self.body: dict[str, Any] = {"message": message, "type": type}
        if code is not None:
            self.body["code"] = code
            self.body["doc_url"] = f"https://docs.stripe.com/error-codes/{code.replace('_', '-')}"
        if param is not None:
            self.body["param"] = param
        self.body.update(more)


def invalid(message: str, *, param: str | None = None, code: str | None = None) -> ApiError:
    """400: the parameters make no sense together, or in this state."""
    return ApiError(400, message, param=param, code=code)


def missing_object(kind: str, id: str, param: str = "id") -> ApiError:
    """404: no such object in this account."""
    return ApiError(404, f"No such {kind}: '{id}'", code="resource_missing", param=param)


def missing_param(name: str) -> ApiError:
    """400: a required parameter is not there."""
    return invalid(f"Missing required param: {name}.", param=name, code="parameter_missing")


def unknown_param(name: str) -> ApiError:
    """400: the SDK's own types have no such parameter."""
    return invalid(f"Received unknown parameter: {name}", param=name, code="parameter_unknown")
