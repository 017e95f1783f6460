"""A reader tips a creator."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from billing.money import Money
from billing.payouts import accounts
from billing.plans.pricing import check_amount
from billing.processor import intents
from billing.processor.port import CheckoutRequest, LineItem, ProcessorRefused
from billing.subscriptions import checkouts
from billing.subscriptions.checkouts import Terms
from billing.subscriptions.references import Reference
from billing.tips import giving
from billing.tips.giving import TipRefused
from service.accounts import people
from service.knowledge import knowledge_bases, profiles, visits
from service.knowledge.knowledge_bases import KnowledgeBaseNotFound
from service.platform.database import zhihao_now
from service.platform.idempotency import Once, claim, forgotten_on_failure, keep
from service.platform.ids import new_id
from service.usecases.checkout_terms import SUCCESS, tip_terms
from service.usecases.context import Context


class TooManyTips(Exception):
    """This account has begun as many tips as it may in an hour."""

    headers = {"Retry-After": "600"}  # noqa: RUF012 -- read-only, as Exception's own attributes are


@dataclass(frozen=True)
class TipStarted:
    """Where to pay the tip."""

    tip_id: UUID
    checkout_url: str


async def send_tip(
    context: Context,
    *,
    id: UUID,
    account_id: UUID,
    knowledge_base_id: UUID | None,
    handle: str | None,
    price: Money,
    message: str | None,
    anonymous: bool,
    success_url: str | None,
    cancel_url: str | None,
    once: Once | None,
) -> TipStarted:
    """Opens a payment page for a tip to the owner of the knowledge base, or of the handle.

    Raises ``InvalidAmount``, ``KnowledgeBaseNotFound``, ``ProfileNotFound``, ``TipRefused``,
    ``TooManyTips``, ``SalesStopped``, ``ProcessorRefused`` and ``ProcessorUnavailable``.
    """
    settings = context.settings
    check_amount(
        price, least=Money(settings.minimum_charge, settings.currency), most=settings.plan_max_amount
    )
    checkout_id = new_id()
    terms = Terms(settings.terms_version, tip_terms())
    async with context.database.transaction() as session:
        if (kept := await claim(session, once, TipStarted)) is not None:
            return kept
        creator_id = await _creator(session, knowledge_base_id, handle)
        await accounts.check_selling(session, creator_id, days=settings.onboarding_days)
        hour_ago = await zhihao_now(session) - timedelta(hours=1)
        if await giving.begun_since(session, account_id=account_id, since=hour_ago) >= settings.tips_per_hour:
            raise TooManyTips("That is enough for this hour; try again later.")
        await giving.begin(
            session,
            id=id,
            account_id=account_id,
            creator_id=creator_id,
            knowledge_base_id=knowledge_base_id,
            price=price,
            message=message,
            anonymous=anonymous,
        )
        reference = Reference(
            kind="tip",
            intent_id=checkout_id,
            account_id=account_id,
            creator_id=creator_id,
            knowledge_base_id=knowledge_base_id,
            tip_id=id,
        )
        ref = None
        if knowledge_base_id is not None:
            ref = await visits.last_ref(session, knowledge_base_id=knowledge_base_id, account_id=account_id)
        await checkouts.begin(session, reference, ref=ref, terms=terms)
        await intents.begin(
            session,
            id=checkout_id,
            kind="checkout",
            subject_id=id,
            idempotency_key=f"co:{checkout_id}",
            request=reference.to_metadata(),
        )
        email = (await people.read(session, account_id)).email
    async with forgotten_on_failure(context.database, once):
        public_url = settings.public_url.rstrip("/")
        request = CheckoutRequest(
            mode="payment",
            line_items=[LineItem(amount=price, name="Tip")],
            success_url=success_url or f"{public_url}{SUCCESS}",
            cancel_url=cancel_url or f"{public_url}/checkout/cancelled",
            client_reference_id=str(checkout_id),
            metadata=reference.to_metadata(),
            customer_email=email,
            transfer_group=f"tip:{id}",
            terms=terms.text,
        )
        try:
            page = await context.payments.create_checkout(request, idempotency_key=f"co:{checkout_id}")
        except ProcessorRefused as refused:
            async with context.database.transaction() as session:
                await intents.refused(session, checkout_id, error=str(refused))
                await checkouts.finish(session, checkout_id, "failed")
            raise
        assert page.url is not None, "an open page has an address"
        started = TipStarted(id, page.url)
        async with context.database.transaction() as session:
            await intents.done(session, checkout_id, result_id=page.id)
            await checkouts.opened(session, checkout_id, stripe_session_id=page.id, url=page.url)
            await keep(session, once, started)
        return started


async def _creator(session: AsyncSession, knowledge_base_id: UUID | None, handle: str | None) -> UUID:
    """Whom the tip is for: somebody with something published."""
    if knowledge_base_id is not None:
        base = await knowledge_bases.find(session, str(knowledge_base_id))
        if base.status != "published" or base.visibility == "private":
            raise KnowledgeBaseNotFound("There is no such knowledge base.")
        return base.owner_id
    creator_id = (await profiles.find_by_handle(session, handle or "")).account_id
    if not await knowledge_bases.published_of(session, creator_id):
        raise TipRefused("Tips go to creators who have published something.")
    return creator_id
