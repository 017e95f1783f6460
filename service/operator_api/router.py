"""Door 4: operators, the accounts that the settings name."""

from litestar import Router

router = Router(path="/operator/v1", route_handlers=[], tags=["operators"])
