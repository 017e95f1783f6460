"""A reader goes to pay for a plan: a subscription, or a prepaid pass."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from billing.payouts import accounts
from billing.plans import catalog
from billing.plans.catalog import Offer, PlanFact, PlanNotFound
from billing.processor import customers, intents
from billing.processor.customers import Customer
from billing.processor.port import CheckoutRequest, LineItem, ProcessorRefused
from billing.subscriptions import checkouts, projecting
from billing.subscriptions.checkouts import OpenCheckout, Terms
from billing.subscriptions.projecting import AlreadySubscribed
from billing.subscriptions.references import Reference
from service.accounts import people
from service.knowledge import knowledge_bases, visits
from service.knowledge.knowledge_bases import KnowledgeBaseNotFound
from service.platform.idempotency import Once, claim, forgotten_on_failure, keep
from service.platform.ids import new_id
from service.usecases.checkout_terms import SUCCESS, pass_terms, subscription_terms
from service.usecases.context import Context
from service.usecases.settle_checkout import settle_checkout


class OwnKnowledgeBase(Exception):
    """Its owner has no need to buy it."""


class CheckoutReplaced(Exception):
    """A later checkout of the same reader took this one's place before its page was there."""


@dataclass(frozen=True)
class CheckoutStarted:
    """Where to pay. Nothing is granted before it is paid."""

    checkout_url: str
    session_id: str


@dataclass(frozen=True)
class _Begun:
    reference: Reference
    offer: Offer
    customer: Customer
    email: str
    replaced: list[OpenCheckout]
    trial_days: int
    terms: Terms


async def start_subscription(
    context: Context,
    *,
    account_id: UUID,
    knowledge_base_id: UUID,
    plan_id: UUID,
    success_url: str | None,
    cancel_url: str | None,
    once: Once | None,
    visitor: str | None = None,
) -> CheckoutStarted:
    """Opens a payment page, in place of one the reader left unpaid.

    ``visitor`` is the mark of the reader's browser, if a shared link gave it one.

    Raises ``KnowledgeBaseNotFound``, ``PlanNotFound``, ``OwnKnowledgeBase``, ``AlreadySubscribed``,
    ``CheckoutReplaced``, ``SalesStopped``, ``ProcessorRefused`` and ``ProcessorUnavailable``.
    """
    reference_id = new_id()
    async with context.database.transaction() as session:
        if (kept := await claim(session, once, CheckoutStarted)) is not None:
            return kept
        begun = await _begin(
            session,
            id=reference_id,
            account_id=account_id,
            knowledge_base_id=knowledge_base_id,
            plan_id=plan_id,
            visitor=visitor,
            terms_version=context.settings.terms_version,
        )
        assert begun.reference.creator_id is not None, "a knowledge base has an owner"
        days = context.settings.onboarding_days
        await accounts.check_selling(session, begun.reference.creator_id, days=days)
    async with forgotten_on_failure(context.database, once):
        customer_id = await _customer(context, begun)
        for old in begun.replaced:
            await _close(context, old)
        public_url = context.settings.public_url.rstrip("/")
        recurs = begun.offer.plan.interval != "once"
        request = CheckoutRequest(
            mode="subscription" if recurs else "payment",
            line_items=[LineItem(price_id=begun.offer.stripe_price_id)],
            success_url=success_url or f"{public_url}{SUCCESS}",
            cancel_url=cancel_url or f"{public_url}/checkout/cancelled",
            client_reference_id=str(reference_id),
            metadata=begun.reference.to_metadata(),
            customer_id=customer_id,
            trial_days=begun.trial_days if recurs else 0,
            transfer_group=None if recurs else f"pass:{reference_id}",
            terms=begun.terms.text,
            require_agreement=context.settings.terms_required,
        )
        try:
            page = await context.payments.create_checkout(request, idempotency_key=f"co:{reference_id}")
        except ProcessorRefused as refused:
            async with context.database.transaction() as session:
                await intents.refused(session, reference_id, error=str(refused))
                await checkouts.finish(session, reference_id, "failed")
            raise
        assert page.url is not None, "an open page has an address"
        async with context.database.transaction() as session:
            await intents.done(session, reference_id, result_id=page.id)
            current = await checkouts.opened(session, reference_id, stripe_session_id=page.id, url=page.url)
            started = CheckoutStarted(page.url, page.id)
            if current:
                await keep(session, once, started)
        if not current:
            await _close(context, OpenCheckout(reference_id, page.id))
            raise CheckoutReplaced("Another checkout was begun meanwhile; pay there.")
        return started


