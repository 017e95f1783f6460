"""Where the links of letters lead: an address is confirmed here, and a forgotten password replaced."""

from typing import Annotated

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import QueryParameter, URLEncodedBody

from service.accounts.passwords import InvalidPassword
from service.usecases.context import Context
from service.usecases.prove_email import confirm_email, reset_password
from service.web.rendering import AnyRequest, page

Token = Annotated[str, QueryParameter(max_length=128, pattern=r"^[\w-]*$")]


class Confirming(msgspec.Struct):
    token: str


class Choosing(msgspec.Struct):
    token: str
    password: str


@get("/verify-email")
async def ask_to_confirm(request: AnyRequest, token: Token = "") -> Response[str]:
    """A button: what only looks at links, as mail servers do, confirms nothing."""
    return page(request, "letter.html", token=token, purpose="verify", limits=None)


@post("/verify-email", status_code=200)
async def confirm(
    request: AnyRequest, data: URLEncodedBody[Confirming], context: NamedDependency[Context]
) -> Response[str]:
    await confirm_email(context, token=data.token)
    return page(request, "notice.html", title="verified", text="verified_text")


@get("/reset-password")
async def ask_for_password(request: AnyRequest, token: Token = "") -> Response[str]:
    return page(request, "letter.html", token=token, purpose="reset", limits=None)


@post("/reset-password", status_code=200)
async def choose_password(
    request: AnyRequest, data: URLEncodedBody[Choosing], context: NamedDependency[Context]
) -> Response[str]:
    settings = context.settings
    try:
        await reset_password(context, token=data.token, password=data.password)
    except InvalidPassword:
        limits = {"least": settings.password_min_length, "most": settings.password_max_length}
        return page(request, "letter.html", status=400, token=data.token, purpose="reset", limits=limits)
    return page(request, "notice.html", title="reset", text="reset_text")


handlers = [ask_to_confirm, confirm, ask_for_password, choose_password]
