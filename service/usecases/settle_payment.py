"""A single payment succeeded: a tip or a prepaid pass."""

from billing.ledger.splitting import settled_tax, split_sale
from billing.processor import inbox
from billing.processor.inbox import Lane
from billing.processor.port import Charge
from billing.rates.take import take_rate_bps
from billing.subscriptions import checkouts, sales
from billing.subscriptions.references import Reference, reference_from
from billing.subscriptions.sales import Sold
from billing.tips import giving
from service.knowledge.cards import card_changed
from service.platform.ids import new_id
from service.usecases.context import Context
from service.usecases.grant_passes import grant_passes
from service.usecases.tell_of_sale import tell_of_sale


async def settle_payment(
    context: Context, *, payment_intent_id: str, lane: Lane | None = None, tax: int | None = None
) -> str:
    """Records the payment and what it bought. ``tax`` is the checkout's, asked for when it is not given.

    An invoice's payment is no concern of this: its invoice says what it was for. Raises
    ``ProcessorUnavailable``, ``LaneLost``.
    """
    charge = await context.payments.retrieve_payment(payment_intent_id)
    if charge is None:
        return "nothing paid"
    reference = reference_from(charge.metadata)
    if reference is None or reference.kind not in {"tip", "pass"} or reference.creator_id is None:
        return "no tip and no pass"
    if tax is None:
        async with context.database.reading() as connection:
            session_id = await checkouts.session_of(connection, reference.intent_id)
        if session_id is None:
            return "left to its checkout"
        tax = (await context.payments.retrieve_checkout(session_id)).tax
    await _sell(context, reference, charge, tax, lane)
    return f"sold a {reference.kind}"


async def _sell(context: Context, reference: Reference, charge: Charge, tax: int, lane: Lane | None) -> None:
    assert reference.creator_id is not None
    async with context.database.transaction() as session:
        await inbox.guard(session, lane)
        take = await take_rate_bps(
            session,
            creator_id=reference.creator_id,
            at=charge.paid_at,
            default=context.settings.take_rate_bps,
        )
        split = split_sale(
            charge.settled.amount,
            tax=settled_tax(charge.settled.amount, charge.presented.amount, tax),
            fee=charge.fee,
            creator_id=reference.creator_id,
            take_rate_bps=take,
        )
        sold = Sold(
            kind="tip" if reference.kind == "tip" else "pass",
            creator_id=reference.creator_id,
            account_id=reference.account_id,
            knowledge_base_id=reference.knowledge_base_id,
            plan_id=reference.plan_id,
            tip_id=reference.tip_id,
            ref=await checkouts.ref_of(session, reference.intent_id),
        )
        sale_id = await sales.record(
            session, id=new_id(), charge=charge, tax=tax, split=split, take_rate_bps=take, sold=sold
        )
        if sale_id is None:
            return
        await checkouts.finish(session, reference.intent_id, "complete")
        if reference.tip_id is not None:
            await giving.paid(session, reference.tip_id, at=charge.paid_at)
        await tell_of_sale(session, sale_id, sold=sold, charge=charge, tax=tax, split=split)
        account_id, base_id, plan_id = reference.account_id, reference.knowledge_base_id, reference.plan_id
        if reference.kind == "pass" and account_id and base_id and plan_id:
            await grant_passes(session, account_id=account_id, knowledge_base_id=base_id)
            await card_changed(session, base_id)
