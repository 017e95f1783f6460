"""Door 2: readers."""

from litestar import Router

from service.subscriber_api import (
    answers,
    changes,
    checkout,
    entitlements,
    outlines,
    purchases,
    reading,
    reports,
    square,
    subscriptions,
    tips,
)

router = Router(
    path="/v1",
    route_handlers=[
        *square.handlers,
        *reading.handlers,
        *changes.handlers,
        *outlines.handlers,
        *answers.handlers,
        *checkout.handlers,
        *subscriptions.handlers,
        *entitlements.handlers,
        *tips.handlers,
        *purchases.handlers,
        *reports.handlers,
    ],
    tags=["readers"],
)
