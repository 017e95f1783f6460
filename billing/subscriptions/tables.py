"""The tables of this room: hosted payments begun, subscriptions and their changes, sales, refunds."""

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
    # What the buyer agrees to by paying, as it is shown beside the button; and when that was.
    sa.Column("terms_version", sa.Text),
    sa.Column("terms", sa.Text),
    sa.Column("agreed_at", _TIME),
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
    # Where its holder can pay what is due, and when it is tried again by itself; null when nothing is due.
    sa.Column("payment_url", sa.Text),
    sa.Column("next_payment_at", _TIME),
    sa.Column("created_at", _TIME, nullable=False, server_default=_NOW),
    sa.Column("updated_at", _TIME, nullable=False, server_default=_NOW),
    sa.UniqueConstraint("stripe_subscription_id", name="subscription_stripe_unique"),
    sa.Index("subscription_account_index", "account_id", "id"),
    sa.Index("subscription_knowledge_base_index", "knowledge_base_id", "status"),
    sa.Index("subscription_creator_index", "creator_id"),
    sa.Index(
        "subscription_renewal_index",
        "status",
        "current_period_end",
        postgresql_where=sa.text("NOT cancel_at_period_end AND status IN ('active', 'trialing')"),
    ),
)

# A creator asks those who bought a plan at another price to pay its price of now.
reprice = sa.Table(
    "reprice",
    SQLModel.metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("plan_id", sa.Uuid, nullable=False),
    sa.Column("price_id", sa.Uuid, nullable=False),
    # No dearer price is charged before this moment; a lower one comes with the next period.
    sa.Column("not_before", _TIME, nullable=False),
    sa.Column("created_at", _TIME, nullable=False, server_default=_NOW),
    sa.Index("reprice_plan_index", "plan_id", "id"),
)

# What a subscription is to become: its plan, or its price. At most one of a subscription is open.
plan_change = sa.Table(
    "plan_change",
    SQLModel.metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("subscription_id", sa.Uuid, sa.ForeignKey("subscription.id"), nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("plan_id", sa.Uuid, nullable=False),
    sa.Column("price_id", sa.Uuid, nullable=False),
    # asking: of the processor; unpaid: waits for its invoice; pending: waits for its holder to be told, or
    # for the notice to pass; scheduled: the processor does it at effective_at. The others are closed.
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("not_before", _TIME),
    sa.Column("effective_at", _TIME),
    sa.Column("stripe_schedule_id", sa.Text),
    sa.Column("reprice_id", sa.Uuid, sa.ForeignKey("reprice.id")),
    # The change that took this one's place; this one comes back if that one is taken back.
    sa.Column("superseded_by", sa.Uuid),
    sa.Column("told_at", _TIME),
    sa.Column("created_at", _TIME, nullable=False, server_default=_NOW),
    sa.Column("finished_at", _TIME),
    sa.CheckConstraint("kind IN ('upgrade', 'downgrade', 'reprice')", name="plan_change_kind_check"),
    sa.CheckConstraint(
        "status IN ('asking', 'unpaid', 'pending', 'scheduled',"
        " 'applied', 'canceled', 'refused', 'expired', 'superseded')",
        name="plan_change_status_check",
    ),
    sa.CheckConstraint("(kind = 'reprice') = (reprice_id IS NOT NULL)", name="plan_change_reprice_check"),
    sa.Index(
        "plan_change_open_unique",
        "subscription_id",
        unique=True,
        postgresql_where=sa.text("status IN ('asking', 'unpaid', 'pending', 'scheduled')"),
    ),
    sa.Index("plan_change_subscription_index", "subscription_id"),
    sa.Index("plan_change_reprice_index", "reprice_id"),
    sa.Index("plan_change_superseded_index", "superseded_by"),
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
    # Taken by the buyer's bank and not given back, in the currency of amount.
    sa.Column("disputed", sa.BigInteger, nullable=False, server_default="0"),
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
