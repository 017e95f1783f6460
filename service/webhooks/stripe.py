"""Stripe's webhooks: verified, stored once, acknowledged. What they mean is worked out later."""

from typing import Any

from litestar import Request, Router, post
from litestar.di import NamedDependency
from msgspec import Struct

from service.usecases.context import Context
from service.usecases.receive_stripe_event import receive_stripe_event

SIGNATURE = "stripe-signature"
SIGNED: dict[str, Any] = {"opt": {"bodies": {"application/json": dict[str, Any]}}}


class Received(Struct):
    """The event is kept, and will be worked."""

    received: bool = True


@post("/stripe", status_code=200, **SIGNED)
async def snapshot(request: Request[Any, Any, Any], context: NamedDependency[Context]) -> Received:
    """Snapshot events. 400 for what Stripe did not sign a short while ago."""
    raw = await request.body()
    signature = request.headers.get(SIGNATURE)
    await receive_stripe_event(context, raw=raw, signature=signature, endpoint="snapshot")
    return Received()


@post("/stripe/thin", status_code=200, **SIGNED)
async def thin(request: Request[Any, Any, Any], context: NamedDependency[Context]) -> Received:
    """Thin events. 400 for what Stripe did not sign a short while ago."""
    raw = await request.body()
    signature = request.headers.get(SIGNATURE)
    await receive_stripe_event(context, raw=raw, signature=signature, endpoint="thin")
    return Received()


router = Router(path="/webhooks", route_handlers=[snapshot, thin])
