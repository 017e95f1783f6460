"""How v2 pages its lists: by the address of the next page."""

from typing import Any
from urllib.parse import urlencode

from billing.sandbox.routes import Call
from billing.sandbox.shape import Body


async def page_of(
    call: Call, kind: str, *, created: Body | None = None, types: list[str] | None = None, **match: Any
) -> Body:
    """A page of the account's objects of a kind, newest first; ``page`` in the address is where it begins."""
    limit = call.params.get("limit", 20)
    params: Body = {"limit": limit} | ({"created": created} if created else {})
    if call.page:
        params["starting_after"] = call.page
    found = await call.store.page(kind, params, call.path, types=types, **match)
    following = None
    if found["has_more"]:
        asked = [("limit", str(limit)), *((f"types[{index}]", one) for index, one in enumerate(types or []))]
        asked += [(f"created[{name}]", text) for name, text in (call.params.get("created") or {}).items()]
        if "object_id" in call.params:
            asked.append(("object_id", call.params["object_id"]))
        following = f"{call.path}?{urlencode([*asked, ('page', found['data'][-1]['id'])])}"
    return {"data": found["data"], "next_page_url": following, "previous_page_url": None}
