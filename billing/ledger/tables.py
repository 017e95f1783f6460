"""The tables of the double-entry ledger; ``billing/README.md`` has the chart of accounts.

A positive entry is a debit (what the platform has, or spent), a negative one a credit (what it owes, or
earned). The migration adds what no table definition can say: entries of a transaction sum to zero in each
currency at its commit, and neither transactions nor entries are ever updated, deleted or truncated.
"""

import sqlalchemy as sa
from sqlmodel import SQLModel

_NOW = sa.text("zhihao_now()")
_TIME = sa.DateTime(timezone=True)

ledger_account = sa.Table(
    "ledger_account",
    SQLModel.metadata,
    # uuid5 of what the account is: whoever posts knows it, and the order to lock in, beforehand.
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("owner_id", sa.Uuid),
    sa.Column("currency", sa.Text, nullable=False),
    # The sum of its entries, kept in the transaction that adds them.
    sa.Column("balance", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("created_at", _TIME, nullable=False, server_default=_NOW),
    sa.UniqueConstraint(
        "kind", "owner_id", "currency", name="ledger_account_unique", postgresql_nulls_not_distinct=True
    ),
    sa.UniqueConstraint("id", "currency", name="ledger_account_currency_unique"),
    sa.Index("ledger_account_owner_index", "owner_id"),
)

ledger_transaction = sa.Table(
    "ledger_transaction",
    SQLModel.metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    # What happened, in the words of whoever says so: ("charge", "ch_…", "sale").
    sa.Column("source_type", sa.Text, nullable=False),
    sa.Column("source_id", sa.Text, nullable=False),
    sa.Column("leg", sa.Text, nullable=False),
    sa.Column("sale_id", sa.Uuid),
    # A mistake is mended by another transaction that names the first.
    sa.Column("reverses_id", sa.Uuid, sa.ForeignKey("ledger_transaction.id")),
    # When it happened, by the processor's clock; posted_at is when it was written here.
    sa.Column("effective_at", _TIME, nullable=False),
    sa.Column("posted_at", _TIME, nullable=False, server_default=_NOW),
    sa.UniqueConstraint("source_type", "source_id", "leg", name="ledger_transaction_source_unique"),
    sa.Index("ledger_transaction_sale_index", "sale_id"),
    sa.Index("ledger_transaction_effective_index", "effective_at", "id"),
    sa.Index("ledger_transaction_source_index", "source_id"),
    sa.Index("ledger_transaction_posted_index", "posted_at"),
)

ledger_entry = sa.Table(
    "ledger_entry",
    SQLModel.metadata,
    sa.Column("transaction_id", sa.Uuid, sa.ForeignKey("ledger_transaction.id"), primary_key=True),
    sa.Column("position", sa.SmallInteger, primary_key=True),
    sa.Column("account_id", sa.Uuid, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    # The transaction's, kept here too: a creator's lines of a month are one index range.
    sa.Column("effective_at", _TIME, nullable=False),
    sa.ForeignKeyConstraint(
        ["account_id", "currency"],
        ["ledger_account.id", "ledger_account.currency"],
        name="ledger_entry_account_fkey",
    ),
    sa.CheckConstraint("amount <> 0", name="ledger_entry_amount_check"),
    sa.Index("ledger_entry_account_index", "account_id", "effective_at"),
)
