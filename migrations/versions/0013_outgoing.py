"""Webhooks out, mail."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"

_TIME = sa.DateTime(timezone=True)
_NOW = sa.text("now()")
_ZHIHAO_NOW = sa.text("zhihao_now()")


def upgrade() -> None:
    """See each table's module for what it holds."""
    op.execute("CREATE SEQUENCE outgoing_event_position")
    op.create_table(
        "outgoing_event",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("sequence", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("position", sa.BigInteger),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("account_id", sa.Uuid),
        sa.Column("organization_id", sa.Uuid),
        sa.Column("endpoint_id", sa.Uuid),
        sa.Column("object_id", sa.Uuid, nullable=False),
        sa.Column("data", postgresql.JSONB, nullable=False),
        sa.Column("at", _TIME, nullable=False, server_default=_ZHIHAO_NOW),
        sa.CheckConstraint(
            "num_nonnulls(account_id, organization_id) = 1", name="outgoing_event_owner_check"
        ),
        sa.UniqueConstraint("position", name="outgoing_event_position_unique"),
    )
    op.create_index(
        "outgoing_event_unplaced_index",
        "outgoing_event",
        ["sequence"],
        postgresql_where=sa.text("position IS NULL AND endpoint_id IS NULL"),
    )
    op.create_index("outgoing_event_account_index", "outgoing_event", ["account_id", "position"])
    op.create_index("outgoing_event_organization_index", "outgoing_event", ["organization_id", "position"])
    op.create_index("outgoing_event_at_index", "outgoing_event", ["at"])
    op.create_table(
        "webhook_endpoint",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("account_id", sa.Uuid),
        sa.Column("organization_id", sa.Uuid),
        sa.Column("created_by", sa.Uuid, nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("types", postgresql.ARRAY(sa.Text)),
        sa.Column("enabled", sa.Boolean, nullable=False, server_default=sa.text("true")),
        sa.Column("disabled_reason", sa.Text),
        sa.Column("failing_since", _TIME),
        sa.Column("listens_since", _TIME, nullable=False, server_default=_ZHIHAO_NOW),
        sa.Column("created_at", _TIME, nullable=False, server_default=_ZHIHAO_NOW),
        sa.Column("deleted_at", _TIME),
        sa.CheckConstraint(
            "num_nonnulls(account_id, organization_id) = 1", name="webhook_endpoint_owner_check"
        ),
        sa.CheckConstraint(
            "enabled = (disabled_reason IS NULL)"
            " AND coalesce(disabled_reason IN ('owner', 'failing', 'gone'), true)",
            name="webhook_endpoint_disabled_check",
        ),
    )
    op.create_index("webhook_endpoint_account_index", "webhook_endpoint", ["account_id", "id"])
    op.create_index("webhook_endpoint_organization_index", "webhook_endpoint", ["organization_id", "id"])
    op.create_table(
        "webhook_secret",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("endpoint_id", sa.Uuid, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("created_at", _TIME, nullable=False, server_default=_ZHIHAO_NOW),
        sa.Column("expires_at", _TIME),
        sa.ForeignKeyConstraint(
            ["endpoint_id"], ["webhook_endpoint.id"], name="webhook_secret_endpoint_fkey", ondelete="CASCADE"
        ),
    )
    op.create_index("webhook_secret_endpoint_index", "webhook_secret", ["endpoint_id"])
    _create_deliveries()
    op.create_table(
        "letter",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("account_id", sa.Uuid, nullable=False),
        sa.Column("facts", postgresql.JSONB, nullable=False),
        sa.Column("state", sa.Text, nullable=False, server_default="waiting"),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("next_at", _TIME, nullable=False, server_default=_NOW),
        sa.Column("error", sa.Text),
        sa.Column("at", _TIME, nullable=False, server_default=_ZHIHAO_NOW),
        sa.Column("created_at", _TIME, nullable=False, server_default=_NOW),
        sa.Column("finished_at", _TIME),
        sa.CheckConstraint("state IN ('waiting', 'sent', 'dropped', 'dead')", name="letter_state_check"),
        sa.UniqueConstraint("key", name="letter_key_unique"),
    )
    op.create_index("letter_due_index", "letter", ["next_at"], postgresql_where=sa.text("state = 'waiting'"))
    op.create_index("letter_account_index", "letter", ["account_id"])
    op.create_index("letter_created_index", "letter", ["created_at"])
    op.create_index(
        "subscription_renewal_index",
        "subscription",
        ["status", "current_period_end"],
        postgresql_where=sa.text("NOT cancel_at_period_end AND status IN ('active', 'trialing')"),
    )


def _create_deliveries() -> None:
    waiting = sa.text("state = 'waiting'")
    op.create_table(
        "webhook_delivery",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("sequence", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("endpoint_id", sa.Uuid, nullable=False),
        sa.Column("event_id", sa.Uuid, nullable=False),
        sa.Column("object_id", sa.Uuid, nullable=False),
        sa.Column("cause", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False, server_default="waiting"),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("next_at", _TIME, nullable=False, server_default=_NOW),
        sa.Column("claimed_at", _TIME),
        sa.Column("created_at", _TIME, nullable=False, server_default=_NOW),
        sa.Column("finished_at", _TIME),
        sa.ForeignKeyConstraint(
            ["endpoint_id"],
            ["webhook_endpoint.id"],
            name="webhook_delivery_endpoint_fkey",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["event_id"], ["outgoing_event.id"], name="webhook_delivery_event_fkey"),
        sa.CheckConstraint("cause IN ('event', 'replay', 'test')", name="webhook_delivery_cause_check"),
        sa.CheckConstraint(
            "state IN ('waiting', 'held', 'delivered', 'failed', 'canceled')",
            name="webhook_delivery_state_check",
        ),
    )
    op.create_index(
        "webhook_delivery_event_unique",
        "webhook_delivery",
        ["endpoint_id", "event_id"],
        unique=True,
        postgresql_where=sa.text("cause = 'event'"),
    )
    op.create_index(
        "webhook_delivery_due_index", "webhook_delivery", ["endpoint_id", "next_at"], postgresql_where=waiting
    )
    op.create_index(
        "webhook_delivery_object_index",
        "webhook_delivery",
        ["endpoint_id", "object_id", "sequence"],
        postgresql_where=waiting,
    )
    op.create_index("webhook_delivery_log_index", "webhook_delivery", ["endpoint_id", "sequence"])
    op.create_index("webhook_delivery_event_index", "webhook_delivery", ["event_id"])
    op.create_table(
        "webhook_attempt",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("delivery_id", sa.Uuid, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("error", sa.Text),
        sa.Column("duration_ms", sa.Integer, nullable=False),
        sa.Column("response", sa.Text, nullable=False, server_default=""),
        sa.ForeignKeyConstraint(
            ["delivery_id"],
            ["webhook_delivery.id"],
            name="webhook_attempt_delivery_fkey",
            ondelete="CASCADE",
        ),
    )
    op.create_index("webhook_attempt_delivery_index", "webhook_attempt", ["delivery_id", "id"])


def downgrade() -> None:
    raise NotImplementedError("migrations go forward; restore a backup instead")
