"""The tables of this room: hosted payments begun, subscriptions, sales, refunds."""

import sqlalchemy as sa
from sqlmodel import SQLModel

_NOW = sa.text("zhihao_now()")
_TIME = sa.DateTime(timezone=True)

checkout = sa.Table(
    "checkout",
    SQLModel.metadata,
    # Also the intent's id, and the processor's client_reference_id.
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("account_id", sa.Uuid, nullable=False),
    sa.Column("organization_id", sa.Uuid),
    sa.Column("knowledge_base_id", sa.Uuid),
    sa.Column("plan_id", sa.Uuid),
    sa.Column("price_id", sa.Uuid),
    sa.Column("tip_id", sa.Uuid),
    # Where the visit that led here came from.
    sa.Column("ref", sa.Text),
    sa.Column("stripe_session_id", sa.Text),
    sa.Column("url", sa.Text),
    # opening: asked for, not answered; replaced: by a newer one, and closed at the processor.
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("created_at", _TIME, nullable=False, server_default=_NOW),
    sa.Column("completed_at", _TIME),
    sa.CheckConstraint("kind IN ('subscription', 'pass', 'tip', 'contract')", name="checkout_kind_check"),
    sa.CheckConstraint(
        "status IN ('opening', 'open', 'complete', 'expired', 'replaced', 'failed')",
        name="checkout_status_check",
    ),
    sa.UniqueConstraint("stripe_session_id", name="checkout_stripe_unique"),
    sa.Index("checkout_account_index", "account_id", "knowledge_base_id"),
    sa.Index("checkout_knowledge_base_index", "knowledge_base_id", "created_at"),
)

