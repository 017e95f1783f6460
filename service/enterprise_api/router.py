"""Door 3: organizations and their keys. People use ``/enterprise/v1``, programs ``/api/v1``."""

from litestar import Router

from service.enterprise_api import (
    answers,
    contract,
    invoices,
    keys,
    organizations,
    passages,
    usage,
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
                *invoices.handlers,
                webhook_endpoints.router,
            ],
            tags=["organizations"],
        ),
        Router(path="/api/v1", route_handlers=[*passages.handlers, *answers.handlers], tags=["programs"]),
    ],
)
