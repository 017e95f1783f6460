"""The tables of this room: what the processor says moved its balance, beside what the ledger says."""

import sqlalchemy as sa
from sqlmodel import SQLModel

_CLOCK = sa.text("now()")
_TIME = sa.DateTime(timezone=True)

# One row for each balance transaction of the processor's, as it was read; it never changes there.
balance_transaction = sa.Table(
    "balance_transaction",
    SQLModel.metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("type", sa.Text, nullable=False),
    # The charge, refund, transfer, … it is of; its own id for a fee of none.
    sa.Column("source_id", sa.Text, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("fee", sa.BigInteger, nullable=False),
    sa.Column("net", sa.BigInteger, nullable=False),
    sa.Column("created_at", _TIME, nullable=False),
    sa.Column("read_at", _TIME, nullable=False, server_default=_CLOCK),
    # When the ledger was seen to say the same of its source.
    sa.Column("matched_at", _TIME),
    sa.CheckConstraint("net = amount - fee", name="balance_transaction_net_check"),
    sa.Index("balance_transaction_source_index", "source_id"),
    sa.Index("balance_transaction_open_index", "read_at", postgresql_where=sa.text("matched_at IS NULL")),
)

# Running totals of the above, so that comparing two sums costs the same after years.
balance_total = sa.Table(
    "balance_total",
    SQLModel.metadata,
    sa.Column("currency", sa.Text, primary_key=True),
    sa.Column("net", sa.BigInteger, nullable=False),
    sa.Column("lines", sa.BigInteger, nullable=False),
)
