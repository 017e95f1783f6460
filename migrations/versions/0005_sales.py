"""Plans, checkouts, subscriptions, tips, grants, the webhook inbox."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"

NOW = sa.text("zhihao_now()")
CLOCK = sa.text("now()")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    _processor()
    _plans()
    _selling()
    _tips()
    _grants()
    _payouts()


def _processor() -> None:
    op.create_table(
        "intent",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("subject_id", sa.Uuid, nullable=False),
        sa.Column("idempotency_key", sa.Text, nullable=False),
        sa.Column("request", postgresql.JSONB, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False, server_default="1"),
        sa.Column("result_id", sa.Text),
        sa.Column("error", sa.Text),
        sa.Column("created_at", TIME, nullable=False, server_default=CLOCK),
        sa.Column("finished_at", TIME),
        sa.CheckConstraint(
            "status IN ('pending', 'done', 'refused', 'abandoned')", name="intent_status_check"
        ),
        sa.UniqueConstraint("idempotency_key", name="intent_idempotency_key_unique"),
        sa.Index("intent_subject_index", "subject_id"),
        sa.Index("intent_pending_index", "created_at", postgresql_where=sa.text("status = 'pending'")),
    )
    op.create_table(
        "customer",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("account_id", sa.Uuid),
        sa.Column("knowledge_base_id", sa.Uuid),
        sa.Column("organization_id", sa.Uuid),
        sa.Column("stripe_customer_id", sa.Text),
        sa.Column("created_at", TIME, nullable=False, server_default=NOW),
        sa.CheckConstraint(
            "(account_id IS NULL) = (knowledge_base_id IS NULL)"
            " AND (account_id IS NULL) <> (organization_id IS NULL)",
            name="customer_holder_check",
        ),
        sa.UniqueConstraint("account_id", "knowledge_base_id", name="customer_reader_unique"),
        sa.UniqueConstraint("organization_id", name="customer_organization_unique"),
        sa.UniqueConstraint("stripe_customer_id", name="customer_stripe_unique"),
    )
    op.create_table(
        "stripe_event",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("endpoint", sa.Text, nullable=False),
        sa.Column("account", sa.Text),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("object_id", sa.Text, nullable=False),
        sa.Column("lane", sa.Text, nullable=False),
        sa.Column("livemode", sa.Boolean, nullable=False),
        sa.Column("api_version", sa.Text),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("received_at", TIME, nullable=False, server_default=CLOCK),
        sa.Column("raw", sa.LargeBinary),
        sa.Column("status", sa.Text, nullable=False, server_default="stored"),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("due_at", TIME, nullable=False, server_default=CLOCK),
        sa.Column("worked_at", TIME),
        sa.Column("outcome", sa.Text),
        sa.CheckConstraint("endpoint IN ('snapshot', 'thin', 'sweep')", name="stripe_event_endpoint_check"),
        sa.CheckConstraint("status IN ('stored', 'worked', 'dead')", name="stripe_event_status_check"),
        sa.Index("stripe_event_due_index", "due_at", postgresql_where=sa.text("status = 'stored'")),
        sa.Index("stripe_event_lane_index", "lane", "due_at", postgresql_where=sa.text("status = 'stored'")),
        sa.Index("stripe_event_worked_index", "worked_at", postgresql_where=sa.text("raw IS NOT NULL")),
        sa.Index("stripe_event_status_index", "status", "id", postgresql_where=sa.text("status = 'dead'")),
    )
    op.create_table(
        "processor_lane",
        sa.Column("lane", sa.Text, primary_key=True),
        sa.Column("fence", sa.BigInteger, nullable=False),
        sa.Column("held_until", TIME, nullable=False),
    )
    op.create_table(
        "event_mark",
        sa.Column("endpoint", sa.Text, primary_key=True),
        sa.Column("read_until", TIME, nullable=False),
    )


def _plans() -> None:
    op.create_table(
        "plan",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("knowledge_base_id", sa.Uuid, nullable=False),
        sa.Column("interval", sa.Text, nullable=False),
        sa.Column("days", sa.Integer),
        sa.Column("trial_days", sa.Integer, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("stripe_product_id", sa.Text),
        sa.Column("created_at", TIME, nullable=False, server_default=NOW),
        sa.Column("updated_at", TIME, nullable=False, server_default=NOW),
        sa.CheckConstraint("interval IN ('month', 'year', 'once')", name="plan_interval_check"),
        sa.CheckConstraint("status IN ('pending', 'active', 'archived')", name="plan_status_check"),
        sa.CheckConstraint("(interval = 'once') = (days IS NOT NULL) AND days > 0", name="plan_days_check"),
        sa.CheckConstraint("trial_days >= 0 AND (trial_days = 0 OR days IS NULL)", name="plan_trial_check"),
        sa.Index("plan_knowledge_base_index", "knowledge_base_id", "id"),
    )
    op.create_table(
        "plan_price",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("plan_id", sa.Uuid, sa.ForeignKey("plan.id"), nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("stripe_price_id", sa.Text),
        sa.Column("current", sa.Boolean, nullable=False),
        sa.Column("created_at", TIME, nullable=False, server_default=NOW),
        sa.Column("archived_at", TIME),
        sa.CheckConstraint("amount > 0", name="plan_price_amount_check"),
        sa.UniqueConstraint("stripe_price_id", name="plan_price_stripe_unique"),
        sa.Index("plan_price_current_unique", "plan_id", unique=True, postgresql_where=sa.text("current")),
        sa.Index("plan_price_plan_index", "plan_id"),
    )


def _selling() -> None:
    op.create_table(
        "checkout",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("account_id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid),
        sa.Column("knowledge_base_id", sa.Uuid),
        sa.Column("plan_id", sa.Uuid),
        sa.Column("price_id", sa.Uuid),
        sa.Column("tip_id", sa.Uuid),
        sa.Column("ref", sa.Text),
        sa.Column("stripe_session_id", sa.Text),
        sa.Column("url", sa.Text),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("created_at", TIME, nullable=False, server_default=NOW),
        sa.Column("completed_at", TIME),
        sa.CheckConstraint("kind IN ('subscription', 'pass', 'tip', 'contract')", name="checkout_kind_check"),
        sa.CheckConstraint(
            "status IN ('opening', 'open', 'complete', 'expired', 'replaced', 'failed')",
            name="checkout_status_check",
        ),
        sa.UniqueConstraint("stripe_session_id", name="checkout_stripe_unique"),
        sa.Index("checkout_account_index", "account_id", "knowledge_base_id"),
        sa.Index("checkout_knowledge_base_index", "knowledge_base_id", "created_at"),
    )
    op.create_table(
        "subscription",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("account_id", sa.Uuid, nullable=False),
        sa.Column("knowledge_base_id", sa.Uuid, nullable=False),
        sa.Column("creator_id", sa.Uuid, nullable=False),
        sa.Column("plan_id", sa.Uuid, nullable=False),
        sa.Column("price_id", sa.Uuid, nullable=False),
        sa.Column("pending_plan_id", sa.Uuid),
        sa.Column("checkout_id", sa.Uuid),
        sa.Column("ref", sa.Text),
        sa.Column("stripe_subscription_id", sa.Text, nullable=False),
        sa.Column("stripe_customer_id", sa.Text, nullable=False),
        sa.Column("stripe_item_id", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("current_period_start", TIME),
        sa.Column("current_period_end", TIME),
        sa.Column("trial_end", TIME),
        sa.Column("cancel_at_period_end", sa.Boolean, nullable=False),
        sa.Column("canceled_at", TIME),
        sa.Column("ended_at", TIME),
        sa.Column("past_due_since", TIME),
        sa.Column("created_at", TIME, nullable=False, server_default=NOW),
        sa.Column("updated_at", TIME, nullable=False, server_default=NOW),
        sa.UniqueConstraint("stripe_subscription_id", name="subscription_stripe_unique"),
        sa.Index("subscription_account_index", "account_id", "id"),
        sa.Index("subscription_knowledge_base_index", "knowledge_base_id", "status"),
        sa.Index("subscription_creator_index", "creator_id"),
    )
    op.create_table(
        "sale",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
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
        sa.Column("creator_amount", sa.BigInteger, nullable=False),
        sa.Column("platform_amount", sa.BigInteger, nullable=False),
        sa.Column("creator_fee", sa.BigInteger, nullable=False),
        sa.Column("platform_fee", sa.BigInteger, nullable=False),
        sa.Column("take_rate_bps", sa.Integer, nullable=False),
        sa.Column("refunded", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("settled_refunded", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("period_start", TIME),
        sa.Column("period_end", TIME),
        sa.Column("paid_at", TIME, nullable=False),
        sa.Column("created_at", TIME, nullable=False, server_default=NOW),
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
    op.create_table(
        "refund",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("sale_id", sa.Uuid, sa.ForeignKey("sale.id"), nullable=False),
        sa.Column("stripe_refund_id", sa.Text, nullable=False),
        sa.Column("stripe_balance_transaction_id", sa.Text),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("settled_amount", sa.BigInteger, nullable=False),
        sa.Column("settled_currency", sa.Text, nullable=False),
        sa.Column("fee", sa.BigInteger, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.UniqueConstraint("stripe_refund_id", name="refund_stripe_unique"),
        sa.Index("refund_sale_index", "sale_id"),
    )
    op.create_table(
        "refund_request",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("subscription_id", sa.Uuid, sa.ForeignKey("subscription.id"), nullable=False),
        sa.Column("account_id", sa.Uuid, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("created_at", TIME, nullable=False, server_default=NOW),
        sa.Column("answered_at", TIME),
        sa.CheckConstraint("status IN ('open', 'granted', 'declined')", name="refund_request_status_check"),
        sa.Index(
            "refund_request_open_unique",
            "subscription_id",
            unique=True,
            postgresql_where=sa.text("status = 'open'"),
        ),
        sa.Index("refund_request_account_index", "account_id"),
    )


def _tips() -> None:
    op.create_table(
        "tip",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("account_id", sa.Uuid, nullable=False),
        sa.Column("creator_id", sa.Uuid, nullable=False),
        sa.Column("knowledge_base_id", sa.Uuid),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("message", sa.Text),
        sa.Column("anonymous", sa.Boolean, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("created_at", TIME, nullable=False, server_default=NOW),
        sa.Column("paid_at", TIME),
        sa.CheckConstraint("amount > 0", name="tip_amount_check"),
        sa.CheckConstraint("status IN ('pending', 'paid', 'expired')", name="tip_status_check"),
        sa.Index("tip_account_index", "account_id", "created_at"),
        sa.Index("tip_creator_index", "creator_id", "id"),
    )


def _grants() -> None:
    op.create_table(
        "access_grant",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("account_id", sa.Uuid),
        sa.Column("organization_id", sa.Uuid),
        sa.Column("knowledge_base_id", sa.Uuid),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("source_id", sa.Uuid, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("starts_at", TIME, nullable=False),
        sa.Column("ends_at", TIME),
        sa.Column("revoked_at", TIME),
        sa.Column("created_at", TIME, nullable=False, server_default=NOW),
        sa.CheckConstraint(
            "source IN ('subscription', 'pass', 'complimentary')", name="access_grant_source_check"
        ),
        sa.CheckConstraint(
            "(account_id IS NULL) <> (organization_id IS NULL)", name="access_grant_holder_check"
        ),
        sa.UniqueConstraint("source", "source_id", name="access_grant_source_unique"),
        sa.Index("access_grant_account_index", "account_id", "knowledge_base_id"),
        sa.Index("access_grant_knowledge_base_index", "knowledge_base_id"),
    )


def _payouts() -> None:
    op.create_table(
        "payout_account",
        sa.Column("account_id", sa.Uuid, primary_key=True),
        sa.Column("stripe_account_id", sa.Text),
        sa.Column("country", sa.Text),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("details_submitted", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("transfers_enabled", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("payouts_enabled", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("disabled_reason", sa.Text),
        sa.Column("requirements", postgresql.ARRAY(sa.Text), nullable=False, server_default="{}"),
        sa.Column("frozen_at", TIME),
        sa.Column("created_at", TIME, nullable=False, server_default=NOW),
        sa.Column("updated_at", TIME, nullable=False, server_default=NOW),
        sa.CheckConstraint(
            "status IN ('onboarding', 'enabled', 'restricted', 'disconnected')",
            name="payout_account_status_check",
        ),
        sa.UniqueConstraint("stripe_account_id", name="payout_account_stripe_unique"),
    )


def downgrade() -> None:
    raise NotImplementedError("migrations go forward; restore a backup instead")
