"""The part of the gateway that gives money back."""

from collections.abc import Mapping

from stripe._v1_services import V1Services

from billing.money import Money
from billing.processor.refunds import BalanceMovement, Refund
from billing.processor.stripe_calls import asked, once, present
from billing.processor.stripe_snapshots import Object, moment, reference

MOVEMENTS = ("balance_transaction", "failure_balance_transaction")


class StripeRefunds:
    """Refunds, each with its balance transactions."""

    _v1: V1Services

    async def list_refunds(self, charge_id: str) -> list[Refund]:
        found: list[Refund] = []
        after: str | None = None
        while True:
            params = present(
                charge=charge_id,
                limit=100,
                expand=[f"data.{name}" for name in MOVEMENTS],
                starting_after=after,
            )
            page = await asked(self._v1.refunds.list_async(params))
            found += [refund(item) for item in page["data"]]
            if not page["has_more"]:
                return sorted(found, key=lambda refund: (refund.created_at, refund.id))
            after = page["data"][-1]["id"]

    async def create_refund(
        self, charge_id: str, *, amount: int | None, metadata: Mapping[str, str], idempotency_key: str
    ) -> Refund:
        params = present(charge=charge_id, amount=amount, metadata=dict(metadata), expand=[*MOVEMENTS])
        return refund(await asked(self._v1.refunds.create_async(params, once(idempotency_key))))


def movement(stripe: object) -> BalanceMovement | None:
    """Of a balance transaction; None where there is none."""
    if not isinstance(stripe, Mapping):
        return None
    moved = Money(stripe["amount"], stripe["currency"])
    return BalanceMovement(stripe["id"], moved, stripe["fee"], moment(stripe["created"]))


def refund(stripe: Object) -> Refund:
    return Refund(
        id=stripe["id"],
        charge_id=str(reference(stripe["charge"])),
        status=stripe.get("status") or "pending",
        presented=Money(stripe["amount"], stripe["currency"]),
        left=movement(stripe.get("balance_transaction")),
        returned=movement(stripe.get("failure_balance_transaction")),
        failure_reason=stripe.get("failure_reason"),
        created_at=moment(stripe["created"]),
        metadata=dict(stripe.get("metadata") or {}),
    )
