"""What is sold: products and prices, as they are made."""

from copy import deepcopy
from decimal import Decimal

from billing.sandbox.errors import invalid, missing_param
from billing.sandbox.shape import Body, build, merge, new_id
from billing.sandbox.store import Store

PRODUCT_FIELDS = (
    *("active", "description", "images", "marketing_features", "name", "package_dimensions", "shippable"),
    *("statement_descriptor", "tax_code", "unit_label", "url", "default_price"),
)


async def new_product(store: Store, params: Body) -> Body:
    """Creates a product from the parameters of ``products.create``."""
    id = params.get("id") or new_id("prod", 14)
    if await store.find(id):
        raise invalid(f"Product already exists: {id}", param="id", code="resource_already_exists")
    product = build(
        "product",
        id=id,
        active=True,
        created=store.now,
        images=[],
        livemode=False,
        marketing_features=[],
        metadata={},
        name=params["name"],
        type=params.get("type", "service"),
        updated=store.now,
    )
    merge(product, params, *PRODUCT_FIELDS)
    if default := params.get("default_price_data"):
        price = await new_price(store, {**default, "product": id}, product)
        product["default_price"] = price["id"]
    return await store.created(product)


async def new_price(store: Store, params: Body, product: Body | None = None) -> Body:
    """Creates a price from the parameters of ``prices.create``, or from ``price_data``."""
    if product is None:
        if data := params.get("product_data"):
            product = await new_product(store, {key: data[key] for key in data if key != "tax_details"})
        elif "product" in params:
            product = await store.get(params["product"], "product", "product")
        else:
            raise missing_param("product")
    recurring = params.get("recurring")
    price = build(
        "price",
        id=new_id("price"),
        active=params.get("active", True),
        billing_scheme=params.get("billing_scheme", "per_unit"),
        created=store.now,
        currency=params["currency"].lower(),
        livemode=False,
        lookup_key=params.get("lookup_key"),
        metadata=params.get("metadata") or {},
        nickname=params.get("nickname"),
        product=product["id"],
        recurring=await _recurring(store, recurring) if recurring else None,
        tax_behavior=params.get("tax_behavior", "unspecified"),
        tiers_mode=params.get("tiers_mode"),
        transform_quantity=params.get("transform_quantity"),
        type="recurring" if recurring else "one_time",
        **_unit(params, "unit_amount"),
    )
    if price["billing_scheme"] == "tiered":
        price["_tiers"] = _tiers(params)
        price["unit_amount"] = price["unit_amount_decimal"] = None
    elif price["unit_amount_decimal"] is None and not params.get("custom_unit_amount"):
        raise missing_param("unit_amount")
    await take_lookup_key(store, price, transfer=params.get("transfer_lookup_key", False))
    return await store.created(price)


async def _recurring(store: Store, params: Body) -> Body:
    usage_type = params.get("usage_type", "licensed")
    meter = params.get("meter")
    if meter:
        await store.get(meter, "billing.meter", "recurring[meter]")
    if usage_type == "metered" and not meter:
        raise invalid("Metered prices must be backed by meters.", param="recurring[meter]")
    if usage_type == "licensed" and meter:
        raise invalid("A licensed price cannot have a meter.", param="recurring[meter]")
    return {
        "interval": params["interval"],
        "interval_count": params.get("interval_count", 1),
        "meter": meter,
        "trial_period_days": params.get("trial_period_days"),
        "usage_type": usage_type,
    }


def _unit(params: Body, name: str) -> Body:
    """An amount in both of its forms: whole minor units where it is whole, and decimal."""
    text = params.get(f"{name}_decimal", params.get(name))
    if text is None:
        return {name: None, f"{name}_decimal": None}
    value = Decimal(str(text))
    if value < 0:
        raise invalid("Invalid non-negative integer", param=name)
    whole = int(value) if value == value.to_integral_value() else None
    return {name: whole, f"{name}_decimal": format(value.normalize(), "f")}


def _tiers(params: Body) -> list[Body]:
    tiers = params.get("tiers") or []
    if not tiers or "tiers_mode" not in params:
        raise missing_param("tiers" if not tiers else "tiers_mode")
    bounds = [tier["up_to"] for tier in tiers]
    if bounds[-1] != "inf" or bounds[:-1] != sorted(set(bounds[:-1])) or "inf" in bounds[:-1]:
        raise invalid("Tiers must rise, and the last must be up to inf.", param="tiers")
    return [
        {
            **_unit(tier, "flat_amount"),
            **_unit(tier, "unit_amount"),
            "up_to": None if tier["up_to"] == "inf" else tier["up_to"],
        }
        for tier in tiers
    ]


async def take_lookup_key(store: Store, price: Body, *, transfer: bool) -> None:
    """Gives the price its key, from another with ``transfer``. Raises ``ApiError`` 400 without."""
    key = price["lookup_key"]
    if not key:
        return
    for other in await store.select("price", lookup_key=key):
        if other["id"] == price["id"]:
            continue
        if not transfer:
            raise invalid(
                f"A price (`{other['id']}`) already uses that lookup key.",
                param="lookup_key",
                code="resource_already_exists",
            )
        before = deepcopy(other)
        other["lookup_key"] = None
        await store.changed(before, other)
