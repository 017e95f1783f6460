"""``expand``: ids replaced by their objects, along dotted paths and through lists."""

from collections.abc import Awaitable, Callable
from copy import deepcopy

from billing.sandbox.errors import invalid
from billing.sandbox.shape import Body, list_of
from billing.sandbox.store import Store

DEEPEST = 4

Loader = Callable[[Store, Body], Awaitable[object]]


async def _line_items(_store: Store, session: Body) -> object:
    return list_of(session["_line_items"], f"/v1/checkout/sessions/{session['id']}/line_items")


async def _payments(store: Store, invoice: Body) -> object:
    found = await store.select("invoice_payment", invoice=invoice["id"])
    return list_of(found, f"/v1/invoice_payments?invoice={invoice['id']}")


async def _tiers(_store: Store, price: Body) -> object:
    return price.get("_tiers")


async def _refunds(store: Store, charge: Body) -> object:
    found = await store.select("refund", charge=charge["id"])
    return list_of(found[::-1], f"/v1/charges/{charge['id']}/refunds")


async def _subscriptions(store: Store, customer: Body) -> object:
    found = await store.select("subscription", customer=customer["id"])
    return list_of(
        [one for one in found[::-1] if one["status"] != "canceled"],
        f"/v1/customers/{customer['id']}/subscriptions",
    )


INCLUDES: dict[tuple[str, str], Loader] = {
    ("checkout.session", "line_items"): _line_items,
    ("invoice", "payments"): _payments,
    ("price", "tiers"): _tiers,
    ("charge", "refunds"): _refunds,
    ("customer", "subscriptions"): _subscriptions,
}
"""Fields that are not ids but are left out until asked for."""


async def expand(store: Store, body: Body, paths: list[str]) -> Body:
    """A copy with every path expanded. Raises ``ApiError`` 400 for what cannot be."""
    if not paths:
        return body
    copy = deepcopy(body)
    for path in paths:
        steps = path.split(".")
        if len(steps) > DEEPEST + (copy["object"] == "list"):
            raise invalid("You cannot expand more than 4 levels of a property.", param="expand")
        await _step(store, copy, steps, path)
    return copy


async def _step(store: Store, node: object, steps: list[str], path: str) -> None:
    if isinstance(node, list):
        for item in node:
            await _step(store, item, steps, path)
        return
    if not steps or not isinstance(node, dict):
        return
    name, *rest = steps
    kind = node.get("object", "")
    if (kind, name) in INCLUDES:
        if name not in node:
            node[name] = deepcopy(await INCLUDES[kind, name](store, node))
    elif name not in node:
        raise invalid(f"This property cannot be expanded ({path}).", param="expand")
    elif isinstance(node[name], str):
        found = await store.find(node[name])
        if found is None:
            raise invalid(f"This property cannot be expanded ({path}).", param="expand")
        node[name] = found
    elif isinstance(node[name], list) and all(isinstance(item, str) for item in node[name]):
        node[name] = [await store.find(item) or item for item in node[name]]
    await _step(store, node[name], rest, path)
