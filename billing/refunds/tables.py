"""The tables of this room: refunds, what was asked for, disputes and the evidence sent, fraud warnings."""

import sqlalchemy as sa
from sqlmodel import SQLModel

_NOW = sa.text("zhihao_now()")
_TIME = sa.DateTime(timezone=True)

refund = sa.Table(
    "refund",
    SQLModel.metadata,
    # Also the intent's id, and in the metadata of the refund at the processor.
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("sale_id", sa.Uuid, nullable=False),
    # Who gave it; null for one made at the processor, or by the service itself.
    sa.Column("actor_id", sa.Uuid),
    sa.Column("as_operator", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("reason", sa.Text, nullable=False, server_default=""),
    # asked: of the processor, whose answer is not known; refused: by the processor, nothing moved.
    sa.Column("status", sa.Text, nullable=False, server_default="succeeded"),
    sa.Column("failure_reason", sa.Text),
    # Whether the subscription that was paid for ends with it.
    sa.Column("ends_subscription", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("stripe_refund_id", sa.Text),
    # Posted when set: what left the balance, and what came back when the refund failed.
    sa.Column("stripe_balance_transaction_id", sa.Text),
    sa.Column("failure_balance_transaction_id", sa.Text),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    # What left the balance and did not come back, in the settlement currency.
    sa.Column("settled_amount", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("settled_currency", sa.Text),
    sa.Column("fee", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("created_at", _TIME, nullable=False, server_default=_NOW),
    sa.Column("updated_at", _TIME, nullable=False, server_default=_NOW),
    sa.CheckConstraint("amount > 0", name="refund_amount_check"),
    sa.CheckConstraint(
        "status IN ('asked', 'pending', 'requires_action', 'succeeded', 'failed', 'canceled', 'refused')",
        name="refund_status_check",
    ),
    sa.UniqueConstraint("stripe_refund_id", name="refund_stripe_unique"),
    sa.Index("refund_sale_index", "sale_id"),
    sa.Index("refund_asked_index", "created_at", postgresql_where=sa.text("status = 'asked'")),
)

refund_request = sa.Table(
    "refund_request",
    SQLModel.metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("sale_id", sa.Uuid, nullable=False),
    sa.Column("subscription_id", sa.Uuid),
    sa.Column("account_id", sa.Uuid, nullable=False),
    sa.Column("creator_id", sa.Uuid),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    # What its reader is told when it is declined.
    sa.Column("answer", sa.Text),
    sa.Column("answered_by", sa.Uuid),
    sa.Column("refund_id", sa.Uuid),
    sa.Column("created_at", _TIME, nullable=False, server_default=_NOW),
    sa.Column("answered_at", _TIME),
    sa.CheckConstraint(
        "status IN ('open', 'granted', 'declined', 'withdrawn')", name="refund_request_status_check"
    ),
    sa.Index(
        "refund_request_open_unique", "sale_id", unique=True, postgresql_where=sa.text("status = 'open'")
    ),
    sa.Index("refund_request_account_index", "account_id", "id"),
    sa.Index("refund_request_creator_index", "creator_id", "id"),
    sa.Index("refund_request_refund_index", "refund_id"),
)

dispute = sa.Table(
    "dispute",
    SQLModel.metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("sale_id", sa.Uuid, nullable=False),
    # Null on a metered invoice, whose creators are many.
    sa.Column("creator_id", sa.Uuid),
    sa.Column("stripe_dispute_id", sa.Text, nullable=False),
    # The processor's words.
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    # An inquiry may be ended by a refund; a chargeback may not.
    sa.Column("refundable", sa.Boolean, nullable=False),
    sa.Column("evidence_due_by", _TIME),
    sa.Column("has_evidence", sa.Boolean, nullable=False),
    # Posted so far, in the settlement currency; each by one balance transaction.
    sa.Column("withdrawn", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("withdrawn_transaction_id", sa.Text),
    sa.Column("reinstated", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("reinstated_transaction_id", sa.Text),
    sa.Column("fee", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("settled_currency", sa.Text),
    # An operator's judgement; without one, the reason decides.
    sa.Column("creator_at_fault", sa.Boolean),
    # How much of the fee the creator bears now, and how often that was changed.
    sa.Column("creator_fee", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("fee_moves", sa.Integer, nullable=False, server_default="0"),
    sa.Column("opened_at", _TIME, nullable=False),
    sa.Column("closed_at", _TIME),
    sa.Column("updated_at", _TIME, nullable=False, server_default=_NOW),
    sa.UniqueConstraint("stripe_dispute_id", name="dispute_stripe_unique"),
    sa.Index("dispute_sale_index", "sale_id"),
    sa.Index("dispute_creator_index", "creator_id", "id"),
)

dispute_evidence = sa.Table(
    "dispute_evidence",
    SQLModel.metadata,
    # Also the intent's id.
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("dispute_id", sa.Uuid, sa.ForeignKey("dispute.id"), nullable=False),
    sa.Column("author_id", sa.Uuid, nullable=False),
    sa.Column("as_operator", sa.Boolean, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    # Submitted goes to the bank, which decides; the rest is kept at the processor until then.
    sa.Column("submitted", sa.Boolean, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("created_at", _TIME, nullable=False, server_default=_NOW),
    sa.CheckConstraint("status IN ('asked', 'sent', 'refused')", name="dispute_evidence_status_check"),
    sa.Index("dispute_evidence_dispute_index", "dispute_id", "id"),
)

fraud_warning = sa.Table(
    "fraud_warning",
    SQLModel.metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("sale_id", sa.Uuid, nullable=False),
    sa.Column("stripe_warning_id", sa.Text, nullable=False),
    sa.Column("fraud_type", sa.Text, nullable=False),
    # Whether a refund could still spare the dispute, when it was last looked at.
    sa.Column("actionable", sa.Boolean, nullable=False),
    sa.Column("refund_id", sa.Uuid),
    sa.Column("warned_at", _TIME, nullable=False),
    sa.Column("created_at", _TIME, nullable=False, server_default=_NOW),
    sa.UniqueConstraint("stripe_warning_id", name="fraud_warning_stripe_unique"),
    sa.Index("fraud_warning_sale_index", "sale_id"),
)
