"""The tables of this room. All rows are written by set statements, so they are Core tables, not models.

Money is in minor units. Months are the first day of a UTC month; hours begin on the UTC hour.
"""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import SQLModel

metadata = SQLModel.metadata

_moment = sa.DateTime(timezone=True)

contract = sa.Table(
    "contract",
    metadata,
    sa.Column("organization_id", sa.Uuid, primary_key=True),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("stripe_customer_id", sa.Text),
    sa.Column("stripe_subscription_id", sa.Text),
    sa.Column("checkout_intent_id", sa.Uuid),
    sa.Column("checkout_session_id", sa.Text),
    sa.Column("checkout_url", sa.Text),
    # Which meter a line of its invoice is of: {price id: meter}.
    sa.Column("meter_prices", JSONB, nullable=False, server_default="{}"),
    sa.Column("started_at", _moment),
    sa.Column("unpaid_since", _moment),
    sa.Column("current_period_end", _moment),
    sa.Column("created_at", _moment, nullable=False),
    sa.Column("updated_at", _moment, nullable=False),
    sa.Index("contract_stripe_subscription_id_key", "stripe_subscription_id", unique=True),
)
"""One organization's metered plan; ``status`` in Stripe's words. ``unpaid_since`` starts the grace."""

spend_cap = sa.Table(
    "spend_cap",
    metadata,
    sa.Column("organization_id", sa.Uuid, primary_key=True),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("updated_at", _moment, nullable=False),
    sa.CheckConstraint("amount >= 0", name="spend_cap_amount_check"),
)
"""The hard limit an organization set for each calendar month; no row, no limit."""

spend_counter = sa.Table(
    "spend_counter",
    metadata,
    sa.Column("subject_id", sa.Uuid, primary_key=True),
    sa.Column("month", sa.Date, primary_key=True),
    sa.Column("cap", sa.BigInteger),
    sa.Column("spent", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("reserved", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("paced_until", _moment),
    sa.CheckConstraint("spent >= 0 AND reserved >= 0", name="spend_counter_sign_check"),
    sa.CheckConstraint("spent + reserved <= cap", name="spend_counter_cap_check"),
    postgresql_with={"fillfactor": "50"},
)
"""What a key, an organization, or one account's free questions on one base came to in a month.

``cap`` is the one under which the last call was admitted, so that the constraint holds always; the caps in
force are read from where they are set. ``paced_until`` serves a key's rate limit (see ``pacing``).
"""

reservation = sa.Table(
    "reservation",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("state", sa.Text, nullable=False, server_default="held"),
    sa.Column("meter", sa.Text, nullable=False),
    sa.Column("month", sa.Date, nullable=False),
    sa.Column("created_at", _moment, nullable=False),
    sa.Column("expires_at", _moment, nullable=False),
    sa.Column("ended_at", _moment),
    sa.Column("account_id", sa.Uuid),
    sa.Column("organization_id", sa.Uuid),
    sa.Column("key_id", sa.Uuid),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("unit_price", sa.BigInteger, nullable=False),
    sa.Column("knowledge_base_ids", ARRAY(sa.Uuid), nullable=False),
    sa.Column("creator_ids", ARRAY(sa.Uuid), nullable=False),
    sa.Column("api_prices", ARRAY(sa.BigInteger), nullable=False),
    sa.Column("hold_subjects", ARRAY(sa.Uuid), nullable=False),
    sa.Column("hold_amounts", ARRAY(sa.BigInteger), nullable=False),
    sa.Column("units", sa.Integer),
    sa.Column("amount", sa.BigInteger),
    sa.CheckConstraint("state IN ('held', 'settled', 'released', 'expired')", name="reservation_state_check"),
    sa.Index("reservation_held_idx", "expires_at", postgresql_where=sa.text("state = 'held'")),
)
"""One call's claim on its counters, with the prices it was admitted at; its id is the call's."""

usage_event = sa.Table(
    "usage_event",
    metadata,
    sa.Column("call_id", sa.Uuid, primary_key=True),
    sa.Column("meter", sa.Text, primary_key=True),
    sa.Column("month", sa.Date, primary_key=True),
    sa.Column("at", _moment, nullable=False),
    sa.Column("organization_id", sa.Uuid, nullable=False),
    sa.Column("key_id", sa.Uuid, nullable=False),
    sa.Column("units", sa.BigInteger, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Index("usage_event_organization_idx", "organization_id", "at"),
    postgresql_partition_by="RANGE (month)",
)
"""One billed call, forever. ``at`` is when it was admitted, so that it is in the month of its cap."""

usage_share = sa.Table(
    "usage_share",
    metadata,
    sa.Column("call_id", sa.Uuid, primary_key=True),
    sa.Column("knowledge_base_id", sa.Uuid, primary_key=True),
    sa.Column("month", sa.Date, primary_key=True),
    sa.Column("meter", sa.Text, nullable=False),
    sa.Column("at", _moment, nullable=False),
    sa.Column("organization_id", sa.Uuid, nullable=False),
    sa.Column("creator_id", sa.Uuid, nullable=False),
    sa.Column("units", sa.BigInteger, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("accrued", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Index("usage_share_organization_idx", "organization_id", "at"),
    sa.Index("usage_share_creator_idx", "creator_id", "at"),
    postgresql_partition_by="RANGE (month)",
)
"""What of one event belongs to one knowledge base, and of that what accrues to its creator.

``units`` and ``amount`` sum back to the event's; ``accrued`` becomes payable when the invoice is paid.
"""

usage_bucket = sa.Table(
    "usage_bucket",
    metadata,
    sa.Column("organization_id", sa.Uuid, primary_key=True),
    sa.Column("meter", sa.Text, primary_key=True),
    sa.Column("hour", _moment, primary_key=True),
    sa.Column("total", sa.BigInteger, nullable=False),
    sa.Column("due", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Column("revision", sa.Integer, nullable=False, server_default="0"),
    sa.Column("revision_total", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("sent_revision", sa.Integer, nullable=False, server_default="0"),
    sa.Column("sent_at", _moment),
    sa.Column("rejected", sa.Text),
    sa.Index("usage_bucket_due_idx", "hour", postgresql_where=sa.text("due")),
    postgresql_with={"fillfactor": "50"},
)
"""The absolute total of one meter in one UTC hour, as it goes to Stripe.

``revision`` numbers the totals that were intended to be sent, ``sent_revision`` the last that arrived.
``rejected`` says why Stripe will never take it: a dead letter, for people to look at.
"""
