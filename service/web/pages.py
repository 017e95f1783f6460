"""What anybody may look at: the square, a knowledge base, a creator, where a payment leads back to."""

from typing import Annotated, Literal

import msgspec
from litestar import MediaType, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter

from service.http.login import Person
from service.http.paging import decode_cursor, encode_cursor
from service.usecases.confirm_checkout import confirm_checkout
from service.usecases.context import Context
from service.usecases.read_creator import CreatorNotFound, read_creator
from service.usecases.read_knowledge_base import read_knowledge_base
from service.usecases.search_square import search_square
from service.web.rendering import STYLE, STYLE_PATH, AnyRequest, page
from service.web.visiting import visit

CARDS = 24


class NoSuchPage(CreatorNotFound):
    """An address of one step that is no page's."""


Text = Annotated[str | None, QueryParameter()]
SessionId = Annotated[str | None, QueryParameter(max_length=255, pattern=r"^[\w{}]+$")]
Price = Annotated[Literal["free", "paid", ""] | None, QueryParameter()]
Sort = Annotated[Literal["relevance", "new", "popular"], QueryParameter()]


@get("/")
async def square(
    request: AnyRequest,
    context: NamedDependency[Context],
    q: Text = None,
    category: Text = None,
    tag: Text = None,
    language: Text = None,
    price: Price = None,
    sort: Sort = "relevance",
    cursor: Text = None,
) -> Response[str]:
    """The square with its search; without a query, the newest first."""
    q = (q or "").strip()[: context.settings.query_max_characters]
    order = sort if q or sort != "relevance" else "new"
    asked = (q, category or None, tag or None, language or None, price or None, order)
    bound = "square page:" + msgspec.json.encode(asked).decode()
    found = await search_square(
        context,
        q=q or None,
        category=category or None,
        tag=tag or None,
        language=language or None,
        price=price or None,
        sort=order,
        limit=CARDS,
        position=decode_cursor(cursor, bound) if cursor else None,
    )
    following = encode_cursor(found.position, bound) if found.position is not None else None
    filtered = {"category": category, "tag": tag, "language": language, "price": price}
    return page(
        request,
        "square.html",
        index=not any((q, cursor, *filtered.values())),
        found=found,
        q=q,
        filtered={name: value for name, value in filtered.items() if value},
        following=following,
    )


@get("/k/{slug:str}")
async def knowledge_base(
    request: AnyRequest,
    slug: FromPath[str],
    context: NamedDependency[Context],
    visitor: NamedDependency[Person | None],
    ref: FromQuery[str | None] = None,
) -> Response[str]:
    """The page a shared link opens: the same for everybody, and not there for a draft or a private one."""
    shown = await read_knowledge_base(context, id_or_slug=slug, account_id=None)
    cookies = await visit(request, shown, ref, visitor)
    listed = shown.visibility == "public"
    return page(request, "knowledge_base.html", index=listed, cookies=cookies, base=shown, listed=listed)


@get("/{handle:str}")
async def creator(
    request: AnyRequest, handle: FromPath[str], context: NamedDependency[Context]
) -> Response[str]:
    """``/@handle``: a creator with their public knowledge bases."""
    if not handle.startswith("@"):
        raise NoSuchPage("There is nothing at this address.")
    shown = await read_creator(context, handle=handle[1:])
    return page(request, "creator.html", index=True, creator=shown)


@get("/checkout/success")
async def paid(
    request: AnyRequest, context: NamedDependency[Context], session_id: SessionId = None
) -> Response[str]:
    """Where the hosted payment page leads after a payment, unless the caller named a page of its own.

    What was paid for is there when this is shown, or on its way.
    """
    found = await confirm_checkout(context, stripe_session_id=session_id) if session_id else "paid"
    if found == "waiting":
        return page(request, "notice.html", title="payment_waiting", text="payment_waiting_text")
    return page(request, "notice.html", title="paid", text="paid_text")


@get("/checkout/cancelled")
async def cancelled(request: AnyRequest) -> Response[str]:
    """Where it leads when nothing was paid."""
    return page(request, "notice.html", title="cancelled", text="cancelled_text")


@get(STYLE_PATH)
async def style() -> Response[bytes]:
    headers = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(STYLE, media_type=MediaType.CSS, headers=headers)


@get("/robots.txt")
async def robots() -> Response[str]:
    """The pages may be indexed as each says; nothing else is for search engines."""
    disallowed = ("/auth/", "/creator/", "/v1/", "/enterprise/", "/api/", "/operator/", "/checkout/", "/r/")
    lines = ["User-agent: *", *(f"Disallow: {path}" for path in disallowed)]
    return Response("\n".join(lines) + "\n", media_type=MediaType.TEXT)


handlers = [square, knowledge_base, creator, paid, cancelled, style, robots]
