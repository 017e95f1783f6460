"""What keeps an account one's own: its password, its address, where it is signed in."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import Meta

from service.accounts.sessions import LoginSession
from service.http.login import Person
from service.http.paging import Page, PageRequest, paged, position_of
from service.http.texts import ChosenPassword
from service.platform.idempotency import Once
from service.usecases import manage_sessions, prove_email
from service.usecases.context import Context

Token = Annotated[str, Meta(min_length=1, max_length=128)]


class ForgottenPassword(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What is no address is answered like one that has no account, so no form is asked of `email`."""

    email: Annotated[str, Meta(max_length=254)]


class NewPassword(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """`token` is what the letter's link ends with."""

    token: Token
    password: ChosenPassword


class Confirmation(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """`token` is what the letter's link ends with."""

    token: Token


@post("/auth/password-reset", status_code=202)
async def ask_password_reset(
    data: JSONBody[ForgottenPassword],
    context: NamedDependency[Context],
    once: NamedDependency[Once | None],
) -> None:
    """Writes to the address, if an account has it. The answer is the same if none has."""
    await prove_email.ask_password_reset(context, email=data.email, once=once)


@post("/auth/password-reset/confirm", status_code=204)
async def reset_password(
    data: JSONBody[NewPassword], context: NamedDependency[Context], once: NamedDependency[Once | None]
) -> None:
    """Sets a new password and signs out everywhere. The link is good once."""
    await prove_email.reset_password(context, token=data.token, password=data.password, once=once)


@post("/auth/verify-email", status_code=202)
async def ask_verification(
    person: NamedDependency[Person], context: NamedDependency[Context], once: NamedDependency[Once | None]
) -> None:
    """Sends the letter that confirms your address again."""
    await prove_email.ask_verification(context, account_id=person.account_id, once=once)


@post("/auth/verify-email/confirm", status_code=204)
async def confirm_email(
    data: JSONBody[Confirmation], context: NamedDependency[Context], once: NamedDependency[Once | None]
) -> None:
    """Confirms the address that the letter came to. The link is good once."""
    await prove_email.confirm_email(context, token=data.token, once=once)


@post("/auth/logout", status_code=204)
async def log_out(
    person: NamedDependency[Person], context: NamedDependency[Context], once: NamedDependency[Once | None]
) -> None:
    """Ends the session that asks: its tokens are refused from now on."""
    await manage_sessions.log_out(context, session_id=person.session_id, once=once)


@get("/me/sessions")
async def list_sessions(
    person: NamedDependency[Person], context: NamedDependency[Context], page: NamedDependency[PageRequest]
) -> Page[LoginSession]:
    """Where you are signed in, newest first."""
    bound = f"sessions {person.account_id}"
    rows = await manage_sessions.list_sessions(
        context,
        account_id=person.account_id,
        current=person.session_id,
        before=position_of(page, bound),
        limit=page.limit + 1,
    )
    return paged(rows, page, bound, position=lambda row: row.id)


@delete("/me/sessions/{session_id:uuid}")
async def end_session(
    session_id: FromPath[UUID], person: NamedDependency[Person], context: NamedDependency[Context]
) -> None:
    """Ends one: its access and refresh tokens are refused from now on."""
    await manage_sessions.end_session(context, account_id=person.account_id, session_id=session_id)


handlers = [
    ask_password_reset,
    reset_password,
    ask_verification,
    confirm_email,
    log_out,
    list_sessions,
    end_session,
]
