"""Signing in by OpenID providers, and the identities that an account is linked to."""

import secrets
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Request, Response, delete, get, post
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Meta

from service.accounts.attempts import AttemptUnknown
from service.accounts.identities import Identity
from service.http.login import Person, user_agent_of
from service.http.oidc import Answer, is_answer_to, provider_of
from service.http.paging import Page, PageRequest, paged, position_of
from service.platform.idempotency import Once
from service.platform.ids import new_id
from service.usecases import sign_in_elsewhere
from service.usecases.context import Context
from service.usecases.sign_in import SignIn
from service.usecases.sign_in_elsewhere import Begun

COOKIE = "zhihao_sign_in"
COOKIE_PATH = "/auth/oidc"
LANDING = "/auth/oidc/signed-in"
SECRET_BYTES = 32

OWN_PATH = r"^/([A-Za-z0-9._~!$&'()*+,;=:@%?-][A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?$(?!\n)"
"""An address of this service: a path that names no host, also to browsers that read `\\` as `/`."""

AnyRequest = Request[Any, Any, Any]
ReturnTo = Annotated[
    str | None, QueryParameter(max_length=500, pattern=OWN_PATH, description="A path of this service.")
]
BroughtState = Annotated[str | None, QueryParameter(name="state", max_length=4096)]
Brought = Annotated[str | None, QueryParameter(max_length=4096)]


class Linking(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """`return_to` is a path of this service."""

    provider: Annotated[str, Meta(max_length=100)]
    return_to: Annotated[str, Meta(max_length=500, pattern=OWN_PATH)] | None = None


class LinkBegun(msgspec.Struct, kw_only=True):
    """Where to send the browser that this answer's cookie was set in."""

    url: str


@get(
    "/auth/oidc/{provider:str}/login",
    status_code=303,
)
async def go_to_provider(
    request: AnyRequest,
    provider: FromPath[str],
    context: NamedDependency[Context],
    return_to: ReturnTo = None,
) -> Response[None]:
    """Sends the browser to the provider."""
    begun = await _begin(request, context, provider, session_id=None, return_to=return_to, once=None)
    return Response(
        None,
        status_code=303,
        headers={"Location": begun.url},
        cookies=[_cookie(context, begun.browser, context.settings.oidc_attempt_minutes * 60)],
    )


@get(
    "/auth/oidc/{provider:str}/callback",
    status_code=303,
)
async def come_back(
    request: AnyRequest,
    provider: FromPath[str],
    context: NamedDependency[Context],
    brought_state: BroughtState = None,
    code: Brought = None,
    iss: Brought = None,
    error: Brought = None,
) -> Response[None]:
    """Where the provider sends the browser back to. It is sent on to where it began, or to
    `/auth/oidc/signed-in`, with a cookie that fetches the tokens there once."""
    peer = provider_of(request, provider)
    answer = Answer(brought_state, code, iss, error)
    browser = request.cookies.get(COOKIE, "")
    # Before the attempt is used up: nobody ends somebody else's by sending them here.
    if not browser or not is_answer_to(browser, answer):
        raise AttemptUnknown("This browser has no such sign-in under way. Begin again.")
    attempt = await sign_in_elsewhere.come_back(context, browser=browser, provider=provider)
    identity = await peer.identify(browser, answer)
    ticket = secrets.token_urlsafe(SECRET_BYTES)
    await sign_in_elsewhere.settle(
        context,
        attempt=attempt,
        identity=identity,
        browser=browser,
        ticket=ticket,
        account_id=new_id(),
        identity_id=new_id(),
    )
    return Response(
        None,
        status_code=303,
        headers={"Location": attempt.return_to or LANDING},
        cookies=[_cookie(context, ticket, context.settings.oidc_ticket_seconds)],
    )


@get(LANDING)
async def signed_in(request: AnyRequest, context: NamedDependency[Context]) -> Response[SignIn]:
    """The tokens of who has just come back from a provider, once, to their browser alone."""
    tokens = await sign_in_elsewhere.fetch_tokens(
        context,
        ticket=request.cookies.get(COOKIE, ""),
        session_id=new_id(),
        user_agent=user_agent_of(request),
    )
    return Response(tokens, cookies=[_cookie(context, "", 0)])


@get("/auth/oidc", sync_to_thread=False)
def list_providers(context: NamedDependency[Context]) -> list[str]:
    """The names of the providers that one may sign in by."""
    return sorted(context.settings.oidc)


@get("/me/identities")
async def list_identities(
    person: NamedDependency[Person], context: NamedDependency[Context], page: NamedDependency[PageRequest]
) -> Page[Identity]:
    """Who you are elsewhere, newest first."""
    bound = f"identities {person.account_id}"
    rows = await sign_in_elsewhere.list_identities(
        context, account_id=person.account_id, before=position_of(page, bound), limit=page.limit + 1
    )
    return paged(rows, page, bound, position=lambda row: row.id)


@post("/me/identities", status_code=202)
async def link_identity(
    request: AnyRequest,
    data: JSONBody[Linking],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    once: NamedDependency[Once | None],
) -> Response[LinkBegun]:
    """Begins to link an identity to your account: send the browser, with the cookie set here, to `url`."""
    begun = await _begin(
        request,
        context,
        data.provider,
        session_id=person.session_id,
        return_to=data.return_to,
        once=once,
    )
    cookie = _cookie(context, begun.browser, context.settings.oidc_attempt_minutes * 60)
    return Response(LinkBegun(url=begun.url), status_code=202, cookies=[cookie])


@delete("/me/identities/{identity_id:uuid}")
async def unlink_identity(
    identity_id: FromPath[UUID], person: NamedDependency[Person], context: NamedDependency[Context]
) -> None:
    """Takes an identity off your account. The last way to sign in stays."""
    await sign_in_elsewhere.unlink_identity(context, account_id=person.account_id, identity_id=identity_id)


async def _begin(
    request: AnyRequest,
    context: Context,
    provider: str,
    *,
    session_id: UUID | None,
    return_to: str | None,
    once: Once | None,
) -> Begun:
    browser = secrets.token_urlsafe(SECRET_BYTES)
    url = await provider_of(request, provider).authorization_url(browser)
    return await sign_in_elsewhere.begin(
        context,
        begun=Begun(url, browser),
        provider=provider,
        session_id=session_id,
        return_to=return_to,
        once=once,
    )


def _cookie(context: Context, value: str, seconds: int) -> Cookie:
    """``lax``: it comes along when the provider sends the browser back."""
    return Cookie(
        key=COOKIE,
        value=value,
        max_age=seconds,
        path=COOKIE_PATH,
        httponly=True,
        samesite="lax",
        secure=context.settings.public_url.startswith("https:"),
    )


handlers = [
    go_to_provider,
    come_back,
    signed_in,
    list_providers,
    list_identities,
    link_identity,
    unlink_identity,
]
