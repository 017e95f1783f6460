"""The part of the gateway that fights for money."""

from stripe._v1_services import V1Services

from billing.money import Money
from billing.processor.disputes import Dispute, FraudWarning
from billing.processor.stripe_calls import asked, once
from billing.processor.stripe_refunds import movement
from billing.processor.stripe_snapshots import Object, moment, reference


class StripeDisputes:
    """Disputes, and the warnings that come before some."""

    _v1: V1Services

    async def retrieve_dispute(self, dispute_id: str) -> Dispute:
        return dispute(await asked(self._v1.disputes.retrieve_async(dispute_id)))

    async def send_evidence(
        self, dispute_id: str, *, text: str, submit: bool, idempotency_key: str
    ) -> Dispute:
        return dispute(
            await asked(
                self._v1.disputes.update_async(
                    dispute_id,
                    {"evidence": {"uncategorized_text": text}, "submit": submit},
                    once(idempotency_key),
                )
            )
        )

    async def retrieve_fraud_warning(self, warning_id: str) -> FraudWarning:
        return fraud_warning(await asked(self._v1.radar.early_fraud_warnings.retrieve_async(warning_id)))


def dispute(stripe: Object) -> Dispute:
    details = stripe.get("evidence_details") or {}
    due_by = details.get("due_by")
    movements = (movement(each) for each in stripe.get("balance_transactions") or ())
    return Dispute(
        id=stripe["id"],
        charge_id=str(reference(stripe["charge"])),
        status=stripe["status"],
        reason=stripe["reason"],
        disputed=Money(stripe["amount"], stripe["currency"]),
        refundable=bool(stripe.get("is_charge_refundable")),
        evidence_due_by=None if due_by is None else moment(due_by),
        has_evidence=bool(details.get("has_evidence")),
        movements=tuple(each for each in movements if each is not None),
        opened_at=moment(stripe["created"]),
    )


def fraud_warning(stripe: Object) -> FraudWarning:
    return FraudWarning(
        id=stripe["id"],
        charge_id=str(reference(stripe["charge"])),
        fraud_type=stripe["fraud_type"],
        actionable=bool(stripe["actionable"]),
        warned_at=moment(stripe["created"]),
    )
