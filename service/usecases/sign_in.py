"""Opens an account, signs a person in, and keeps them signed in."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from service.accounts import passwords, people, sessions
from service.accounts.people import Account
from service.accounts.sessions import Refreshed, RefreshRejected
from service.accounts.tokens import AccessToken, sign
from service.platform.database import zhihao_now
from service.platform.idempotency import Once, claim, keep
from service.usecases.context import Context
from service.usecases.prove_email import send_token


class WrongCredentials(Exception):
    """No account has this email and this password; which of the two is wrong is not said."""

    headers = {"WWW-Authenticate": "Bearer"}  # noqa: RUF012 -- read-only, as Exception's own attributes are


@dataclass(frozen=True)
class SignIn:
    """Tokens of a session; ``expires_in`` is the access token's seconds."""

    access_token: str
    refresh_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    account: Account


async def register_account(
    context: Context,
    *,
    account_id: UUID,
    session_id: UUID,
    email: str,
    password: str,
    display_name: str,
    user_agent: str | None = None,
    once: Once | None = None,
) -> SignIn:
    """A letter to the address asks to confirm it.

    Raises ``InvalidEmail``, ``InvalidPassword``, ``EmailTaken``, ``PasswordsBusy``.
    """
    email = people.canonical_email(email)
    passwords.check_password(
        password,
        shortest=context.settings.password_min_length,
        longest=context.settings.password_max_length,
    )
    password_hash = await passwords.hash_password(password)
    async with context.database.transaction() as session:
        if replayed := await claim(session, once, SignIn):
            return replayed
        account = await people.create(
            session,
            account_id=account_id,
            email=email,
            display_name=display_name,
            password_hash=password_hash,
            now=await zhihao_now(session),
        )
        await send_token(context, session, account=account, purpose="verification")
        signed_in = await open_session(
            context, session, account=account, session_id=session_id, user_agent=user_agent
        )
        await keep(session, once, signed_in)
        return signed_in


async def log_in(
    context: Context,
    *,
    session_id: UUID,
    email: str,
    password: str,
    user_agent: str | None = None,
    once: Once | None = None,
) -> SignIn:
    """Raises ``WrongCredentials``, after as long for an unknown email as for a wrong password;
    ``AccountSuspended``, ``PasswordsBusy``."""
    async with context.database.reading() as connection:
        found = await people.find_credentials(connection, email.lower())
    # Compared outside any transaction: it takes its time, and waits its turn.
    password = password[: context.settings.password_max_length + 1]
    if not await passwords.matches(found.password_hash if found else None, password) or found is None:
        raise WrongCredentials("The email or the password is wrong.")
    async with context.database.transaction() as session:
        if replayed := await claim(session, once, SignIn):
            return replayed
        account = await people.lock(session, found.account.id)
        signed_in = await open_session(
            context, session, account=account, session_id=session_id, user_agent=user_agent
        )
        await keep(session, once, signed_in)
        return signed_in


async def refresh_session(context: Context, *, refresh_token: str, once: Once | None = None) -> SignIn:
    """Rotates the refresh token. One that was used before ends its session. Raises ``RefreshRejected``."""
    async with context.database.transaction() as session:
        if replayed := await claim(session, once, SignIn):
            return replayed
        refreshed = await sessions.rotate(session, refresh_token=refresh_token, lifetime=_lifetime(context))
        if refreshed is not None:
            account = await people.read(session, refreshed.account_id)
            signed_in = _signed_in(context, account, refreshed)
            await keep(session, once, signed_in)
            return signed_in
    raise RefreshRejected("This refresh token was used before; its session has been ended. Sign in again.")


async def open_session(
    context: Context, session: AsyncSession, *, account: Account, session_id: UUID, user_agent: str | None
) -> SignIn:
    """Signs the account in, within the caller's transaction."""
    opened = await sessions.start(
        session,
        session_id=session_id,
        account_id=account.id,
        lifetime=_lifetime(context),
        user_agent=user_agent,
    )
    return _signed_in(context, account, opened)


def _lifetime(context: Context) -> timedelta:
    return timedelta(days=context.settings.refresh_token_days)


def _signed_in(context: Context, account: Account, opened: Refreshed) -> SignIn:
    seconds = context.settings.access_token_seconds
    token = AccessToken(account.id, opened.session_id, opened.at + seconds)
    return SignIn(
        access_token=sign(context.settings.secret_key.get_secret_value(), token),
        refresh_token=opened.refresh_token,
        token_type="Bearer",  # noqa: S106 -- the name of a scheme, not a secret
        expires_in=seconds,
        account=account,
    )
