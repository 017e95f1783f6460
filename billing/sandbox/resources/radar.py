"""Early fraud warnings: an issuer's word that a charge was not its card's owner's."""

from billing.sandbox.errors import invalid
from billing.sandbox.routes import Call, route
from billing.sandbox.shape import Body, build, new_id
from billing.sandbox.store import Store

KIND = "radar.early_fraud_warning"


async def warn(store: Store, charge: Body) -> Body:
    """The charge's issuer warns. Raises ``ApiError`` 400 for a charge that was not paid."""
    if charge["status"] != "succeeded":
        raise invalid("This charge was not paid: nobody warns of it.", param="charge")
    warning = build(
        KIND,
        id=new_id("issfr"),
        actionable=_actionable(charge),
        charge=charge["id"],
        created=store.now,
        fraud_type="unauthorized_use_of_card",
        livemode=False,
        payment_intent=charge["payment_intent"],
    )
    return await store.created(warning)


def _actionable(charge: Body) -> bool:
    return not charge["disputed"] and not charge["refunded"]


async def _now(store: Store, warning: Body) -> Body:
    """As it is by now: a charge disputed or given back needs no action any more."""
    charge = await store.get(warning["charge"], "charge")
    return await store.put({**warning, "actionable": _actionable(charge)})


@route(
    "GET",
    "/v1/radar/early_fraud_warnings",
    "radar._early_fraud_warning_list_params:EarlyFraudWarningListParams",
)
async def listing(call: Call) -> Body:
    names = ("charge", "payment_intent")
    match = {name: call.params[name] for name in names if name in call.params}
    return await call.store.page(KIND, call.params, call.path, **match)


@route(
    "GET",
    "/v1/radar/early_fraud_warnings/{warning}",
    "radar._early_fraud_warning_retrieve_params:EarlyFraudWarningRetrieveParams",
)
async def retrieve(call: Call) -> Body:
    return await _now(call.store, await call.store.get(call.ids["warning"], KIND, "early_fraud_warning"))
