"""A creator's payout account changed at Stripe."""

from uuid import UUID

from billing.payouts import accounts
from billing.processor import inbox
from billing.processor.inbox import Lane
from service.usecases.context import Context


async def settle_account(context: Context, *, stripe_account_id: str, lane: Lane | None = None) -> str:
    """Writes what the account is now. Raises ``ProcessorUnavailable``, ``ProcessorRefused``, ``LaneLost``."""
    account = await context.payments.retrieve_account(stripe_account_id)
    try:
        account_id = UUID(account.metadata.get("account_id", ""))
    except ValueError:
        return "not ours"
    async with context.database.transaction() as session:
        await inbox.guard(session, lane)
        await accounts.project(session, account_id=account_id, account=account)
    return accounts.status_of(account)


async def forget_account(context: Context, *, stripe_account_id: str, lane: Lane | None = None) -> str:
    """The creator disconnected the account: it can be asked no more. Raises ``LaneLost``."""
    async with context.database.transaction() as session:
        await inbox.guard(session, lane)
        await accounts.disconnected(session, stripe_account_id)
    return "disconnected"
