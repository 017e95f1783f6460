"""People: registering, signing in, and what is held about them. Every reader and creator is one."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Request, Response, Router, delete, get, post
from litestar.di import NamedDependency
from litestar.openapi import ResponseSpec
from litestar.params import FromPath, JSONBody
from msgspec import Meta

from service.accounts.exports import Export
from service.accounts.people import Account
from service.http.login import Person, user_agent_of
from service.http.texts import ChosenPassword, Email
from service.platform.idempotency import Once
from service.platform.ids import new_id
from service.subscriber_api import credentials, elsewhere
from service.usecases import erase_account, export_account, sign_in
from service.usecases.context import Context
from service.usecases.sign_in import SignIn


class Registration(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A new account. Only the email's syntax is checked."""

    email: Email
    password: ChosenPassword
    display_name: Annotated[str, Meta(min_length=1, max_length=100, pattern=r"\S")]


class Login(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    email: Email
    password: str


class Refresh(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    refresh_token: Annotated[str, Meta(max_length=512)]


@post("/register")
async def register(
    request: Request[Any, Any, Any],
    data: JSONBody[Registration],
    context: NamedDependency[Context],
    once: NamedDependency[Once | None],
) -> SignIn:
    """Opens an account and signs it in. A letter to its address asks to confirm it."""
    return await sign_in.register_account(
        context,
        account_id=new_id(),
        session_id=new_id(),
        email=data.email,
        password=data.password,
        display_name=data.display_name.strip(),
        user_agent=user_agent_of(request),
        once=once,
    )


@post("/login", status_code=200)
async def login(
    request: Request[Any, Any, Any],
    data: JSONBody[Login],
    context: NamedDependency[Context],
    once: NamedDependency[Once | None],
) -> SignIn:
    """Signs in. A wrong password and an unknown email are answered alike."""
    return await sign_in.log_in(
        context,
        session_id=new_id(),
        email=data.email,
        password=data.password,
        user_agent=user_agent_of(request),
        once=once,
    )


@post("/refresh", status_code=200)
async def refresh(
    data: JSONBody[Refresh], context: NamedDependency[Context], once: NamedDependency[Once | None]
) -> SignIn:
    """Exchanges a refresh token for new tokens. One that comes a second time ends the session."""
    return await sign_in.refresh_session(context, refresh_token=data.refresh_token, once=once)


@get("/me")
async def me(person: NamedDependency[Person], context: NamedDependency[Context]) -> Account:
    """Who is signed in."""
    return await export_account.read_account(context, account_id=person.account_id)


@get(
    "/me/export",
    status_code=202,
    responses={200: ResponseSpec(Export, description="The export, done.", generate_examples=False)},
)
async def request_export(
    person: NamedDependency[Person], context: NamedDependency[Context]
) -> Response[Export]:
    """Everything held about you, as a job: 202 while it runs, and 200 with the result when asked again.

    An export of the last five minutes is answered again; `/me/export/{id}` reads one.
    """
    export = await export_account.request_export(context, export_id=new_id(), account_id=person.account_id)
    status = 200 if export.status == "done" else 202
    return Response(export, status_code=status, headers={"Location": f"/me/export/{export.id}"})


@get("/me/export/{export_id:uuid}")
async def read_export(
    export_id: FromPath[UUID], person: NamedDependency[Person], context: NamedDependency[Context]
) -> Export:
    """One export: `queued`, then `done` with its result, which is kept for a day."""
    return await export_account.read_export(context, export_id=export_id, account_id=person.account_id)


@delete("/me")
async def erase(person: NamedDependency[Person], context: NamedDependency[Context]) -> None:
    """Erases you. What you have for sale, and organizations you alone own, are given up first."""
    await erase_account.erase_account(context, account_id=person.account_id)


router = Router(
    path="/",
    route_handlers=[
        Router(path="/auth", route_handlers=[register, login, refresh]),
        me,
        request_export,
        read_export,
        erase,
        *credentials.handlers,
        *elsewhere.handlers,
    ],
    tags=["accounts"],
)