async def _begin(
    session: AsyncSession,
    *,
    id: UUID,
    account_id: UUID,
    knowledge_base_id: UUID,
    plan_id: UUID,
    visitor: str | None,
    terms_version: str,
) -> _Begun:
    base = await knowledge_bases.find(session, str(knowledge_base_id))
    if base.owner_id == account_id:
        raise OwnKnowledgeBase("This knowledge base is yours already.")
    if base.status != "published" or base.visibility == "private":
        raise KnowledgeBaseNotFound("There is no such knowledge base.")
    offer = await catalog.offer_of(session, plan_id=plan_id, knowledge_base_id=knowledge_base_id)
    if offer.plan.status != "active":
        raise PlanNotFound("This plan is not sold any more.")
    replaced = await checkouts.replace_open(
        session, account_id=account_id, knowledge_base_id=knowledge_base_id
    )
    standing = await projecting.live_of(session, account_id=account_id, knowledge_base_id=knowledge_base_id)
    if standing:
        raise AlreadySubscribed("You have a subscription to this knowledge base; change it instead.")
    had_one = await projecting.ever_of(session, account_id=account_id, knowledge_base_id=knowledge_base_id)
    reference = Reference(
        kind="pass" if offer.plan.interval == "once" else "subscription",
        intent_id=id,
        account_id=account_id,
        creator_id=base.owner_id,
        knowledge_base_id=knowledge_base_id,
        plan_id=plan_id,
        price_id=offer.price_id,
    )
    ref = await visits.last_ref(
        session, knowledge_base_id=knowledge_base_id, account_id=account_id, visitor=visitor
    )
    # One trial a reader and knowledge base.
    trial_days = 0 if had_one else offer.plan.trial_days
    terms = Terms(terms_version, _terms(offer.plan, trial_days))
    await checkouts.begin(session, reference, ref=ref, terms=terms)
    await intents.begin(
        session,
        id=id,
        kind="checkout",
        subject_id=id,
        idempotency_key=f"co:{id}",
        request=reference.to_metadata(),
    )
    return _Begun(
        reference=reference,
        offer=offer,
        customer=await customers.reader(
            session, id=new_id(), account_id=account_id, knowledge_base_id=knowledge_base_id
        ),
        email=(await people.read(session, account_id)).email,
        replaced=replaced,
        trial_days=trial_days,
        terms=terms,
    )


def _terms(plan: PlanFact, trial_days: int) -> str:
    if plan.interval == "once":
        return pass_terms(plan.price, plan.days or 0)
    return subscription_terms(plan.price, plan.interval, trial_days=trial_days)


async def _customer(context: Context, begun: _Begun) -> str:
    known = begun.customer.stripe_customer_id
    if known is not None:
        return known
    reference = begun.reference
    made = await context.payments.create_customer(
        email=begun.email,
        name=None,
        metadata={
            "account_id": str(reference.account_id),
            "knowledge_base_id": str(reference.knowledge_base_id),
        },
        idempotency_key=begun.customer.idempotency_key(reference.intent_id),
    )
    async with context.database.transaction() as session:
        return await customers.named(session, begun.customer.id, stripe_customer_id=made)


async def _close(context: Context, old: OpenCheckout) -> None:
    """Closes a page that was replaced. One that was paid meanwhile counts: raises ``AlreadySubscribed`` if it
    was for a subscription; a pass takes nothing from what is bought next."""
    if old.stripe_session_id is None:
        # Its page was never shown to anybody, or its own request finds it replaced and closes it.
        return
    try:
        await context.payments.expire_checkout(old.stripe_session_id, idempotency_key=f"xp:{new_id()}")
    except ProcessorRefused:
        page = await context.payments.retrieve_checkout(old.stripe_session_id)
        if page.status == "complete" and page.payment_status != "unpaid":
            await settle_checkout(context, session_id=page.id)
            if page.subscription_id is not None:
                raise AlreadySubscribed("The checkout you had open has just been paid.") from None
