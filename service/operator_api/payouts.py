"""Payouts by hand: batches to pay at a bank; and what holds all transfers up."""

from typing import Annotated, Any, Literal
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import Meta, Struct

from service.http.login import Person
from service.http.paging import Page, PageRequest, paged, position_of
from service.http.tables import csv_response, tabled, wants_csv
from service.platform.idempotency import Once
from service.platform.ids import new_id
from service.usecases import pay_by_hand
from service.usecases.context import Context
from service.usecases.pay_by_hand import Batch, BatchWithItems, Block

Text = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"\S")]
COLUMNS = (
    "payout_id",
    "creator_id",
    "name",
    "email",
    "country",
    "details",
    "amount",
    "currency",
    "shown",
    "status",
)


class PaidBody(Struct, forbid_unknown_fields=True, kw_only=True):
    """``reference`` is what the bank calls the payments."""

    reference: Text


class CancelBody(Struct, forbid_unknown_fields=True, kw_only=True):
    """``reason`` is shown to the creator."""

    reason: Text


@post("/payout-batches")
async def make_batch(
    operator: NamedDependency[Person],
    context: NamedDependency[Context],
    once: NamedDependency[Once | None],
) -> Batch:
    """Takes every payout that waits to be made by hand into a batch, which changes no more."""
    return await pay_by_hand.make_batch(context, id=new_id(), operator_id=operator.account_id, once=once)


@get("/payout-batches")
async def list_batches(
    operator: NamedDependency[Person], context: NamedDependency[Context], page: NamedDependency[PageRequest]
) -> Page[Batch]:
    """Newest first."""
    bound = f"batches {operator.account_id}"
    rows = await pay_by_hand.list_batches(context, before=position_of(page, bound), limit=page.limit + 1)
    return paged(rows, page, bound, position=lambda row: row.id)


@get(
    "/payout-batches/{batch_id:uuid}",
    **tabled(BatchWithItems),
)
async def read_batch(
    batch_id: FromPath[UUID],
    request: Request[Any, Any, Any],
    operator: NamedDependency[Person],
    context: NamedDependency[Context],
    format: FromQuery[Literal["json", "csv"] | None] = None,
) -> Response[Any]:
    """Every payment to make, and where to. CSV by Accept or ``format``; amounts in minor units, and shown."""
    found = await pay_by_hand.read_batch(context, batch_id=batch_id, operator_id=operator.account_id)
    if not wants_csv(request, format):
        return Response(found)
    rows = [
        (
            *(str(item.payout_id), str(item.creator_id), item.name, item.email, item.country, item.details),
            *(item.amount.amount, item.amount.currency, str(item.amount), item.status),
        )
        for item in found.items
    ]
    return csv_response(COLUMNS, rows, name=f"payouts-{batch_id}.csv")


@post("/payout-batches/{batch_id:uuid}/paid", status_code=200)
async def mark_paid(
    batch_id: FromPath[UUID],
    data: JSONBody[PaidBody],
    operator: NamedDependency[Person],
    context: NamedDependency[Context],
    once: NamedDependency[Once | None],
) -> Batch:
    """Every payout of the batch that was not cancelled is paid."""
    return await pay_by_hand.mark_paid(
        context, batch_id=batch_id, reference=data.reference, operator_id=operator.account_id, once=once
    )


@post("/payouts/{payout_id:uuid}/cancel", status_code=204)
async def cancel_payout(
    payout_id: FromPath[UUID],
    data: JSONBody[CancelBody],
    operator: NamedDependency[Person],
    context: NamedDependency[Context],
    once: NamedDependency[Once | None],
) -> None:
    """The bank could not make it: what it was for is due again."""
    await pay_by_hand.cancel_payout(
        context, payout_id=payout_id, reason=data.reason, operator_id=operator.account_id, once=once
    )


@get("/payout-blocks")
async def list_blocks(operator: NamedDependency[Person], context: NamedDependency[Context]) -> Page[Block]:
    """While there is one, nothing is transferred to anybody."""
    return Page(data=await pay_by_hand.list_blocks(context))


handlers = [make_batch, list_batches, read_batch, mark_paid, cancel_payout, list_blocks]
