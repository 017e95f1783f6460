"""Readers report, and operators answer, suspend, restore, and stop payouts."""

from uuid import UUID

from billing.payouts import freezing
from service.accounts import audit, people, reports, sessions
from service.accounts.reports import Report, Status
from service.knowledge import knowledge_bases
from service.knowledge.cards import card_changed
from service.platform.idempotency import Once, claim, keep
from service.platform.jobs import defer
from service.usecases.context import Context


class OperatorsStay(Exception):
    """Operators do not suspend themselves."""


class SuspendedFreeze(Exception):
    """Payouts are frozen with the account's suspension: they go on when that is taken back."""


async def report_knowledge_base(
    context: Context,
    *,
    report_id: UUID,
    knowledge_base_id: UUID,
    reporter_id: UUID,
    reason: str,
    detail: str,
    once: Once | None = None,
) -> Report:
    """Tells the operators. Raises ``KnowledgeBaseNotFound`` for one that is not published."""
    async with context.database.transaction() as session:
        if (kept := await claim(session, once, Report)) is not None:
            return kept
        base = await knowledge_bases.find(session, str(knowledge_base_id))
        if base.status != "published" or base.visibility == "private":
            raise knowledge_bases.KnowledgeBaseNotFound("There is no such knowledge base.")
        made = await reports.create(
            session,
            report_id=report_id,
            knowledge_base_id=knowledge_base_id,
            reporter_id=reporter_id,
            reason=reason,
            detail=detail,
        )
        await keep(session, once, made)
        return made


async def list_reports(
    context: Context,
    *,
    status: Status | None = None,
    reporter_id: UUID | None = None,
    before: UUID | None,
    limit: int,
) -> list[Report]:
    """Newest first."""
    async with context.database.reading() as connection:
        return await reports.list_of(
            connection, status=status, reporter_id=reporter_id, before=before, limit=limit
        )


async def answer_report(
    context: Context,
    *,
    report_id: UUID,
    operator_id: UUID,
    answer: str,
    status: Status,
    once: Once | None = None,
) -> Report:
    """Raises ``ReportNotFound``."""
    async with context.database.transaction() as session:
        if (kept := await claim(session, once, Report)) is not None:
            return kept
        answered = await reports.answer(
            session, report_id=report_id, operator_id=operator_id, text=answer, status=status
        )
        await audit.record(
            session,
            actor_id=operator_id,
            action="report.answered",
            subject=report_id,
            detail={"status": status},
        )
        await keep(session, once, answered)
        return answered


async def suspend_account(
    context: Context, *, account_id: UUID, operator_id: UUID, once: Once | None = None
) -> None:
    """Signs the account out for good, stops its sales and freezes its payouts.

    Its knowledge bases leave the square, its unpaid checkouts are closed, and what its readers have paid for
    runs out as after any unpublishing. API keys belong to organizations, which are more than one person: they
    go on. Raises ``AccountNotFound`` and ``OperatorsStay``.
    """
    if account_id == operator_id:
        raise OperatorsStay("You cannot suspend yourself.")
    async with context.database.transaction() as session:
        if await claim(session, once, bool):
            return
        await keep(session, once, True)
        taken = await knowledge_bases.published_of(session, account_id)
        changed = await people.suspend(session, account_id, knowledge_base_ids=taken)
        if not changed:
            return
        await sessions.end_all(session, account_id=account_id)
        for knowledge_base_id in taken:
            await knowledge_bases.unpublish(session, id=knowledge_base_id)
            await card_changed(session, knowledge_base_id)
            await defer(session, "end_renewals", knowledge_base_id=str(knowledge_base_id))
        await freezing.freeze(session, account_id, "suspended")
        await defer(session, "close_checkouts", creator_id=str(account_id))
        await audit.record(
            session,
            actor_id=operator_id,
            action="account.suspended",
            subject=account_id,
            detail={"knowledge_bases": len(taken)},
        )


async def restore_account(
    context: Context, *, account_id: UUID, operator_id: UUID, once: Once | None = None
) -> None:
    """Lets the account in again, puts back what its suspension took off the square, and lets payouts go on.

    Subscriptions that were told to end with their period still do: only their readers can want them again.
    Raises ``AccountNotFound``.
    """
    async with context.database.transaction() as session:
        if await claim(session, once, bool):
            return
        await keep(session, once, True)
        taken = await people.restore(session, account_id)
        if taken is None:
            return
        await freezing.thaw(session, account_id, "suspended")
        still = await knowledge_bases.get_many(session, taken)
        for knowledge_base_id in still:
            await knowledge_bases.change(session, id=knowledge_base_id, changes={"status": "published"})
            await card_changed(session, knowledge_base_id)
        await audit.record(
            session,
            actor_id=operator_id,
            action="account.restored",
            subject=account_id,
            detail={"knowledge_bases": len(still)},
        )


async def freeze_payouts(
    context: Context, *, account_id: UUID, operator_id: UUID, once: Once | None = None
) -> None:
    """Nothing is paid out to the creator from now on; sales go on. Raises ``AccountNotFound``."""
    async with context.database.transaction() as session:
        if await claim(session, once, bool):
            return
        await keep(session, once, True)
        await people.read(session, account_id)
        if await freezing.freeze(session, account_id, "operator"):
            await audit.record(session, actor_id=operator_id, action="payouts.frozen", subject=account_id)


async def unfreeze_payouts(
    context: Context, *, account_id: UUID, operator_id: UUID, once: Once | None = None
) -> None:
    """Payouts go on. Raises ``AccountNotFound``, and ``SuspendedFreeze`` for a suspended account."""
    async with context.database.transaction() as session:
        if await claim(session, once, bool):
            return
        await keep(session, once, True)
        await people.read(session, account_id)
        if await freezing.thaw(session, account_id, "operator"):
            await audit.record(session, actor_id=operator_id, action="payouts.unfrozen", subject=account_id)
        if await freezing.reasons(session, account_id):
            raise SuspendedFreeze("This account is suspended: restore it, and its payouts go on.")
