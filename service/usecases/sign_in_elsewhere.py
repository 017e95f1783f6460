"""Signs people in by who they are elsewhere, and links such identities to their account.

An identity is the provider's subject, never an address. An address leads to an account only when the provider
says that it verified it and the account's own is verified too: otherwise somebody who claims an address that
is not theirs, on either side, would share an account with its owner.
"""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from service.accounts import attempts, audit, identities, people, sessions
from service.accounts.attempts import Attempt, AttemptUnknown
from service.accounts.identities import Identity
from service.accounts.people import AccountNotFound, InvalidEmail
from service.platform.database import zhihao_now
from service.platform.idempotency import Once, claim, keep
from service.usecases.context import Context
from service.usecases.sign_in import SignIn, open_session

LONGEST_NAME = 100


class EmailUnproven(Exception):
    """The provider does not vouch for an address, so no account can be opened by it."""


class LinkRequired(Exception):
    """There is an account with this address, which has to be signed in to before the identity is linked."""


class LastSignIn(Exception):
    """Nobody could sign in to the account any more."""


@dataclass(frozen=True)
class Elsewhere:
    """Somebody as a provider vouches for them. ``email_verified``: and is believed about the address."""

    provider: str
    issuer: str
    subject: str
    email: str | None
    email_verified: bool
    name: str | None


@dataclass(frozen=True)
class Begun:
    """A browser is to go to ``url``, with the secret ``browser`` in its cookie."""

    url: str
    browser: str


async def begin(
    context: Context,
    *,
    begun: Begun,
    provider: str,
    session_id: UUID | None,
    return_to: str | None,
    once: Once | None = None,
) -> Begun:
    """Remembers that a browser goes to the provider: to sign in, or to link to the account of a session."""
    async with context.database.transaction() as session:
        if (kept := await claim(session, once, Begun)) is not None:
            return kept
        await attempts.begin(
            session,
            browser=begun.browser,
            provider=provider,
            session_id=session_id,
            return_to=return_to,
            lifetime=timedelta(minutes=context.settings.oidc_attempt_minutes),
        )
        await keep(session, once, begun)
        return begun


async def come_back(context: Context, *, browser: str, provider: str) -> Attempt:
    """The browser is back, which it is once. Raises ``AttemptUnknown``."""
    async with context.database.transaction() as session:
        return await attempts.come_back(session, browser=browser, provider=provider)


async def settle(
    context: Context,
    *,
    attempt: Attempt,
    identity: Elsewhere,
    browser: str,
    ticket: str,
    account_id: UUID,
    identity_id: UUID,
) -> None:
    """Finds, links or opens (as ``account_id``) the account, whose tokens the ``ticket`` then fetches.

    Raises ``AttemptUnknown`` when the session to link to has ended meanwhile, ``IdentityTaken``,
    ``EmailUnproven``, ``LinkRequired``, ``AccountSuspended``.
    """
    async with context.database.transaction() as session:
        holder = await identities.holder(session, issuer=identity.issuer, subject=identity.subject)
        if attempt.session_id is not None:
            linking = await sessions.holder(session, session_id=attempt.session_id)
            if linking is None:
                raise AttemptUnknown("The session that wanted to link has ended.")
            owner = linking
        elif holder is not None:
            owner = holder
        else:
            owner = await _by_address(session, identity, account_id)
        await people.lock(session, owner)
        if holder != owner:
            await identities.link(
                session,
                identity_id=identity_id,
                account_id=owner,
                provider=identity.provider,
                issuer=identity.issuer,
                subject=identity.subject,
                email=identity.email,
            )
            await audit.record(
                session,
                actor_id=owner,
                action="identity.linked",
                subject=identity_id,
                detail={"provider": identity.provider},
            )
        await identities.used(session, issuer=identity.issuer, subject=identity.subject)
        await attempts.succeed(
            session,
            browser=browser,
            ticket=ticket,
            account_id=owner,
            lifetime=timedelta(seconds=context.settings.oidc_ticket_seconds),
        )


async def fetch_tokens(
    context: Context, *, ticket: str, session_id: UUID, user_agent: str | None = None
) -> SignIn:
    """Signs in who came back, once. Raises ``AttemptUnknown`` and ``AccountSuspended``."""
    async with context.database.transaction() as session:
        account = await people.lock(session, await attempts.redeem(session, ticket=ticket))
        return await open_session(
            context, session, account=account, session_id=session_id, user_agent=user_agent
        )


async def list_identities(
    context: Context, *, account_id: UUID, before: UUID | None, limit: int
) -> list[Identity]:
    """Newest first, below the id ``before``."""
    async with context.database.reading() as connection:
        return await identities.list_of(connection, account_id=account_id, before=before, limit=limit)


async def unlink_identity(context: Context, *, account_id: UUID, identity_id: UUID) -> None:
    """Raises ``IdentityNotFound``; ``LastSignIn`` when no password and no other identity would be left."""
    async with context.database.transaction() as session:
        await people.lock(session, account_id)
        await identities.unlink(session, identity_id=identity_id, account_id=account_id)
        left = await identities.list_of(session, account_id=account_id, limit=1)
        if not left and not await people.has_password(session, account_id):
            raise LastSignIn("Set a password first: nothing else signs you in.")
        await audit.record(session, actor_id=account_id, action="identity.unlinked", subject=identity_id)


async def _by_address(session: AsyncSession, identity: Elsewhere, account_id: UUID) -> UUID:
    """The account of a proven address, or a new one."""
    if identity.email is None or not identity.email_verified:
        # Said whether or not there is such an account: who proves nothing learns nothing.
        raise EmailUnproven("The provider does not vouch for your address. Register with it, then link.")
    try:
        email = people.canonical_email(identity.email)
    except InvalidEmail:
        raise EmailUnproven("The provider vouches for something that is no address.") from None
    try:
        found = await people.read(session, await people.find_id_by_email(session, email))
    except AccountNotFound:
        made = await people.create(
            session,
            account_id=account_id,
            email=email,
            display_name=((identity.name or "").strip() or email.partition("@")[0])[:LONGEST_NAME],
            password_hash=None,
            now=await zhihao_now(session),
            email_verified=True,
        )
        return made.id
    if not found.email_verified:
        raise LinkRequired("There is an account with your address. Sign in to it, then link.")
    return found.id
