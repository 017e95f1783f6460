"""The tables of this room: what we ask of the processor, who is whom there, and what it told us."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlmodel import SQLModel

_NOW = sa.text("zhihao_now()")
_CLOCK = sa.text("now()")
_TIME = sa.DateTime(timezone=True)

intent = sa.Table(
    "intent",
    SQLModel.metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("subject_id", sa.Uuid, nullable=False),
    # Sent with every attempt; replaced only when the processor has stored a failure under it.
    sa.Column("idempotency_key", sa.Text, nullable=False),
    sa.Column("request", postgresql.JSONB, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False, server_default="1"),
    sa.Column("result_id", sa.Text),
    sa.Column("error", sa.Text),
    # By the machine's clock, as the processor forgets keys by its own.
    sa.Column("created_at", _TIME, nullable=False, server_default=_CLOCK),
    sa.Column("finished_at", _TIME),
    sa.CheckConstraint("status IN ('pending', 'done', 'refused', 'abandoned')", name="intent_status_check"),
    sa.UniqueConstraint("idempotency_key", name="intent_idempotency_key_unique"),
    sa.Index("intent_subject_index", "subject_id"),
    sa.Index("intent_pending_index", "created_at", postgresql_where=sa.text("status = 'pending'")),
)

# One per (reader, knowledge base): a balance is shared over a customer's invoices, and one creator's
# proration credit must not land on another's. One per organization.
customer = sa.Table(
    "customer",
    SQLModel.metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("account_id", sa.Uuid),
    sa.Column("knowledge_base_id", sa.Uuid),
    sa.Column("organization_id", sa.Uuid),
    sa.Column("stripe_customer_id", sa.Text),
    sa.Column("created_at", _TIME, nullable=False, server_default=_NOW),
    sa.CheckConstraint(
        "(account_id IS NULL) = (knowledge_base_id IS NULL)"
        " AND (account_id IS NULL) <> (organization_id IS NULL)",
        name="customer_holder_check",
    ),
    sa.UniqueConstraint("account_id", "knowledge_base_id", name="customer_reader_unique"),
    sa.UniqueConstraint("organization_id", name="customer_organization_unique"),
    sa.UniqueConstraint("stripe_customer_id", name="customer_stripe_unique"),
)

stripe_event = sa.Table(
    "stripe_event",
    SQLModel.metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("endpoint", sa.Text, nullable=False),
    sa.Column("account", sa.Text),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("object_id", sa.Text, nullable=False),
    # Events of one lane are worked one at a time: the customer's id where there is one, else the object's.
    sa.Column("lane", sa.Text, nullable=False),
    sa.Column("livemode", sa.Boolean, nullable=False),
    sa.Column("api_version", sa.Text),
    sa.Column("created_at", _TIME, nullable=False),
    sa.Column("received_at", _TIME, nullable=False, server_default=_CLOCK),
    # Emptied 30 days after the event was worked.
    sa.Column("raw", sa.LargeBinary),
    sa.Column("status", sa.Text, nullable=False, server_default="stored"),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    # While it is being worked, when that is taken for dead; else when it is tried again. Machine's clock.
    sa.Column("due_at", _TIME, nullable=False, server_default=_CLOCK),
    sa.Column("worked_at", _TIME),
    sa.Column("outcome", sa.Text),
    sa.CheckConstraint("endpoint IN ('snapshot', 'thin', 'sweep')", name="stripe_event_endpoint_check"),
    sa.CheckConstraint("status IN ('stored', 'worked', 'dead')", name="stripe_event_status_check"),
    sa.Index("stripe_event_due_index", "due_at", postgresql_where=sa.text("status = 'stored'")),
    sa.Index("stripe_event_lane_index", "lane", "due_at", postgresql_where=sa.text("status = 'stored'")),
    sa.Index("stripe_event_worked_index", "worked_at", postgresql_where=sa.text("raw IS NOT NULL")),
    sa.Index("stripe_event_status_index", "status", "id", postgresql_where=sa.text("status = 'dead'")),
)

# A lock that outlives no crash and holds no connection: whoever fetches and projects a lane's objects.
processor_lane = sa.Table(
    "processor_lane",
    SQLModel.metadata,
    sa.Column("lane", sa.Text, primary_key=True),
    # Grows with each holder; a projection whose fence is not the newest is not written.
    sa.Column("fence", sa.BigInteger, nullable=False),
    sa.Column("held_until", _TIME, nullable=False),
)

# How far /v1/events has been read.
event_mark = sa.Table(
    "event_mark",
    SQLModel.metadata,
    sa.Column("endpoint", sa.Text, primary_key=True),
    sa.Column("read_until", _TIME, nullable=False),
)
