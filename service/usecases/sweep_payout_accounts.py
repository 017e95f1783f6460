"""Payout accounts are looked at again in turn: what happens on them is in no list of our own events."""

from datetime import timedelta

import structlog

from billing.payouts import accounts
from billing.processor.port import ProcessorObjectMissing, ProcessorRefused, ProcessorUnavailable
from service.usecases.context import Context
from service.usecases.settle_account import forget_account, settle_account

log = structlog.get_logger(__name__)

UNSEEN_FOR = timedelta(minutes=4)
ACCOUNTS_AT_ONCE = 100
TAKEN_AWAY = "account_invalid"
"""Stripe's word for an account that its owner disconnected."""


async def sweep_payout_accounts(context: Context) -> None:
    """Writes how the accounts stand that were not looked at for longest: a lost event is made up for."""
    async with context.database.transaction() as session:
        unseen = await accounts.unseen(session, older_than=UNSEEN_FOR, limit=ACCOUNTS_AT_ONCE)
    for stripe_account_id in unseen:
        try:
            await settle_account(context, stripe_account_id=stripe_account_id)
        except ProcessorRefused as refusal:
            if isinstance(refusal, ProcessorObjectMissing) or refusal.code == TAKEN_AWAY:
                await forget_account(context, stripe_account_id=stripe_account_id)
                log.warning("payout_account.gone", stripe_account=stripe_account_id)
        except ProcessorUnavailable as error:
            log.warning("payout_accounts.not_seen", error=str(error))
            return
