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
    # What it charges: {price id: [minor units a unit, included units a month]}.
    sa.Column("price_terms", JSONB, nullable=False, server_default="{}"),
    sa.Column("started_at", _moment),
    sa.Column("unpaid_since", _moment),
    sa.Column("current_period_start", _moment),
    sa.Column("current_period_end", _moment),
    sa.Column("cancel_at_period_end", sa.Boolean, nullable=False, server_default=sa.false()),
    # From then on no call is let in; it is ended at the processor once what was let in is billed.
    sa.Column("ending_at", _moment),
    # The prices it was bought at and the units a month that are included; null: those of the settings.
    sa.Column("price_passages", sa.BigInteger),
    sa.Column("price_answers", sa.BigInteger),
    sa.Column("included_passages", sa.BigInteger),
    sa.Column("included_answers", sa.BigInteger),
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
    sa.Column("included_passages", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("included_answers", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("used_at", _moment),
    sa.CheckConstraint("spent >= 0 AND reserved >= 0", name="spend_counter_sign_check"),
    sa.CheckConstraint("spent + reserved <= cap", name="spend_counter_cap_check"),
    postgresql_with={"fillfactor": "50"},
)
"""What a key, an organization, or one account's free questions on one base came to in a month.

``cap`` is the one under which the last call was admitted, so that the constraint holds always; the caps in
force are read from where they are set. ``paced_until`` serves a key's rate limit (see ``pacing``).
``included_*`` count the units of an organization that are, or are held to be, free of charge. ``used_at``:
when a call was last let in, known at no cost, for the row is written then.
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
    sa.Column("included", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("included_limit", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("units", sa.Integer),
    sa.Column("amount", sa.BigInteger),
    sa.CheckConstraint("state IN ('held', 'settled', 'released', 'expired')", name="reservation_state_check"),
    sa.Index("reservation_held_idx", "expires_at", postgresql_where=sa.text("state = 'held'")),
)
"""One call's claim on its counters, with the prices it was admitted at; its id is the call's.

``included``: the unit is one of the ``included_limit`` a month that cost nothing.
"""

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
    sa.Column("on_top", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("included", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("mark", sa.BigInteger),
    sa.Column("on_top_mark", sa.BigInteger),
    sa.Index("usage_event_organization_idx", "organization_id", "at"),
    postgresql_partition_by="RANGE (month)",
)
"""One billed call, forever. ``at`` is when it was admitted, so that it is in the month of its cap.

``on_top`` is the part of ``amount`` that creators ask; ``included`` says that the unit itself was free.
``mark`` is what the hour's bucket came to with it, ``on_top_mark`` the same of the creators' prices: an
invoice counts a bucket up to some mark.
"""

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
    # What would have accrued, had the creator not been of the organization that called.
    sa.Column("withheld", sa.BigInteger, nullable=False, server_default="0"),
    # The parts of these three that the creator asks beside the standard price: another line of the invoice.
    sa.Column("on_top", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("on_top_accrued", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("on_top_withheld", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("currency", sa.Text, nullable=False),
    # The invoice that each part was shared with (share_invoice); null while it accrues.
    sa.Column("invoice_id", sa.Uuid),
    sa.Column("on_top_invoice_id", sa.Uuid),
    sa.Index("usage_share_organization_idx", "organization_id", "at"),
    sa.Index("usage_share_accruing_idx", "creator_id", "at", postgresql_where=sa.text("invoice_id IS NULL")),
    sa.Index(
        "usage_share_on_top_accruing_idx",
        "creator_id",
        "at",
        postgresql_where=sa.text("on_top > 0 AND on_top_invoice_id IS NULL"),
    ),
    postgresql_partition_by="RANGE (month)",
)
"""What of one event belongs to one knowledge base, and of that what accrues to its creator.

``units`` and ``amount`` sum back to the event's; ``accrued`` becomes payable when the invoice is paid
(``billing/shares``).
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
    sa.Column("sent_total", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("sent_at", _moment),
    sa.Column("billed", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("rejected", sa.Text),
    sa.Index("usage_bucket_due_idx", "hour", postgresql_where=sa.text("due")),
    sa.Index("usage_bucket_rejected_idx", "hour", postgresql_where=sa.text("rejected IS NOT NULL")),
    postgresql_with={"fillfactor": "50"},
)
"""The absolute total of one meter in one UTC hour, as it goes to Stripe.

``revision`` numbers the totals that were intended to be sent, ``sent_revision`` the last that arrived, which
said ``sent_total``. ``billed`` is how much of the total is on invoices (see ``invoice_slice``). ``rejected``
says why Stripe will never take it: a dead letter, for people to look at.
"""

metered_invoice = sa.Table(
    "metered_invoice",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("organization_id", sa.Uuid, nullable=False),
    sa.Column("stripe_invoice_id", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("total", sa.BigInteger, nullable=False),
    sa.Column("tax", sa.BigInteger, nullable=False),
    sa.Column("amount_due", sa.BigInteger, nullable=False),
    sa.Column("amount_paid", sa.BigInteger, nullable=False),
    sa.Column("period_start", _moment, nullable=False),
    sa.Column("period_end", _moment, nullable=False),
    sa.Column("finalizes_at", _moment),
    sa.Column("finalized_at", _moment),
    sa.Column("lined_at", _moment),
    sa.Column("attempted", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("hosted_url", sa.Text),
    sa.Column("created_at", _moment, nullable=False),
    sa.UniqueConstraint("stripe_invoice_id", name="metered_invoice_stripe_unique"),
    sa.Index("metered_invoice_organization_idx", "organization_id", "id"),
)
"""An organization's invoice as the processor last said it is; ``status`` in Stripe's words.

A draft takes usage of its period until ``finalizes_at``. ``lined_at``: its lines were matched with our usage.
"""

invoice_line = sa.Table(
    "invoice_line",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("organization_id", sa.Uuid, nullable=False),
    sa.Column("invoice_id", sa.Uuid),
    sa.Column("meter", sa.Text, nullable=False),
    sa.Column("late", sa.Boolean, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("quantity", sa.BigInteger, nullable=False),
    sa.Column("included", sa.BigInteger, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("period_start", _moment, nullable=False),
    sa.Column("period_end", _moment, nullable=False),
    sa.Column("difference", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("stripe_item_id", sa.Text),
    # An invoice of its own, made when the contract has ended and no other will come.
    sa.Column("own_invoice_id", sa.Text),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("created_at", _moment, nullable=False),
    sa.ForeignKeyConstraint(["invoice_id"], ["metered_invoice.id"], name="invoice_line_invoice_fkey"),
    sa.UniqueConstraint("stripe_item_id", name="invoice_line_item_unique"),
    sa.Index("invoice_line_invoice_idx", "invoice_id", "id"),
    sa.Index(
        "invoice_line_waiting_idx",
        "organization_id",
        postgresql_where=sa.text("late AND invoice_id IS NULL"),
    ),
)
"""What one meter came to on one invoice: ``quantity`` units, ``included`` of them free, for ``amount``.

``late`` ones go to the processor as an invoice item, for the invoice after the one they came too late for,
and have no invoice until then. ``difference``: units that the processor billed and we cannot account for.
"""

invoice_slice = sa.Table(
    "invoice_slice",
    metadata,
    sa.Column("organization_id", sa.Uuid, primary_key=True),
    sa.Column("meter", sa.Text, primary_key=True),
    sa.Column("hour", _moment, primary_key=True),
    sa.Column("from_mark", sa.BigInteger, primary_key=True),
    sa.Column("to_mark", sa.BigInteger, nullable=False),
    sa.Column("line_id", sa.Uuid, nullable=False),
    sa.ForeignKeyConstraint(["line_id"], ["invoice_line.id"], name="invoice_slice_line_fkey"),
    sa.CheckConstraint("from_mark < to_mark", name="invoice_slice_check"),
    sa.Index("invoice_slice_line_idx", "line_id", "hour"),
)
"""What of a bucket is on one line: the events with a mark in ``(from_mark, to_mark]``.

Slices of a bucket follow each other, so no event is on two lines.
"""

usage_check = sa.Table(
    "usage_check",
    metadata,
    sa.Column("organization_id", sa.Uuid, primary_key=True),
    sa.Column("meter", sa.Text, primary_key=True),
    sa.Column("period_start", _moment, primary_key=True),
    sa.Column("ours", sa.BigInteger, nullable=False),
    sa.Column("theirs", sa.BigInteger, nullable=False),
    sa.Column("checked_at", _moment, nullable=False),
    sa.Index("usage_check_mismatch_idx", "organization_id", postgresql_where=sa.text("ours <> theirs")),
)
"""What the processor was last seen to have counted of an organization and meter, against what was sent."""

spend_alert = sa.Table(
    "spend_alert",
    metadata,
    sa.Column("subject_id", sa.Uuid, primary_key=True),
    sa.Column("month", sa.Date, primary_key=True),
    sa.Column("percent", sa.Integer, primary_key=True),
    sa.Column("organization_id", sa.Uuid, nullable=False),
    sa.Column("cap", sa.BigInteger, nullable=False),
    sa.Column("spent", sa.BigInteger, nullable=False),
    sa.Column("created_at", _moment, nullable=False),
    sa.Column("told_at", _moment),
)
"""A share of a cap that an organization or key reached in a month, said once."""
