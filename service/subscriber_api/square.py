"""The square: what there is to read."""

from typing import Annotated, Literal

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from service.http.inputs import InvalidInput
from service.http.login import Person
from service.http.paging import PageRequest, decode_cursor, encode_cursor
from service.subscriber_api.schemas import SquareResult
from service.usecases.context import Context
from service.usecases.search_square import search_square

Text = Annotated[str | None, QueryParameter()]
Price = Annotated[Literal["free", "paid"] | None, QueryParameter()]
Sort = Annotated[Literal["relevance", "new", "popular"], QueryParameter()]


@get("/square")
async def square(
    context: NamedDependency[Context],
    page: NamedDependency[PageRequest],
    visitor: NamedDependency[Person | None],
    q: Text = None,
    category: Text = None,
    tag: Text = None,
    language: Text = None,
    price: Price = None,
    sort: Sort = "relevance",
) -> SquareResult:
    """Published, public knowledge bases. ``free``: those with no plan; ``popular`` counts paying readers.

    The same for everybody; ``visitor`` is named so that a bad credential is told here too."""
    for name, said in (("q", q), ("category", category), ("tag", tag), ("language", language)):
        if said is not None and len(said) > context.settings.query_max_characters:
            raise InvalidInput((name, "is too long"))
    asked = (q, category, tag, language, price, sort)
    bound = "square:" + msgspec.json.encode(asked).decode()
    found = await search_square(
        context,
        q=q,
        category=category,
        tag=tag,
        language=language,
        price=price,
        sort=sort,
        limit=page.limit,
        position=decode_cursor(page.cursor, bound) if page.cursor else None,
    )
    following = encode_cursor(found.position, bound) if found.position is not None else None
    return SquareResult(data=found.cards, facets=found.facets, total=found.total, next_cursor=following)


handlers = [square]
