"""Who shared the link: kept on the visit, and in a cookie of ours so that a checkout finds it again."""

import secrets

from litestar.datastructures import Cookie

from service.http.login import Person, context_of
from service.http.marks import COOKIE, visitor_mark
from service.platform.ids import new_id
from service.usecases.read_knowledge_base import KnowledgeBasePage
from service.usecases.record_visit import record_visit
from service.web.rendering import AnyRequest

COOKIE_DAYS = 90


async def visit(
    request: AnyRequest, knowledge_base: KnowledgeBasePage, ref: str | None, visitor: Person | None
) -> list[Cookie]:
    """Records the visit. The cookie to set, if any: only who came by a ``ref`` is given one."""
    mark = visitor_mark(request)
    cookies = []
    if ref and mark is None:
        mark = secrets.token_hex(16)
        cookies.append(
            Cookie(
                key=COOKIE,
                value=mark,
                max_age=COOKIE_DAYS * 24 * 3600,
                httponly=True,
                samesite="lax",
                secure=context_of(request).settings.public_url.startswith("https:"),
            )
        )
    await record_visit(
        context_of(request),
        id=new_id(),
        knowledge_base_id=knowledge_base.id,
        ref=ref,
        account_id=visitor.account_id if visitor else None,
        visitor=mark,
    )
    return cookies
