"""A creator goes to open, or to complete, the account they are paid on; and sees how it stands."""

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from billing.payouts import accounts, reach
from billing.payouts.accounts import PayoutAccountFact, PayoutsManual
from billing.payouts.reach import Method
from service.accounts import people
from service.platform.database import zhihao_now
from service.platform.idempotency import Once, claim, forgotten_on_failure, keep
from service.platform.ids import new_id
from service.platform.sealing import SealBroken, derive_key, seal, unseal
from service.platform.settings import Settings
from service.usecases.context import Context

LINK_KEPT = timedelta(days=1)
_BOUND = b"payout account link"


class LinkBroken(Exception):
    """Not an address that we gave out, or one from long ago."""


@dataclass(frozen=True)
class Onboarding:
    """Where the creator tells the processor who they are. The page works once, for some minutes."""

    onboarding_url: str


@dataclass(frozen=True)
class PayoutAccount:
    """``status`` is none, onboarding, enabled, restricted or disconnected. ``method`` is how payouts are made
    to ``country``: ``transfer`` or ``manual``; null until the account is begun.

    ``sales_stop_at`` is when sales stop, or stopped, unless the account is completed.
    """

    status: str
    country: str | None
    method: Method | None
    requirements: list[str]
    details_given: bool
    payouts_enabled: bool
    frozen: bool
    sales_open: bool
    sales_stop_at: datetime | None


class _Link(msgspec.Struct):
    account_id: UUID
    return_url: str
    until: datetime


async def open_payout_account(
    context: Context, *, account_id: UUID, return_url: str, country: str | None = None, once: Once | None
) -> Onboarding:
    """Sales may start before this is done; payouts wait for it.

    Raises ``InvalidCountry``, ``CountryFixed``, ``PayoutsManual``, ``ProcessorRefused`` and
    ``ProcessorUnavailable``.
    """
    async with context.database.transaction() as session:
        if (kept := await claim(session, once, Onboarding)) is not None:
            return kept
        account = await accounts.ensure(session, account_id)
        if country is not None:
            named = reach.checked(country)
            method = _method(context.settings, named)
            account = await accounts.locate(session, account_id, country=named, method=method, details=None)
        if account.method == "manual":
            raise PayoutsManual(
                f"No transfer reaches {account.country}: payouts there are made by hand."
                " Say where with PUT /creator/v1/payout-account."
            )
    async with forgotten_on_failure(context.database, once):
        onboarding = Onboarding(await _page(context, account, return_url))
        async with context.database.transaction() as session:
            await keep(session, once, onboarding)
        return onboarding


async def refresh_onboarding(context: Context, *, link: str) -> str:
    """A new onboarding page for who followed a link that was used or is over. Raises ``LinkBroken``,
    ``ProcessorRefused`` and ``ProcessorUnavailable``."""
    try:
        sealed = base64.urlsafe_b64decode(link + "=" * (-len(link) % 4))
        given = msgspec.json.decode(unseal(_key(context.settings), sealed, bound=_BOUND), type=_Link)
    except (SealBroken, binascii.Error, ValueError, msgspec.DecodeError):
        raise LinkBroken("There is nothing at this address.") from None
    async with context.database.transaction() as session:
        if given.until < await zhihao_now(session):
            raise LinkBroken("There is nothing at this address any more.")
        account = await accounts.ensure(session, given.account_id)
    return await _page(context, account, given.return_url)


async def locate_payouts(
    context: Context, *, account_id: UUID, country: str, details: str | None
) -> PayoutAccount:
    """Says where the creator lives and, where no transfer reaches, where payouts are to be sent by hand.

    Raises ``InvalidCountry`` and ``CountryFixed``.
    """
    named = reach.checked(country)
    settings = context.settings
    sealed = None
    if details is not None:
        sealed = seal(details_key(settings), details.encode(), bound=account_id.bytes)
    async with context.database.transaction() as session:
        account = await accounts.locate(
            session, account_id, country=named, method=_method(settings, named), details=sealed
        )
        return _view(account, settings, await zhihao_now(session))


async def read_payout_account(context: Context, *, account_id: UUID) -> PayoutAccount:
    """How the creator's account stands, and whether their sales go on."""
    async with context.database.reading() as connection:
        account = await accounts.find(connection, account_id)
        return _view(account, context.settings, await zhihao_now(connection))


def details_key(settings: Settings) -> bytes:
    """What bank details are sealed with, bound to the account's id."""
    return derive_key(settings.secret_key.get_secret_value(), "payout details")


async def _page(context: Context, account: PayoutAccountFact, return_url: str) -> str:
    stripe_account_id = account.stripe_account_id
    if stripe_account_id is None or account.status == "disconnected":
        stripe_account_id = await _create(context, account)
    async with context.database.reading() as connection:
        until = await zhihao_now(connection) + LINK_KEPT
    link = seal(
        _key(context.settings),
        msgspec.json.encode(_Link(account.account_id, return_url, until)),
        bound=_BOUND,
    )
    name = base64.urlsafe_b64encode(link).rstrip(b"=").decode()
    return await context.payments.create_account_link(
        stripe_account_id,
        return_url=return_url,
        refresh_url=f"{context.settings.public_url.rstrip('/')}/creator/v1/payout-account/links/{name}",
        idempotency_key=f"link:{new_id()}",
    )


async def _create(context: Context, account: PayoutAccountFact) -> str:
    async with context.database.transaction() as session:
        email = (await people.read(session, account.account_id)).email
    made = await context.payments.create_account(
        email=email,
        country=account.country,
        metadata={"account_id": str(account.account_id)},
        # Not the account's id alone: a failure that Stripe keeps under a key would last a day.
        idempotency_key=f"acct:{new_id()}",
    )
    async with context.database.transaction() as session:
        await accounts.project(session, account_id=account.account_id, account=made)
        # Of two that were made at once, the first counts.
        return (await accounts.ensure(session, account.account_id)).stripe_account_id or made.id


def _key(settings: Settings) -> bytes:
    return derive_key(settings.secret_key.get_secret_value(), "payout account link")


def _method(settings: Settings, country: str) -> Method:
    return reach.method_of(country, platform_country=settings.platform_country)


def _view(account: PayoutAccountFact | None, settings: Settings, now: datetime) -> PayoutAccount:
    if account is None:
        return PayoutAccount("none", None, None, [], False, False, False, True, None)
    stop = account.sales_stop_at(days=settings.onboarding_days)
    opened = account.country is not None or account.stripe_account_id is not None
    return PayoutAccount(
        status=account.status if opened else "none",
        country=account.country,
        method=account.method if opened else None,
        requirements=account.requirements,
        details_given=account.details is not None,
        payouts_enabled=account.payouts_enabled and account.frozen_at is None,
        frozen=account.frozen_at is not None,
        sales_open=stop is None or stop > now,
        sales_stop_at=stop,
    )
