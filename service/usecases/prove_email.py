"""Letters that prove an address: one confirms it, one lets its reader choose a new password."""

from datetime import timedelta
from urllib.parse import urlencode
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from service.accounts import audit, email_tokens, identities, passwords, people, sessions
from service.accounts.email_tokens import Purpose
from service.accounts.people import Account, AccountNotFound, AccountSuspended, InvalidEmail
from service.mail import letters
from service.mail.letters import Letter
from service.platform.idempotency import Once, claim, keep
from service.platform.ids import new_id
from service.platform.jobs import defer
from service.usecases.context import Context

SEND_RESET = "send_password_reset"
"""The job that writes to who forgot their password."""

_LETTERS: dict[Purpose, tuple[Letter, str]] = {
    "verification": ("email_verification", "/verify-email"),
    "reset": ("password_reset", "/reset-password"),
}


async def send_token(context: Context, session: AsyncSession, *, account: Account, purpose: Purpose) -> None:
    """Writes a letter with a fresh token, unless enough of them were sent within the hour."""
    settings = context.settings
    hours = settings.password_reset_hours if purpose == "reset" else settings.email_verification_hours
    token = await email_tokens.issue(
        session,
        account_id=account.id,
        purpose=purpose,
        lifetime=timedelta(hours=hours),
        most=settings.email_tokens_per_hour,
    )
    if token is None:
        return
    letter, path = _LETTERS[purpose]
    url = f"{settings.public_url.rstrip('/')}{path}?{urlencode({'token': token})}"
    await letters.write(
        session, letter, account_id=account.id, key=f"{letter}:{new_id()}", facts={"url": url}
    )


async def ask_password_reset(context: Context, *, email: str, once: Once | None = None) -> None:
    """Has a letter sent, if there is such an account. Takes the same steps if there is none, so that neither
    the answer nor its time tells which it was."""
    try:
        email = people.canonical_email(email)
    except InvalidEmail:
        email = ""
    async with context.database.transaction() as session:
        if await claim(session, once, bool):
            return
        try:
            account_id = await people.find_id_by_email(session, email)
        except AccountNotFound:
            account_id = new_id()
        await defer(session, SEND_RESET, account_id=str(account_id))
        await keep(session, once, True)


async def send_password_reset(context: Context, *, account_id: str) -> None:
    """The job of a forgotten password. Nobody is told when there is no such account."""
    async with context.database.transaction() as session:
        try:
            account = await people.lock(session, UUID(account_id))
        except (AccountNotFound, AccountSuspended):
            return
        await send_token(context, session, account=account, purpose="reset")


async def reset_password(context: Context, *, token: str, password: str, once: Once | None = None) -> None:
    """Sets the password, and signs out wherever the account is signed in.

    It proves the address too. If it was not proven before, whoever linked other sign-ins to the account may
    have been somebody else: those are taken off. Raises ``InvalidPassword``, ``InvalidEmailToken``,
    ``AccountSuspended`` and ``PasswordsBusy``.
    """
    settings = context.settings
    passwords.check_password(
        password, shortest=settings.password_min_length, longest=settings.password_max_length
    )
    password_hash = await passwords.hash_password(password)
    async with context.database.transaction() as session:
        if await claim(session, once, bool):
            return
        account_id = await email_tokens.redeem(session, token=token, purpose="reset")
        account = await people.lock(session, account_id)
        if not account.email_verified:
            await identities.forget(session, account_id=account_id)
        await people.verify_email(session, account_id)
        await people.set_password(session, account_id, password_hash=password_hash)
        await sessions.end_all(session, account_id=account_id)
        await audit.record(session, actor_id=account_id, action="password.reset", subject=account_id)
        await keep(session, once, True)


async def ask_verification(context: Context, *, account_id: UUID, once: Once | None = None) -> None:
    """Sends the letter again, unless the address is confirmed already or enough were sent of late."""
    async with context.database.transaction() as session:
        if await claim(session, once, bool):
            return
        account = await people.lock(session, account_id)
        if not account.email_verified:
            await send_token(context, session, account=account, purpose="verification")
        await keep(session, once, True)


async def confirm_email(context: Context, *, token: str, once: Once | None = None) -> None:
    """The address is confirmed. Raises ``InvalidEmailToken`` and ``AccountSuspended``."""
    async with context.database.transaction() as session:
        if await claim(session, once, bool):
            return
        account_id = await email_tokens.redeem(session, token=token, purpose="verification")
        await people.lock(session, account_id)
        await people.verify_email(session, account_id)
        await keep(session, once, True)
