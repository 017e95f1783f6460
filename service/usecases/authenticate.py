"""Tells who is asking: a person by their access token, a program by its key."""

from uuid import UUID

from sqlalchemy import select, text

from service.accounts.tables import ACCOUNT
from service.accounts.tokens import AccessToken, NotSignedIn, verify
from service.usecases.context import Context

# now(), not zhihao_now(): moving a sandbox's test clock moves subscriptions, and signs nobody out.
_LIVE_SESSION = text(
    """
    SELECT account_id FROM login_session
    WHERE id = :session_id AND ended_at IS NULL AND to_timestamp(:expires_at) > now()
    """
)

_LIVE_KEY = text(
    """
    SELECT EXISTS (
      SELECT FROM api_key_secret s JOIN api_key k ON k.id = s.key_id
      WHERE s.secret_hash = :secret_hash AND k.revoked_at IS NULL
        AND (s.expires_at IS NULL OR s.expires_at > zhihao_now())
        AND (k.expires_at IS NULL OR k.expires_at > zhihao_now()))
    """
)


async def authenticate(context: Context, *, access_token: str) -> AccessToken:
    """The account and the live session that the token is of: one read by primary key.

    Raises ``NotSignedIn``. Erasing or suspending an account ends its sessions, so those are not asked for.
    """
    token = verify(context.settings.secret_key.get_secret_value(), access_token)
    async with context.database.reading() as connection:
        found = await connection.execute(
            _LIVE_SESSION, {"session_id": token.session_id, "expires_at": token.expires_at}
        )
        account_id: UUID | None = found.scalar_one_or_none()
    if account_id is None or account_id != token.account_id:
        raise NotSignedIn("The access token has expired or its session has ended.")
    return token


async def is_key_live(context: Context, *, secret_hash: bytes) -> bool:
    """Whether a key works now. The gate decides this itself, in its own transaction; this is for answers
    that are given before a call comes to the gate."""
    async with context.database.reading() as connection:
        return bool((await connection.execute(_LIVE_KEY, {"secret_hash": secret_hash})).scalar_one())


async def is_operator(context: Context, *, account_id: UUID) -> bool:
    """Whether the account's email is among those that the settings name as operators."""
    if not context.settings.operators:
        return False
    async with context.database.reading() as connection:
        found = await connection.execute(select(ACCOUNT.c.email).where(ACCOUNT.c.id == account_id))
        return found.scalar_one_or_none() in context.settings.operators
