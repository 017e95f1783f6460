"""Door 4: operators, the accounts that the settings name."""

from litestar import Router

from service.operator_api import moderation

router = Router(path="/operator/v1", route_handlers=[*moderation.handlers], tags=["operators"])
