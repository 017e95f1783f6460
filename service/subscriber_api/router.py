"""Door 2: readers."""

from litestar import Router

from service.subscriber_api import reading, reports, square

router = Router(path="/v1", route_handlers=[*square.handlers, *reading.handlers, *reports.handlers])
