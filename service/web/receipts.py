"""A receipt as a page: proof of an answer, without the answer."""

from uuid import UUID

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from service.usecases.context import Context
from service.usecases.read_receipt import read_receipt
from service.web.rendering import AnyRequest, page


@get("/r/{receipt_id:uuid}")
async def receipt(
    request: AnyRequest, receipt_id: FromPath[UUID], context: NamedDependency[Context]
) -> Response[str]:
    """What anybody may know of it; titles are for its owner, by the API."""
    found = await read_receipt(context, receipt_id=receipt_id, account_id=None)
    return page(request, "receipt.html", receipt=found)


handlers = [receipt]
