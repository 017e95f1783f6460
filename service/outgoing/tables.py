"""The tables of this room: events, the endpoints that hear of them, and what was tried.

Waiting is counted by the database's own clock, not by ``zhihao_now()``: the network does not move with the
sandbox's time.
"""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlmodel import SQLModel

_NOW = sa.text("now()")
_TIME = sa.DateTime(timezone=True)

outgoing_event = sa.Table(
    "outgoing_event",
    SQLModel.metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    # The order of writing, within which transactions may still be open.
    sa.Column("sequence", sa.BigInteger, sa.Identity(always=True), nullable=False),
    # The order of commits, given afterwards: cursors follow it. Null until then, and for a test event.
    sa.Column("position", sa.BigInteger),
    sa.Column("type", sa.Text, nullable=False),
    # Whom it concerns: a creator or an organization.
    sa.Column("account_id", sa.Uuid),
    sa.Column("organization_id", sa.Uuid),
    # Of a test event: the only endpoint that hears of it.
    sa.Column("endpoint_id", sa.Uuid),
    sa.Column("object_id", sa.Uuid, nullable=False),
    sa.Column("data", postgresql.JSONB, nullable=False),
    sa.Column("at", _TIME, nullable=False, server_default=sa.text("zhihao_now()")),
    sa.CheckConstraint("num_nonnulls(account_id, organization_id) = 1", name="outgoing_event_owner_check"),
    sa.UniqueConstraint("position", name="outgoing_event_position_unique"),
    sa.Index(
        "outgoing_event_unplaced_index",
        "sequence",
        postgresql_where=sa.text("position IS NULL AND endpoint_id IS NULL"),
    ),
    sa.Index("outgoing_event_account_index", "account_id", "position"),
    sa.Index("outgoing_event_organization_index", "organization_id", "position"),
    sa.Index("outgoing_event_at_index", "at"),
)

webhook_endpoint = sa.Table(
    "webhook_endpoint",
    SQLModel.metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("account_id", sa.Uuid),
    sa.Column("organization_id", sa.Uuid),
    sa.Column("created_by", sa.Uuid, nullable=False),
    sa.Column("url", sa.Text, nullable=False),
    # Null: all types, those of later versions too.
    sa.Column("types", postgresql.ARRAY(sa.Text)),
    sa.Column("enabled", sa.Boolean, nullable=False, server_default=sa.text("true")),
    # Why it is not enabled: its owner said so, it failed for days, or it answered 410.
    sa.Column("disabled_reason", sa.Text),
    # Since when nothing was delivered and something failed.
    sa.Column("failing_since", _TIME),
    # Since when it is enabled with these types: of what happened after it hears.
    sa.Column("listens_since", _TIME, nullable=False, server_default=sa.text("zhihao_now()")),
    sa.Column("created_at", _TIME, nullable=False, server_default=sa.text("zhihao_now()")),
    sa.Column("deleted_at", _TIME),
    sa.CheckConstraint("num_nonnulls(account_id, organization_id) = 1", name="webhook_endpoint_owner_check"),
    sa.CheckConstraint(
        "enabled = (disabled_reason IS NULL)"
        " AND coalesce(disabled_reason IN ('owner', 'failing', 'gone'), true)",
        name="webhook_endpoint_disabled_check",
    ),
    sa.Index("webhook_endpoint_account_index", "account_id", "id"),
    sa.Index("webhook_endpoint_organization_index", "organization_id", "id"),
)

webhook_secret = sa.Table(
    "webhook_secret",
    SQLModel.metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("endpoint_id", sa.Uuid, nullable=False),
    # Encrypted with a key derived from the service's secret.
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    sa.Column("created_at", _TIME, nullable=False, server_default=sa.text("zhihao_now()")),
    sa.Column("expires_at", _TIME),
    sa.ForeignKeyConstraint(
        ["endpoint_id"], ["webhook_endpoint.id"], name="webhook_secret_endpoint_fkey", ondelete="CASCADE"
    ),
    sa.Index("webhook_secret_endpoint_index", "endpoint_id"),
)

webhook_delivery = sa.Table(
    "webhook_delivery",
    SQLModel.metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    # The order in which the deliveries of one object reach an endpoint.
    sa.Column("sequence", sa.BigInteger, sa.Identity(always=True), nullable=False),
    sa.Column("endpoint_id", sa.Uuid, nullable=False),
    sa.Column("event_id", sa.Uuid, nullable=False),
    sa.Column("object_id", sa.Uuid, nullable=False),
    sa.Column("cause", sa.Text, nullable=False),
    # held: waits for its endpoint to be enabled again.
    sa.Column("state", sa.Text, nullable=False, server_default="waiting"),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    # When it is tried; moved ahead while it is being tried, so that a crash leaves it to be tried again.
    sa.Column("next_at", _TIME, nullable=False, server_default=_NOW),
    # While it is being tried: since when. Whoever ends the try names it, so that a late one changes nothing.
    sa.Column("claimed_at", _TIME),
    sa.Column("created_at", _TIME, nullable=False, server_default=_NOW),
    sa.Column("finished_at", _TIME),
    sa.ForeignKeyConstraint(
        ["endpoint_id"], ["webhook_endpoint.id"], name="webhook_delivery_endpoint_fkey", ondelete="CASCADE"
    ),
    sa.ForeignKeyConstraint(["event_id"], ["outgoing_event.id"], name="webhook_delivery_event_fkey"),
    sa.CheckConstraint("cause IN ('event', 'replay', 'test')", name="webhook_delivery_cause_check"),
    sa.CheckConstraint(
        "state IN ('waiting', 'held', 'delivered', 'failed', 'canceled')", name="webhook_delivery_state_check"
    ),
    sa.Index(
        "webhook_delivery_event_unique",
        "endpoint_id",
        "event_id",
        unique=True,
        postgresql_where=sa.text("cause = 'event'"),
    ),
    sa.Index(
        "webhook_delivery_due_index",
        "endpoint_id",
        "next_at",
        postgresql_where=sa.text("state = 'waiting'"),
    ),
    sa.Index(
        "webhook_delivery_object_index",
        "endpoint_id",
        "object_id",
        "sequence",
        postgresql_where=sa.text("state = 'waiting'"),
    ),
    sa.Index("webhook_delivery_log_index", "endpoint_id", "sequence"),
    sa.Index("webhook_delivery_failed_index", "created_at", postgresql_where=sa.text("state = 'failed'")),
    sa.Index("webhook_delivery_event_index", "event_id"),
)

webhook_attempt = sa.Table(
    "webhook_attempt",
    SQLModel.metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("delivery_id", sa.Uuid, nullable=False),
    sa.Column("at", _TIME, nullable=False),
    # Null when nothing was answered; ``error`` then says why.
    sa.Column("status", sa.Integer),
    sa.Column("error", sa.Text),
    sa.Column("duration_ms", sa.Integer, nullable=False),
    sa.Column("response", sa.Text, nullable=False, server_default=""),
    sa.ForeignKeyConstraint(
        ["delivery_id"], ["webhook_delivery.id"], name="webhook_attempt_delivery_fkey", ondelete="CASCADE"
    ),
    sa.Index("webhook_attempt_delivery_index", "delivery_id", "id"),
)
