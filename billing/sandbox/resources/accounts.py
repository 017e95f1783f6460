"""Connected accounts, their onboarding links and their dashboard links."""

from copy import deepcopy

from billing.sandbox.booking import balance
from billing.sandbox.errors import invalid, missing_object
from billing.sandbox.routes import Call, route
from billing.sandbox.shape import Body, build, list_of, merge, new_id
from billing.sandbox.store import Store

LINK_SECONDS = 300

CURRENCIES = {
    **dict.fromkeys(("AT", "BE", "DE", "ES", "FI", "FR", "IE", "IT", "NL", "PT"), "eur"),
    "US": "usd",
    "GB": "gbp",
    "CA": "cad",
    "CH": "chf",
    "HK": "hkd",
    "SG": "sgd",
    "JP": "jpy",
    "CN": "cny",
    "TW": "twd",
    "AU": "aud",
    "NZ": "nzd",
    "SE": "sek",
    "NO": "nok",
    "DK": "dkk",
    "MY": "myr",
    "TH": "thb",
}
RESTRICTED = ("individual.verification.document",)
ASKED = ("business_type", "external_account", "tos_acceptance.date", "tos_acceptance.ip")


@route("POST", "/v1/accounts", "_account_create_params:AccountCreateParams")
async def create(call: Call) -> Body:
    params, store = call.params, call.store
    country = params.get("country") or store.config.country
    if country not in CURRENCIES:
        raise invalid(f"Country '{country}' is unknown.", param="country", code="country_unsupported")
    controller = params.get("controller") or {}
    dashboard = (controller.get("stripe_dashboard") or {}).get("type", "full")
    collects = controller.get("requirement_collection", "stripe")
    kinds = {
        ("express", "stripe"): "express",
        ("full", "stripe"): "standard",
        ("none", "application"): "custom",
    }
    account = build(
        "account",
        id=new_id("acct", 16),
        business_profile=dict.fromkeys(
            ("annual_revenue", "estimated_worker_count", "mcc", "minority_owned_business_designation", "name")
        )
        | dict.fromkeys(("product_description", "support_address", "support_email", "support_phone"))
        | dict.fromkeys(("support_url", "url")),
        capabilities=dict.fromkeys(_requested(params), "inactive"),
        charges_enabled=False,
        controller={
            "fees": {"payer": "account", **(controller.get("fees") or {})},
            "is_controller": True,
            "losses": {"payments": "stripe", **(controller.get("losses") or {})},
            "requirement_collection": collects,
            "stripe_dashboard": {"type": dashboard},
            "type": "application",
        },
        country=country,
        created=store.now,
        default_currency=params.get("default_currency", CURRENCIES[country]),
        details_submitted=False,
        external_accounts=list_of([], ""),
        future_requirements=_requirements(()),
        metadata={},
        payouts_enabled=False,
        requirements=_requirements(ASKED),
        settings={
            "branding": {"icon": None, "logo": None, "primary_color": None, "secondary_color": None},
            "card_payments": {
                "decline_on": {"avs_failure": False, "cvc_failure": False},
                "statement_descriptor_prefix": None,
                "statement_descriptor_prefix_kana": None,
                "statement_descriptor_prefix_kanji": None,
            },
            "dashboard": {"display_name": None, "timezone": "Etc/UTC"},
            "payments": {
                "statement_descriptor": None,
                "statement_descriptor_kana": None,
                "statement_descriptor_kanji": None,
            },
        },
        tos_acceptance={"date": None, "ip": None, "user_agent": None},
        type=params.get("type") or kinds.get((dashboard, collects), "none"),
    )
    account["external_accounts"]["url"] = f"/v1/accounts/{account['id']}/external_accounts"
    merge(account, params, "business_type", "email")
    account["business_profile"].update(params.get("business_profile") or {})
    await store.put(account)
    if account["type"] == "custom" and params.get("tos_acceptance"):
        return await onboard(store, account)  # it brought its papers itself
    return account


def _requested(params: Body) -> list[str]:
    return [name for name, one in (params.get("capabilities") or {}).items() if one.get("requested")]


def _requirements(due: tuple[str, ...]) -> Body:
    return {
        "alternatives": [],
        "current_deadline": None,
        "currently_due": list(due),
        "disabled_reason": "requirements.past_due" if due else None,
        "errors": [],
        "eventually_due": list(due),
        "past_due": list(due),
        "pending_verification": [],
    }


@route("GET", "/v1/accounts", "_account_list_params:AccountListParams")
async def listing(call: Call) -> Body:
    return await call.store.page("account", call.params, call.path)


@route("GET", "/v1/accounts/{account}", "_account_retrieve_params:AccountRetrieveParams")
async def retrieve(call: Call) -> Body:
    return await call.store.get(call.ids["account"], "account", "account")


@route("POST", "/v1/accounts/{account}", "_account_update_params:AccountUpdateParams")
async def update(call: Call) -> Body:
    account = await call.store.get(call.ids["account"], "account", "account")
    before = deepcopy(account)
    merge(account, call.params, "business_type", "email", "default_currency")
    account["business_profile"].update(call.params.get("business_profile") or {})
    for name in _requested(call.params):
        account["capabilities"].setdefault(name, "active" if account["details_submitted"] else "inactive")
    return await changed(call.store, before, account)


