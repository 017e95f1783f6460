"""The tables of this room: what was shared of metered invoices, who read what is free, the traffic pool.

Money is in minor units. Months are the first day of a UTC month.
"""

import sqlalchemy as sa
from sqlmodel import SQLModel

metadata = SQLModel.metadata

_NOW = sa.text("zhihao_now()")
_TIME = sa.DateTime(timezone=True)
_PART = ("creator_id", "knowledge_base_id", "meter", "month")

share_invoice = sa.Table(
    "share_invoice",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("stripe_invoice_id", sa.Text, nullable=False),
    sa.Column("organization_id", sa.Uuid, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    # What the usage on it comes to by our events, and what the invoice asks for, less tax.
    sa.Column("billed", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("invoiced", sa.BigInteger, nullable=False),
    sa.Column("total", sa.BigInteger, nullable=False),
    # What it asks for beside, of earlier invoices that were too small to be charged; and on these, which.
    sa.Column("carried", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("carried_to", sa.Uuid, sa.ForeignKey("share_invoice.id")),
    sa.Column("created_at", _TIME, nullable=False, server_default=_NOW),
    sa.Column("settled_at", _TIME),
    sa.UniqueConstraint("stripe_invoice_id", name="share_invoice_stripe_unique"),
    sa.CheckConstraint(
        "status IN ('open', 'carried', 'paid', 'written_off')", name="share_invoice_status_check"
    ),
    sa.Index("share_invoice_organization_index", "organization_id", "status"),
    sa.Index("share_invoice_carried_index", "carried_to"),
)
"""One metered invoice that usage was put on. Its rows of ``usage_share`` name it, and no other.

``carried``: the processor asks for it with a later one, since it is less than can be charged.
"""

share_line = sa.Table(
    "share_line",
    metadata,
    sa.Column("invoice_id", sa.Uuid, sa.ForeignKey("share_invoice.id"), primary_key=True),
    sa.Column("creator_id", sa.Uuid, primary_key=True),
    sa.Column("knowledge_base_id", sa.Uuid, primary_key=True),
    sa.Column("meter", sa.Text, primary_key=True),
    # Of the usage, which late usage has earlier than its invoice.
    sa.Column("month", sa.Date, primary_key=True),
    sa.Column("units", sa.BigInteger, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("accrued", sa.BigInteger, nullable=False),
    # Kept by the platform: of calls of the creator's own organization (beside what accrued), and of what
    # accrued, beyond what one organization may give.
    sa.Column("own", sa.BigInteger, nullable=False),
    sa.Column("concentrated", sa.BigInteger, nullable=False),
    sa.CheckConstraint(
        "own >= 0 AND concentrated >= 0 AND concentrated <= accrued", name="share_line_limits_check"
    ),
    sa.Index("share_line_creator_index", "creator_id", "month"),
)
"""Of one invoice, what accrued to one creator by one knowledge base, meter and month of usage."""

share_allocation = sa.Table(
    "share_allocation",
    metadata,
    sa.Column("invoice_id", sa.Uuid, primary_key=True),
    sa.Column("creator_id", sa.Uuid, primary_key=True),
    sa.Column("knowledge_base_id", sa.Uuid, primary_key=True),
    sa.Column("meter", sa.Text, primary_key=True),
    sa.Column("month", sa.Date, primary_key=True),
    sa.Column("sale_id", sa.Uuid, primary_key=True),
    # In the settlement currency; the fee is the creator's share of the processor's.
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("fee", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.ForeignKeyConstraint(
        ["invoice_id", *_PART],
        ["share_line.invoice_id", *(f"share_line.{column}" for column in _PART)],
        name="share_allocation_line_fkey",
    ),
    sa.Index("share_allocation_sale_index", "sale_id"),
)
"""What one payment of the invoice gave each of its lines. Sums, by creator, to the sale's posting."""

read_month = sa.Table(
    "read_month",
    metadata,
    sa.Column("month", sa.Date, primary_key=True),
    # What readers' keys are hashed with; gone with the rows once the month is closed.
    sa.Column("salt", sa.LargeBinary),
    sa.Column("closed_at", _TIME),
)
"""A month in which free content was read."""

free_read = sa.Table(
    "free_read",
    metadata,
    sa.Column("month", sa.Date, primary_key=True),
    sa.Column("reader_key", sa.LargeBinary, primary_key=True),
    sa.Column("knowledge_base_id", sa.Uuid, primary_key=True),
    sa.Column("creator_id", sa.Uuid, nullable=False),
    sa.Column("network_key", sa.LargeBinary),
)
"""Somebody read something free of a knowledge base in a month. Whoever it was is a hash for that month."""

pool_rate = sa.Table(
    "pool_rate",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("from_month", sa.Date, nullable=False),
    sa.Column("bps", sa.Integer, nullable=False),
    sa.Column("set_by", sa.Uuid),
    sa.Column("created_at", _TIME, nullable=False, server_default=_NOW),
    sa.CheckConstraint("bps BETWEEN 0 AND 10000", name="pool_rate_bps_check"),
    sa.Index("pool_rate_month_index", "from_month", "id"),
)
"""The pool's share of the platform's net take from a month on. Of two for a month the later id holds."""

pool_month = sa.Table(
    "pool_month",
    metadata,
    sa.Column("month", sa.Date, primary_key=True),
    sa.Column("currency", sa.Text, primary_key=True),
    # The platform's take less its share of the fees and what it gave back; may be below zero.
    sa.Column("net_take", sa.BigInteger, nullable=False),
    sa.Column("bps", sa.Integer, nullable=False),
    sa.Column("pool", sa.BigInteger, nullable=False),
    sa.Column("distributed", sa.BigInteger, nullable=False),
    sa.Column("readers", sa.BigInteger, nullable=False),
    sa.Column("credits", sa.BigInteger, nullable=False),
    sa.Column("closed_at", _TIME, nullable=False, server_default=_NOW),
    sa.CheckConstraint("distributed >= 0 AND distributed <= pool", name="pool_month_distributed_check"),
)
"""A month's pool in one currency, closed for ever."""

pool_reading = sa.Table(
    "pool_reading",
    metadata,
    sa.Column("month", sa.Date, primary_key=True),
    sa.Column("knowledge_base_id", sa.Uuid, primary_key=True),
    sa.Column("creator_id", sa.Uuid, primary_key=True),
    sa.Column("readers", sa.BigInteger, nullable=False),
    # Distinct over all bases of the creator.
    sa.Column("creator_readers", sa.BigInteger, nullable=False),
    sa.Column("credits", sa.BigInteger, nullable=False),
    sa.Index("pool_reading_creator_index", "creator_id", "month"),
)
"""How many readers a creator's knowledge base had in a closed month, and the credits they came to."""

pool_share = sa.Table(
    "pool_share",
    metadata,
    sa.Column("month", sa.Date, primary_key=True),
    sa.Column("currency", sa.Text, primary_key=True),
    sa.Column("knowledge_base_id", sa.Uuid, primary_key=True),
    sa.Column("creator_id", sa.Uuid, primary_key=True),
    sa.Column("amount", sa.BigInteger, nullable=False),
    # Of its part of the pool, what stays with the platform, and why.
    sa.Column("withheld", sa.BigInteger, nullable=False),
    sa.Column("reason", sa.Text),
    sa.CheckConstraint("amount >= 0 AND withheld >= 0", name="pool_share_sign_check"),
    sa.CheckConstraint(
        "reason IN ('too_few_readers', 'creator_limit', 'not_eligible')", name="pool_share_reason_check"
    ),
    sa.Index("pool_share_creator_index", "creator_id", "month"),
)
"""What a knowledge base's readers brought its creator. Sums to the month's ``distributed``."""
