"""Door 2: readers."""

from litestar import Router

router = Router(path="/v1", route_handlers=[])