async def changed(store: Store, before: Body, account: Body) -> Body:
    """Writes the account; its events, and its capabilities', carry its id as Connect's do."""
    await store.put(account)
    if before == account:
        return account
    previous = {key: before[key] for key in account if before.get(key) != account[key]}
    await store.emit("account.updated", account, previous, account=account["id"])
    for name, status in account["capabilities"].items():
        if before["capabilities"].get(name) != status:
            await store.emit("capability.updated", capability(account, name), account=account["id"])
    return account


def capability(account: Body, name: str) -> Body:
    """One capability as an object of its own."""
    due = account["requirements"]["currently_due"]
    return {
        "id": name,
        "object": "capability",
        "account": account["id"],
        "future_requirements": _requirements(()),
        "requested": True,
        "requested_at": account["created"],
        "requirements": {
            **_requirements(tuple(due)),
            "disabled_reason": "requirements.fields_needed" if due else None,
        },
        "status": account["capabilities"][name],
    }


async def onboard(store: Store, account: Body) -> Body:
    """What submitting the hosted page does: details in, capabilities active, payouts on."""
    before = deepcopy(account)
    account.update(
        details_submitted=True,
        payouts_enabled=True,
        charges_enabled="card_payments" in account["capabilities"],
        business_type=account["business_type"] or "individual",
        requirements=_requirements(()),
        capabilities=dict.fromkeys(account["capabilities"], "active"),
    )
    account["tos_acceptance"]["date"] = store.now
    return await changed(store, before, account)


@route("DELETE", "/v1/accounts/{account}", "_account_delete_params:AccountDeleteParams")
async def delete(call: Call) -> Body:
    """Forgets an account that holds nothing."""
    account = await call.store.get(call.ids["account"], "account", "account")
    if any(sum(amounts) for amounts in (await balance(call.store.of(account["id"]))).values()):
        raise invalid("The account still has a balance.", param="account")
    await deauthorize(call.store, account)
    return {"id": account["id"], "object": "account", "deleted": True}


async def deauthorize(store: Store, account: Body) -> None:
    """The account leaves the platform, which may not touch it any more."""
    await store.remove(account["id"])
    application = {"id": "ca_sandbox", "object": "application", "name": "Zhihao"}
    await store.emit("account.application.deauthorized", application, account=account["id"])


async def restrict(store: Store, account: Body, *, restricted: bool) -> Body:
    """Something is wanted of the account, and until it is there nothing is paid; or all is well again."""
    before = deepcopy(account)
    due = RESTRICTED if restricted else ()
    account.update(
        payouts_enabled=account["details_submitted"] and not restricted,
        charges_enabled="card_payments" in account["capabilities"] and not restricted,
        requirements=_requirements(due),
        capabilities=dict.fromkeys(
            account["capabilities"],
            "active" if account["details_submitted"] and not restricted else "inactive",
        ),
    )
    return await changed(store, before, account)


@route(
    "GET",
    "/v1/accounts/{account}/capabilities/{capability}",
    "_account_capability_retrieve_params:AccountCapabilityRetrieveParams",
)
async def retrieve_capability(call: Call) -> Body:
    account = await call.store.get(call.ids["account"], "account", "account")
    if call.ids["capability"] not in account["capabilities"]:
        raise missing_object("capability", call.ids["capability"], "capability")
    return capability(account, call.ids["capability"])


@route(
    "GET",
    "/v1/accounts/{account}/capabilities",
    "_account_capability_list_params:AccountCapabilityListParams",
)
async def capabilities(call: Call) -> Body:
    account = await call.store.get(call.ids["account"], "account", "account")
    return list_of([capability(account, name) for name in account["capabilities"]], call.path)


@route("POST", "/v1/account_links", "_account_link_create_params:AccountLinkCreateParams")
async def create_link(call: Call) -> Body:
    params, store = call.params, call.store
    account = await store.get(params["account"], "account", "account")
    for name in ("refresh_url", "return_url"):
        if name not in params:
            raise invalid(f"Missing required param: {name}.", param=name, code="parameter_missing")
    link = {
        "object": "account_link",
        "created": store.now,
        "expires_at": store.now + LINK_SECONDS,
        "url": f"{call.public_url}/onboard/{(id := new_id('acctlink', 32))}",
    }
    kept = {"_account": account["id"], "_return": params["return_url"], "_refresh": params["refresh_url"]}
    await store.put({**link, **kept, "id": id, "_used": False})
    return link


@route(
    "POST",
    "/v1/accounts/{account}/login_links",
    "_account_login_link_create_params:AccountLoginLinkCreateParams",
)
async def create_login_link(call: Call) -> Body:
    account = await call.store.get(call.ids["account"], "account", "account")
    if account["type"] != "express" or not account["details_submitted"]:
        raise invalid("Cannot create a login link for an account that is not express and onboarded.")
    return {
        "object": "login_link",
        "created": call.store.now,
        "url": f"{call.public_url}/express/{account['id']}",
    }
