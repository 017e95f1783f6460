"""The tables of this room: what is sold, and each price it ever had."""

import sqlalchemy as sa
from sqlmodel import SQLModel

_NOW = sa.text("zhihao_now()")
_TIME = sa.DateTime(timezone=True)

plan = sa.Table(
    "plan",
    SQLModel.metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("knowledge_base_id", sa.Uuid, nullable=False),
    sa.Column("interval", sa.Text, nullable=False),
    # Of a prepaid pass; null for what recurs.
    sa.Column("days", sa.Integer),
    sa.Column("trial_days", sa.Integer, nullable=False),
    # pending: not known to the processor yet, so not for sale; archived: sold no longer.
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("stripe_product_id", sa.Text),
    sa.Column("created_at", _TIME, nullable=False, server_default=_NOW),
    sa.Column("updated_at", _TIME, nullable=False, server_default=_NOW),
    sa.CheckConstraint("interval IN ('month', 'year', 'once')", name="plan_interval_check"),
    sa.CheckConstraint("status IN ('pending', 'active', 'archived')", name="plan_status_check"),
    sa.CheckConstraint("(interval = 'once') = (days IS NOT NULL) AND days > 0", name="plan_days_check"),
    sa.CheckConstraint("trial_days >= 0 AND (trial_days = 0 OR days IS NULL)", name="plan_trial_check"),
    sa.Index("plan_knowledge_base_index", "knowledge_base_id", "id"),
)

plan_price = sa.Table(
    "plan_price",
    SQLModel.metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("plan_id", sa.Uuid, sa.ForeignKey("plan.id"), nullable=False),
    # Immutable, tax included: another price is another row. Who bought at this one keeps it.
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("stripe_price_id", sa.Text),
    sa.Column("current", sa.Boolean, nullable=False),
    sa.Column("created_at", _TIME, nullable=False, server_default=_NOW),
    sa.Column("archived_at", _TIME),
    sa.CheckConstraint("amount > 0", name="plan_price_amount_check"),
    sa.UniqueConstraint("stripe_price_id", name="plan_price_stripe_unique"),
    sa.Index("plan_price_current_unique", "plan_id", unique=True, postgresql_where=sa.text("current")),
    sa.Index("plan_price_plan_index", "plan_id"),
)
