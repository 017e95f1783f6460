"""Changes by schedule, price changes, what a subscription was told."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

TIME = sa.DateTime(timezone=True)
NOW = sa.text("zhihao_now()")


def upgrade() -> None:
    """See each table's module for what it holds."""
    _checkouts()
    _subscriptions()
    _changes()


def _checkouts() -> None:
    op.add_column("checkout", sa.Column("terms_version", sa.Text))
    op.add_column("checkout", sa.Column("terms", sa.Text))
    op.add_column("checkout", sa.Column("agreed_at", TIME))


def _subscriptions() -> None:
    op.add_column("subscription", sa.Column("payment_url", sa.Text))
    op.add_column("subscription", sa.Column("next_payment_at", TIME))
    # Nothing ever wrote it: what a subscription becomes is in plan_change.
    op.drop_column("subscription", "pending_plan_id")


def _changes() -> None:
    op.create_table(
        "reprice",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("plan_id", sa.Uuid, nullable=False),
        sa.Column("price_id", sa.Uuid, nullable=False),
        sa.Column("not_before", TIME, nullable=False),
        sa.Column("created_at", TIME, nullable=False, server_default=NOW),
        sa.Index("reprice_plan_index", "plan_id", "id"),
    )
    op.create_table(
        "plan_change",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("subscription_id", sa.Uuid, sa.ForeignKey("subscription.id"), nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("plan_id", sa.Uuid, nullable=False),
        sa.Column("price_id", sa.Uuid, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("not_before", TIME),
        sa.Column("effective_at", TIME),
        sa.Column("stripe_schedule_id", sa.Text),
        sa.Column("reprice_id", sa.Uuid, sa.ForeignKey("reprice.id")),
        sa.Column("superseded_by", sa.Uuid),
        sa.Column("told_at", TIME),
        sa.Column("created_at", TIME, nullable=False, server_default=NOW),
        sa.Column("finished_at", TIME),
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
