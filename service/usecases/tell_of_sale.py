"""A payment succeeded: its creator's endpoints hear of it, and whoever paid gets a receipt."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from billing.ledger.splitting import Split
from billing.money import Money
from billing.processor.port import Charge
from billing.subscriptions.sales import Sold
from billing.tips import giving
from service.knowledge import knowledge_bases, profiles
from service.knowledge.profiles import ProfileNotFound
from service.mail import letters
from service.outgoing.events import announce


async def tell_of_sale(
    session: AsyncSession, sale_id: UUID, *, sold: Sold, charge: Charge, tax: int, split: Split
) -> None:
    """In the transaction that recorded the sale. Who paid is told to nobody."""
    assert sold.creator_id is not None, "a metered invoice is told otherwise"
    await announce(
        session,
        "sale.created",
        account_id=sold.creator_id,
        object_id=sale_id,
        data={
            "id": sale_id,
            "kind": sold.kind,
            "knowledge_base_id": sold.knowledge_base_id,
            "plan_id": sold.plan_id,
            "subscription_id": sold.subscription_id,
            "tip_id": sold.tip_id,
            "price": charge.presented,
            "earned": Money(split.creators.get(sold.creator_id, 0), charge.settled.currency),
            "paid_at": charge.paid_at,
        },
    )
    if sold.tip_id is not None:
        await announce(
            session,
            "tip.received",
            account_id=sold.creator_id,
            object_id=sold.tip_id,
            data={
                "id": sold.tip_id,
                "sale_id": sale_id,
                "knowledge_base_id": sold.knowledge_base_id,
                "price": charge.presented,
                "message": await giving.message_of(session, sold.tip_id),
                "paid_at": charge.paid_at,
            },
        )
    if sold.account_id is not None:
        await _write_receipt(session, sale_id, sold.account_id, sold=sold, charge=charge, tax=tax)


async def title_of_base(session: AsyncSession, knowledge_base_id: UUID | None) -> str | None:
    """What letters call a knowledge base, while there is one."""
    if knowledge_base_id is None:
        return None
    base = (await knowledge_bases.get_many(session, [knowledge_base_id])).get(knowledge_base_id)
    return None if base is None else base.title


async def _write_receipt(
    session: AsyncSession, sale_id: UUID, account_id: UUID, *, sold: Sold, charge: Charge, tax: int
) -> None:
    assert sold.creator_id is not None
    try:
        creator: str | None = (await profiles.get_profile(session, sold.creator_id)).name
    except ProfileNotFound:
        creator = None
    await letters.write(
        session,
        "receipt",
        account_id=account_id,
        key=f"receipt:{sale_id}",
        facts={
            "title": await title_of_base(session, sold.knowledge_base_id) or creator or "知號 Zhihao",
            "what": sold.kind,
            "creator": creator,
            "amount": charge.presented.amount,
            "currency": charge.presented.currency,
            "tax": tax or None,
            "paid_at": charge.paid_at.isoformat(),
            "period_start": _moment(sold.period_start),
            "period_end": _moment(sold.period_end),
            "number": str(sale_id),
        },
    )


def _moment(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
