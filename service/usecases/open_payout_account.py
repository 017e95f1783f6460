"""A creator goes to open, or to complete, the account they are paid on."""

from dataclasses import dataclass
from uuid import UUID

from billing.payouts import accounts
from service.accounts import people
from service.platform.idempotency import Once, claim, forgotten_on_failure, keep
from service.platform.ids import new_id
from service.usecases.context import Context


@dataclass(frozen=True)
class Onboarding:
    """Where the creator tells the processor who they are. The page works once, for some minutes."""

    onboarding_url: str


async def open_payout_account(
    context: Context, *, account_id: UUID, return_url: str, once: Once | None
) -> Onboarding:
    """Sales may start before this is done; payouts wait for it.

    Raises ``ProcessorRefused`` and ``ProcessorUnavailable``.
    """
    async with context.database.transaction() as session:
        if (kept := await claim(session, once, Onboarding)) is not None:
            return kept
        account = await accounts.ensure(session, account_id)
        email = (await people.read(session, account_id)).email
    async with forgotten_on_failure(context.database, once):
        stripe_account_id = account.stripe_account_id
        if stripe_account_id is None:
            made = await context.payments.create_account(
                email=email,
                country=None,
                metadata={"account_id": str(account_id)},
                # Not the account's id alone: a failure that Stripe keeps under a key would last a day.
                idempotency_key=f"acct:{new_id()}",
            )
            async with context.database.transaction() as session:
                await accounts.project(session, account_id=account_id, account=made)
                # Of two that were made at once, the first counts.
                stripe_account_id = (await accounts.ensure(session, account_id)).stripe_account_id or made.id
        url = await context.payments.create_account_link(
            stripe_account_id,
            return_url=return_url,
            refresh_url=return_url,
            idempotency_key=f"link:{new_id()}",
        )
        onboarding = Onboarding(url)
        async with context.database.transaction() as session:
            await keep(session, once, onboarding)
        return onboarding
