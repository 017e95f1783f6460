"""Door 1: the creator dashboard."""

from litestar import Router

router = Router(path="/creator/v1", route_handlers=[])
