"""Payout accounts are looked at again in turn: what happens on them is in no list of our own events."""

from datetime import timedelta

import structlog

from billing.payouts import accounts
from billing.processor.port import ProcessorObjectMissing, ProcessorRefused, ProcessorUnavailable
from service.usecases.context import Context
from service.usecases.settle_account import forget_account, settle_account

log = structlog.get_logger(__name__)

TAKEN_AWAY = "account_invalid"
"""Stripe's word for an account that its owner disconnected."""


async def sweep_payout_accounts(context: Context) -> None:
    """Writes how the accounts stand that were not looked at for longest: a lost event is made up for."""
    settings = context.settings
    async with context.database.transaction() as session:
        unseen = await accounts.claim_unseen(
            session,
            older_than=timedelta(seconds=settings.payout_account_check_seconds),
            limit=settings.payout_account_batch,
        )
    for stripe_account_id in unseen:
        try:
            await settle_account(context, stripe_account_id=stripe_account_id)
        except ProcessorRefused as refusal:
            if isinstance(refusal, ProcessorObjectMissing) or refusal.code == TAKEN_AWAY:
                await forget_account(context, stripe_account_id=stripe_account_id)
                log.warning("payout_account.gone", stripe_account=stripe_account_id)
            else:
                log.error("payout_account.refused", stripe_account=stripe_account_id, reason=str(refusal))
        except ProcessorUnavailable as error:
            log.warning("payout_accounts.not_seen", error=str(error))
            return
