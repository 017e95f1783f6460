"""Door 1: the creator dashboard."""

from litestar import Router

from service.creator_api import (
    demand,
    documents,
    earnings,
    imports,
    knowledge_bases,
    outlines,
    packaging,
    payouts,
    plans,
    profile,
    refunds,
    shares,
    sources,
    webhook_endpoints,
)

router = Router(
    path="/creator/v1",
    route_handlers=[
        *profile.handlers,
        *knowledge_bases.handlers,
        *documents.handlers,
        *outlines.handlers,
        *packaging.handlers,
        *demand.handlers,
        *imports.handlers,
        *sources.handlers,
        *plans.handlers,
        *earnings.handlers,
        *payouts.handlers,
        *refunds.handlers,
        *shares.handlers,
        webhook_endpoints.router,
    ],
    tags=["creators"],
)