subscription = sa.Table(
    "subscription",
    SQLModel.metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("account_id", sa.Uuid, nullable=False),
    sa.Column("knowledge_base_id", sa.Uuid, nullable=False),
    sa.Column("creator_id", sa.Uuid, nullable=False),
    sa.Column("plan_id", sa.Uuid, nullable=False),
    # The price it was bought at, kept until its holder is told of another.
    sa.Column("price_id", sa.Uuid, nullable=False),
    # What it changes to at the end of the period, if it does.
    sa.Column("pending_plan_id", sa.Uuid),
    sa.Column("checkout_id", sa.Uuid),
    sa.Column("ref", sa.Text),
    sa.Column("stripe_subscription_id", sa.Text, nullable=False),
    sa.Column("stripe_customer_id", sa.Text, nullable=False),
    sa.Column("stripe_item_id", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("started_at", _TIME, nullable=False),
    sa.Column("current_period_start", _TIME),
    sa.Column("current_period_end", _TIME),
    sa.Column("trial_end", _TIME),
    sa.Column("cancel_at_period_end", sa.Boolean, nullable=False),
    sa.Column("canceled_at", _TIME),
    sa.Column("ended_at", _TIME),
    # When it was first seen unpaid; grace is counted from here.
    sa.Column("past_due_since", _TIME),
    sa.Column("created_at", _TIME, nullable=False, server_default=_NOW),
    sa.Column("updated_at", _TIME, nullable=False, server_default=_NOW),
    sa.UniqueConstraint("stripe_subscription_id", name="subscription_stripe_unique"),
    sa.Index("subscription_account_index", "account_id", "id"),
    sa.Index("subscription_knowledge_base_index", "knowledge_base_id", "status"),
    sa.Index("subscription_creator_index", "creator_id"),
)

# One successful charge. Presentment is what the buyer saw; settlement what reached the balance, in which
# everything is split and posted.
sale = sa.Table(
    "sale",
    SQLModel.metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    # Null for a metered invoice, whose creators are many.
    sa.Column("creator_id", sa.Uuid),
    sa.Column("account_id", sa.Uuid),
    sa.Column("organization_id", sa.Uuid),
    sa.Column("knowledge_base_id", sa.Uuid),
    sa.Column("subscription_id", sa.Uuid),
    sa.Column("plan_id", sa.Uuid),
    sa.Column("tip_id", sa.Uuid),
    sa.Column("ref", sa.Text),
    sa.Column("stripe_charge_id", sa.Text, nullable=False),
    sa.Column("stripe_payment_intent_id", sa.Text),
    sa.Column("stripe_invoice_id", sa.Text),
    sa.Column("stripe_balance_transaction_id", sa.Text, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("tax", sa.BigInteger, nullable=False),
    sa.Column("settled_amount", sa.BigInteger, nullable=False),
    sa.Column("settled_currency", sa.Text, nullable=False),
    sa.Column("settled_tax", sa.BigInteger, nullable=False),
    sa.Column("exchange_rate", sa.Numeric),
    sa.Column("fee", sa.BigInteger, nullable=False),
    # The split, in the settlement currency: creator + platform + tax = settled; the fees sum to fee.
    sa.Column("creator_amount", sa.BigInteger, nullable=False),
    sa.Column("platform_amount", sa.BigInteger, nullable=False),
    sa.Column("creator_fee", sa.BigInteger, nullable=False),
    sa.Column("platform_fee", sa.BigInteger, nullable=False),
    sa.Column("take_rate_bps", sa.Integer, nullable=False),
    # Given back so far, in both currencies.
    sa.Column("refunded", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("settled_refunded", sa.BigInteger, nullable=False, server_default="0"),
    # While a dispute over it is open: it is not paid out.
    sa.Column("frozen_at", _TIME),
    # What the invoice was for; null for what has no period.
    sa.Column("period_start", _TIME),
    sa.Column("period_end", _TIME),
    sa.Column("paid_at", _TIME, nullable=False),
    sa.Column("created_at", _TIME, nullable=False, server_default=_NOW),
    sa.CheckConstraint("kind IN ('subscription', 'pass', 'tip', 'metered')", name="sale_kind_check"),
    sa.CheckConstraint(
        "creator_amount + platform_amount + settled_tax = settled_amount"
        " AND creator_fee + platform_fee = fee",
        name="sale_split_check",
    ),
    sa.UniqueConstraint("stripe_charge_id", name="sale_stripe_charge_unique"),
    sa.Index("sale_creator_index", "creator_id", "id"),
    sa.Index("sale_account_index", "account_id"),
    sa.Index("sale_knowledge_base_index", "knowledge_base_id", "paid_at"),
    sa.Index("sale_subscription_index", "subscription_id"),
)

refund = sa.Table(
    "refund",
    SQLModel.metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("sale_id", sa.Uuid, sa.ForeignKey("sale.id"), nullable=False),
    sa.Column("stripe_refund_id", sa.Text, nullable=False),
    sa.Column("stripe_balance_transaction_id", sa.Text),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("settled_amount", sa.BigInteger, nullable=False),
    sa.Column("settled_currency", sa.Text, nullable=False),
    sa.Column("fee", sa.BigInteger, nullable=False),
    sa.Column("created_at", _TIME, nullable=False),
    sa.UniqueConstraint("stripe_refund_id", name="refund_stripe_unique"),
    sa.Index("refund_sale_index", "sale_id"),
)

refund_request = sa.Table(
    "refund_request",
    SQLModel.metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("subscription_id", sa.Uuid, sa.ForeignKey("subscription.id"), nullable=False),
    sa.Column("account_id", sa.Uuid, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("created_at", _TIME, nullable=False, server_default=_NOW),
    sa.Column("answered_at", _TIME),
    sa.CheckConstraint("status IN ('open', 'granted', 'declined')", name="refund_request_status_check"),
    sa.Index(
        "refund_request_open_unique",
        "subscription_id",
        unique=True,
        postgresql_where=sa.text("status = 'open'"),
    ),
    sa.Index("refund_request_account_index", "account_id"),
)
