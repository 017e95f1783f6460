"""One call of the Stripe SDK: its parameters, its options, its answer, its errors as the port's."""

from collections.abc import Awaitable
from datetime import datetime
from typing import Any, cast

import stripe

from billing.processor.port import (
    ProcessorFailureKept,
    ProcessorObjectMissing,
    ProcessorRefused,
    ProcessorUnavailable,
)

# Ids, sizes and durations of our requests are nobody's business.
stripe.enable_telemetry = False


def present(**params: Any) -> Any:
    """Parameters of a request, without those that are None. Typed by the SDK's contract in the tests."""
    return {name: value for name, value in params.items() if value is not None}


def once(idempotency_key: str) -> stripe.RequestOptions:
    return {"idempotency_key": idempotency_key}


def seconds(moment: datetime) -> int:
    return int(moment.timestamp())


async def asked(request: Awaitable[stripe.StripeObject], *, for_json: bool = False) -> dict[str, Any]:
    """The answer as a plain dictionary; Stripe's errors as the port's."""
    try:
        return (await request).to_dict(for_json=for_json)
    except stripe.StripeError as error:
        raise _translated(error) from error


async def asked_plainly(request: Awaitable[stripe.StripeResponse]) -> dict[str, Any]:
    """The answer as it was sent, for a raw request; Stripe's errors as the port's."""
    try:
        answer = cast(dict[str, Any], (await request).data)
    except stripe.StripeError as error:
        raise _translated(error) from error
    return answer


def _translated(error: stripe.StripeError) -> Exception:
    message = error.user_message or str(error)
    status = error.http_status
    if status == 404:
        return ProcessorObjectMissing(message, error.code)
    if isinstance(error, stripe.IdempotencyError) and status != 409:
        return ProcessorRefused(message, error.code or "idempotency_error")
    if status is not None and status >= 500 and _replayed(error):
        return ProcessorFailureKept(message)
    if status is None or status >= 500 or status in {401, 409, 429}:
        # 401 is our own key being wrong, which the caller can only wait out; 409 is another request on
        # the same object or key.
        return ProcessorUnavailable(message)
    return ProcessorRefused(message, error.code)


def _replayed(error: stripe.StripeError) -> bool:
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    return headers.get("idempotent-replayed") == "true"
