"""Objects as Stripe shows them: nullable fields are there, as null; private and includable ones are not.

Private state is kept beside the public fields under names that begin with an underscore.
"""

import secrets
import string
from functools import cache
from importlib import import_module
from typing import Any, Union, get_args, get_origin

from stripe._object_classes import OBJECT_CLASSES

Body = dict[str, Any]

_ALPHABET = string.ascii_letters + string.digits

INCLUDABLE = frozenset(
    {
        *("deleted", "subscriptions", "sources", "tax_ids", "tax", "cash_balance", "invoice_credit_balance"),
        *("line_items", "tiers", "currency_options", "payments", "refunds", "confirmation_secret"),
        *("level3", "individual", "company", "groups", "secret", "account", "source_types"),
    }
)
"""Fields Stripe leaves out unless asked, or unless they apply."""


def new_id(prefix: str, length: int = 24) -> str:
    """A fresh id such as ``cus_…``."""
    return f"{prefix}_{''.join(secrets.choice(_ALPHABET) for _ in range(length))}"


@cache
def _nullable(name: str) -> tuple[str, ...]:
    module, attribute = OBJECT_CLASSES[name]
    fields = getattr(import_module(module), attribute).__annotations__
    return tuple(
        field
        for field, hint in fields.items()
        if get_origin(hint) is Union and type(None) in get_args(hint) and field not in INCLUDABLE
    )


def build(name: str, /, **fields: Any) -> Body:
    """A new object of Stripe's type ``name``; what may be null and is not given is null."""
    body = {"object": name, **fields}
    if name != "payment_method":  # has a field for each of sixty ways to pay, and shows one
        for field in _nullable(name):
            body.setdefault(field, None)
    return body


def public(value: Any) -> Any:
    """A copy of the value without private state, at every depth."""
    if isinstance(value, dict):
        return {key: public(item) for key, item in value.items() if not key.startswith("_")}
    if isinstance(value, list):
        return [public(item) for item in value]
    return value


def list_of(data: list[Any], url: str, *, has_more: bool = False) -> Body:
    """A list as Stripe shows it."""
    return {"object": "list", "data": data, "has_more": has_more, "url": url}


def merge(body: Body, params: Body, *fields: str) -> None:
    """Takes the named parameters over, and ``metadata`` by its rule; an empty text unsets."""
    for field in fields:
        if field in params:
            body[field] = None if params[field] == "" else params[field]
    if "metadata" in params:
        changes = params["metadata"] or dict.fromkeys(body["metadata"], "")
        merged = {**(body["metadata"] or {}), **changes}
        body["metadata"] = {key: value for key, value in merged.items() if value != ""}


def changes(before: Body, after: Body) -> Body:
    """The old values of what changed: an event's ``previous_attributes``."""
    return {
        key: before.get(key) for key in after if not key.startswith("_") and before.get(key) != after[key]
    }
