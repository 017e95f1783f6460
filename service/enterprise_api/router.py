"""Door 3: organizations and their keys. People use ``/enterprise/v1``, programs ``/api/v1``, and AI clients
the addresses they know."""

from litestar import Router

from service.enterprise_api import (
    answers,
    contract,
    invoices,
    keys,
    mcp,
    openai_compatible,
    organizations,
    passages,
    usage,
    usage_chart,
    webhook_endpoints,
)

router = Router(
    path="/",
    route_handlers=[
        Router(
            path="/enterprise/v1",
            route_handlers=[
                *organizations.handlers,
                *keys.handlers,
                *contract.handlers,
                *usage.handlers,
                *usage_chart.handlers,
                *invoices.handlers,
                webhook_endpoints.router,
            ],
            tags=["organizations"],
        ),
        Router(path="/api/v1", route_handlers=[*passages.handlers, *answers.handlers], tags=["programs"]),
        openai_compatible.router,
        mcp.router,
    ],
)
