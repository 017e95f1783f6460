"""Door 4: operators, the accounts that the settings name."""

from litestar import Router
from litestar.di import Provide

from service.operator_api import (
    books,
    dead_letters,
    disputes,
    health,
    moderation,
    payouts,
    pools,
    rates,
    sales,
)

router = Router(
    path="/operator/v1",
    route_handlers=[
        *moderation.handlers,
        *rates.handlers,
        *pools.handlers,
        *payouts.handlers,
        *books.handlers,
        *sales.handlers,
        *disputes.handlers,
        *dead_letters.handlers,
        *health.handlers,
    ],
    dependencies={"wanted": Provide(books.provide_filter, sync_to_thread=False)},
    tags=["operators"],
)
