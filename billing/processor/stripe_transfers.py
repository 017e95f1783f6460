"""The gateway's part that pays creators: transfers, reversals, payouts to banks."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import stripe
from stripe._v1_services import V1Services

from billing.money import Money
from billing.processor.stripe_calls import asked, once, present, seconds
from billing.processor.stripe_snapshots import Object, moment, reference
from billing.processor.transfers import BankPayout, Transfer, TransferReversal

PAGE = 100
RETURNED = ["balance_transaction", "failure_balance_transaction"]


class StripeTransfers:
    """The part of ``StripeGateway`` that pays creators."""

    _v1: V1Services

    async def create_transfer(
        self,
        *,
        amount: Money,
        destination: str,
        source_charge_id: str | None,
        transfer_group: str | None,
        metadata: Mapping[str, str],
        idempotency_key: str,
    ) -> Transfer:
        params = present(
            amount=amount.amount,
            currency=amount.currency,
            destination=destination,
            source_transaction=source_charge_id,
            transfer_group=transfer_group,
            metadata=dict(metadata),
        )
        return _transfer(await asked(self._v1.transfers.create_async(params, once(idempotency_key))))

    async def retrieve_transfer(self, transfer_id: str) -> Transfer:
        found = await asked(self._v1.transfers.retrieve_async(transfer_id))
        reversals: list[TransferReversal] = []
        after: str | None = None
        # The list inside a transfer is cut at ten.
        while found.get("amount_reversed"):
            params = present(limit=PAGE, starting_after=after)
            page = await asked(self._v1.transfers.reversals.list_async(transfer_id, params))
            reversals += [_reversal(item) for item in page["data"]]
            if not page["has_more"]:
                break
            after = page["data"][-1]["id"]
        return _transfer(found, tuple(sorted(reversals, key=lambda one: (one.created_at, one.id))))

    async def list_transfers(self, *, destination: str, since: datetime) -> list[Transfer]:
        found: list[Transfer] = []
        after: str | None = None
        while True:
            params = present(
                destination=destination, created={"gte": seconds(since)}, limit=PAGE, starting_after=after
            )
            page = await asked(self._v1.transfers.list_async(params))
            found += [_transfer(item) for item in page["data"]]
            if not page["has_more"]:
                return found
            after = page["data"][-1]["id"]

    async def reverse_transfer(
        self, transfer_id: str, *, amount: int, metadata: Mapping[str, str], idempotency_key: str
    ) -> TransferReversal:
        params = present(amount=amount, metadata=dict(metadata))
        return _reversal(
            await asked(self._v1.transfers.reversals.create_async(transfer_id, params, once(idempotency_key)))
        )

    async def retrieve_bank_payout(self, payout_id: str, *, account: str | None) -> BankPayout:
        options: stripe.RequestOptions = {"stripe_account": account} if account else {}
        return _bank_payout(
            await asked(self._v1.payouts.retrieve_async(payout_id, {"expand": RETURNED}, options))
        )


def _transfer(found: Object, reversals: tuple[TransferReversal, ...] = ()) -> Transfer:
    return Transfer(
        id=found["id"],
        amount=Money(found["amount"], found["currency"]),
        destination=reference(found["destination"]) or "",
        source_charge_id=reference(found.get("source_transaction")),
        created_at=moment(found["created"]),
        reversals=reversals,
        metadata=dict(found.get("metadata") or {}),
    )


def _reversal(found: Object) -> TransferReversal:
    return TransferReversal(
        id=found["id"],
        transfer_id=reference(found["transfer"]) or "",
        amount=Money(found["amount"], found["currency"]),
        created_at=moment(found["created"]),
        metadata=dict(found.get("metadata") or {}),
    )


def _bank_payout(found: Object) -> BankPayout:
    left, back = _moved(found.get("balance_transaction")), _moved(found.get("failure_balance_transaction"))
    arrives = found.get("arrival_date")
    return BankPayout(
        id=found["id"],
        amount=Money(found["amount"], found["currency"]),
        fee=left["fee"] if left else 0,
        status=found["status"],
        failure_code=found.get("failure_code"),
        arrives_at=None if arrives is None else moment(arrives),
        created_at=moment(found["created"]),
        left=moment(left["created"]) if left else None,
        returned=moment(back["created"]) if back else None,
        returned_amount=back["net"] if back else 0,
    )


def _moved(transaction: Any) -> Object | None:
    return transaction if isinstance(transaction, Mapping) else None
