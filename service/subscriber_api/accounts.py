"""People: registering, signing in, and what is held about them. Every reader and creator is one."""

from typing import Annotated

import msgspec
from litestar import Router, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Meta

from service.platform.idempotency import Once
from service.platform.ids import new_id
from service.usecases import sign_in
from service.usecases.context import Context
from service.usecases.sign_in import SignIn


class Registration(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A new account. Only the email's syntax is checked."""

    email: Annotated[str, Meta(max_length=254)]
    password: str
    display_name: Annotated[str, Meta(min_length=1, max_length=100, pattern=r"\S")]


class Login(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    email: Annotated[str, Meta(max_length=254)]
    password: str


class Refresh(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    refresh_token: Annotated[str, Meta(max_length=512)]


@post("/register")
async def register(
    data: JSONBody[Registration], context: NamedDependency[Context], once: NamedDependency[Once | None]
) -> SignIn:
    """Opens an account and signs it in."""
    return await sign_in.register_account(
        context,
        account_id=new_id(),
        session_id=new_id(),
        email=data.email,
        password=data.password,
        display_name=data.display_name.strip(),
        once=once,
    )


@post("/login", status_code=200)
async def login(
    data: JSONBody[Login], context: NamedDependency[Context], once: NamedDependency[Once | None]
) -> SignIn:
    """Signs in. A wrong password and an unknown email are answered alike."""
    return await sign_in.log_in(
        context, session_id=new_id(), email=data.email, password=data.password, once=once
    )


@post("/refresh", status_code=200)
async def refresh(
    data: JSONBody[Refresh], context: NamedDependency[Context], once: NamedDependency[Once | None]
) -> SignIn:
    """Exchanges a refresh token for new tokens. One that comes a second time ends the session."""
    return await sign_in.refresh_session(context, refresh_token=data.refresh_token, once=once)


router = Router(path="/auth", route_handlers=[register, login, refresh], tags=["accounts"])
