"""Products and prices."""

from copy import deepcopy

from billing.sandbox.errors import invalid
from billing.sandbox.products import PRODUCT_FIELDS, new_price, new_product, take_lookup_key
from billing.sandbox.routes import Call, route
from billing.sandbox.shape import Body, merge


@route("POST", "/v1/products", "_product_create_params:ProductCreateParams")
async def create_product(call: Call) -> Body:
    return await new_product(call.store, call.params)


@route("GET", "/v1/products", "_product_list_params:ProductListParams")
async def list_products(call: Call) -> Body:
    match = {"active": call.params["active"]} if "active" in call.params else {}
    return await call.store.page("product", call.params, call.path, **match)


@route("GET", "/v1/products/{id}", "_product_retrieve_params:ProductRetrieveParams")
async def retrieve_product(call: Call) -> Body:
    return await call.store.get(call.ids["id"], "product")


@route("POST", "/v1/products/{id}", "_product_update_params:ProductUpdateParams")
async def update_product(call: Call) -> Body:
    product = await call.store.get(call.ids["id"], "product")
    before = deepcopy(product)
    merge(product, call.params, *PRODUCT_FIELDS)
    product["updated"] = call.store.now
    return await call.store.changed(before, product)


@route("DELETE", "/v1/products/{id}", "_product_delete_params:ProductDeleteParams")
async def delete_product(call: Call) -> Body:
    product = await call.store.get(call.ids["id"], "product")
    if await call.store.select("price", product=product["id"]):
        raise invalid("This product cannot be deleted because it has one or more prices.", param="id")
    await call.store.remove(product["id"])
    await call.store.emit("product.deleted", product)
    return {"id": product["id"], "object": "product", "deleted": True}


@route("POST", "/v1/prices", "_price_create_params:PriceCreateParams")
async def create_price(call: Call) -> Body:
    return await new_price(call.store, call.params)


@route("GET", "/v1/prices", "_price_list_params:PriceListParams")
async def list_prices(call: Call) -> Body:
    params = call.params
    match = {key: params[key] for key in ("active", "currency", "product", "type") if key in params}
    if "lookup_keys" not in params:
        return await call.store.page("price", params, call.path, **match)
    found = [
        price
        for key in params["lookup_keys"][:10]
        for price in await call.store.select("price", **match, lookup_key=key)
    ]
    return {"object": "list", "data": found, "has_more": False, "url": call.path}


@route("GET", "/v1/prices/{price}", "_price_retrieve_params:PriceRetrieveParams")
async def retrieve_price(call: Call) -> Body:
    return await call.store.get(call.ids["price"], "price")


@route("POST", "/v1/prices/{price}", "_price_update_params:PriceUpdateParams")
async def update_price(call: Call) -> Body:
    price = await call.store.get(call.ids["price"], "price")
    before = deepcopy(price)
    merge(price, call.params, "active", "lookup_key", "nickname", "tax_behavior")
    await take_lookup_key(call.store, price, transfer=call.params.get("transfer_lookup_key", False))
    return await call.store.changed(before, price)
