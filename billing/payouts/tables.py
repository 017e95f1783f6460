"""The tables of this room: where a creator is paid, what is due, and what was paid."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlmodel import SQLModel

_NOW = sa.text("zhihao_now()")
_TIME = sa.DateTime(timezone=True)

payout_account = sa.Table(
    "payout_account",
    SQLModel.metadata,
    sa.Column("account_id", sa.Uuid, primary_key=True),
    sa.Column("stripe_account_id", sa.Text),
    sa.Column("country", sa.Text),
    # How a creator of this country can be paid.
    sa.Column("method", sa.Text, nullable=False, server_default="transfer"),
    # Where the money is to be sent by hand, sealed by whoever keeps it.
    sa.Column("details", sa.LargeBinary),
    # Sales stop a while after the first when there is nowhere to pay to.
    sa.Column("first_sale_at", _TIME),
    # onboarding until the processor has what it needs; restricted when it asks for more; disconnected
    # when the creator took the account away.
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("details_submitted", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("transfers_enabled", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("payouts_enabled", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("disabled_reason", sa.Text),
    sa.Column("requirements", postgresql.ARRAY(sa.Text), nullable=False, server_default="{}"),
    # Set by operators: nothing is paid out while it is.
    sa.Column("frozen_at", _TIME),
    # Why it is: by an operator's word, with the account's suspension, or both.
    sa.Column("frozen_for", postgresql.ARRAY(sa.Text), nullable=False, server_default="{}"),
    sa.Column("created_at", _TIME, nullable=False, server_default=_NOW),
    # When it was last written or looked at; those left longest are looked at next.
    sa.Column("updated_at", _TIME, nullable=False, server_default=_NOW),
    sa.CheckConstraint(
        "status IN ('onboarding', 'enabled', 'restricted', 'disconnected')",
        name="payout_account_status_check",
    ),
    sa.CheckConstraint("method IN ('transfer', 'manual')", name="payout_account_method_check"),
    sa.UniqueConstraint("stripe_account_id", name="payout_account_stripe_unique"),
    sa.Index(
        "payout_account_seen_index",
        "updated_at",
        postgresql_where=sa.text("stripe_account_id IS NOT NULL AND status <> 'disconnected'"),
    ),
)

# What of one charge is one creator's: the sale's id is its own, since a sale of several creators has none.
allocation = sa.Table(
    "allocation",
    SQLModel.metadata,
    sa.Column("sale_id", sa.Uuid, primary_key=True),
    sa.Column("creator_id", sa.Uuid, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("stripe_charge_id", sa.Text, nullable=False),
    # What the charge settled as: transfers drawn on it cannot be more.
    sa.Column("charged", sa.BigInteger, nullable=False),
    # Earned less fees less refunded, as the ledger had it when it was last looked at.
    sa.Column("net", sa.BigInteger, nullable=False),
    # Paid, being paid, or used to pay a debt. What is due is net less paid; below zero it is a debt.
    sa.Column("paid", sa.BigInteger, nullable=False, server_default="0"),
    # Transferred with the charge as its source, and not reversed.
    sa.Column("drawn", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("earned_at", _TIME, nullable=False),
    sa.UniqueConstraint("stripe_charge_id", name="allocation_charge_unique"),
    # What is settled is out of it: a run costs what is open, not what ever was.
    sa.Index("allocation_open_index", "creator_id", "earned_at", postgresql_where=sa.text("net <> paid")),
)

payout_batch = sa.Table(
    "payout_batch",
    SQLModel.metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("reference", sa.Text),
    sa.Column("created_by", sa.Uuid, nullable=False),
    sa.Column("created_at", _TIME, nullable=False, server_default=_NOW),
    sa.Column("paid_at", _TIME),
)

# One payment to a creator, and its own intent: committed as sending, with its key, before anybody is asked.
payout = sa.Table(
    "payout",
    SQLModel.metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("creator_id", sa.Uuid, nullable=False),
    # sale: of one charge; netted: of a month; offset: earnings that paid a debt; external: made by hand.
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("method", sa.Text, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("reversed", sa.BigInteger, nullable=False, server_default="0"),
    # Of the sale, for a payout of one charge.
    sa.Column("sale_id", sa.Uuid),
    # The month it was made for, for a netted one: one a month, creator and currency.
    sa.Column("month", sa.Date),
    sa.Column("status", sa.Text, nullable=False),
    # Why it waits, or was given up.
    sa.Column("reason", sa.Text),
    sa.Column("destination", sa.Text),
    # The charge it is drawn on, if it is.
    sa.Column("source_charge_id", sa.Text),
    # Another attempt has another idempotency key.
    sa.Column("attempt", sa.Integer, nullable=False, server_default="1"),
    # Since when this attempt is made, by the machine's clock; and when to make another, by ours.
    sa.Column("begun_at", _TIME),
    sa.Column("retry_at", _TIME),
    # The processor keeps a failure under the attempt's key: it has to be another.
    sa.Column("key_spent", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("batch_id", sa.Uuid, sa.ForeignKey("payout_batch.id")),
    # The processor's name for the transfer, or what the operator's bank called it.
    sa.Column("reference", sa.Text),
    sa.Column("created_at", _TIME, nullable=False, server_default=_NOW),
    sa.Column("paid_at", _TIME),
    # When its creator was written a letter about it.
    sa.Column("told_at", _TIME),
    sa.CheckConstraint("kind IN ('sale', 'netted', 'offset', 'external')", name="payout_kind_check"),
    sa.CheckConstraint("method IN ('transfer', 'manual')", name="payout_method_check"),
    sa.CheckConstraint(
        "status IN ('sending', 'waiting', 'open', 'paid', 'canceled')", name="payout_status_check"
    ),
    sa.CheckConstraint(
        "amount >= 0 AND (amount > 0 OR kind = 'offset') AND reversed BETWEEN 0 AND amount",
        name="payout_amount_check",
    ),
    sa.Index("payout_creator_index", "creator_id", "id"),
    sa.Index(
        "payout_pending_index",
        "creator_id",
        postgresql_where=sa.text("status IN ('sending', 'waiting', 'open')"),
    ),
    sa.Index(
        "payout_netted_unique",
        "creator_id",
        "currency",
        "month",
        unique=True,
        postgresql_where=sa.text("month IS NOT NULL AND status <> 'canceled'"),
    ),
    sa.Index(
        "payout_reference_unique",
        "reference",
        unique=True,
        postgresql_where=sa.text("method = 'transfer' AND reference IS NOT NULL"),
    ),
    sa.Index("payout_sale_index", "sale_id", postgresql_where=sa.text("sale_id IS NOT NULL")),
    sa.Index(
        "payout_untold_index",
        "creator_id",
        postgresql_where=sa.text("status = 'paid' AND amount > 0 AND told_at IS NULL"),
    ),
    sa.Index("payout_batch_index", "batch_id", postgresql_where=sa.text("batch_id IS NOT NULL")),
)

# What a payout is made of: its lines add up to its amount. A line below zero is a debt that it pays.
payout_line = sa.Table(
    "payout_line",
    SQLModel.metadata,
    sa.Column("payout_id", sa.Uuid, sa.ForeignKey("payout.id"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    # Null for what is not of one charge: shares of metered answers and of the pool.
    sa.Column("sale_id", sa.Uuid, sa.ForeignKey("allocation.sale_id")),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.CheckConstraint("amount <> 0", name="payout_line_amount_check"),
    sa.Index("payout_line_sale_index", "sale_id"),
)

payout_reversal = sa.Table(
    "payout_reversal",
    SQLModel.metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("payout_id", sa.Uuid, sa.ForeignKey("payout.id"), nullable=False),
    sa.Column("sale_id", sa.Uuid),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("attempt", sa.Integer, nullable=False, server_default="1"),
    sa.Column("begun_at", _TIME, nullable=False, server_default=_NOW),
    sa.Column("key_spent", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("stripe_reversal_id", sa.Text),
    sa.Column("created_at", _TIME, nullable=False, server_default=_NOW),
    sa.Column("reversed_at", _TIME),
    sa.CheckConstraint("status IN ('sending', 'done', 'refused')", name="payout_reversal_status_check"),
    sa.CheckConstraint("amount > 0", name="payout_reversal_amount_check"),
    sa.UniqueConstraint("stripe_reversal_id", name="payout_reversal_stripe_unique"),
    sa.Index("payout_reversal_payout_index", "payout_id"),
    sa.Index(
        "payout_reversal_pending_index",
        "created_at",
        postgresql_where=sa.text("status = 'sending'"),
    ),
)

# While any stands, nothing is transferred.
payout_block = sa.Table(
    "payout_block",
    SQLModel.metadata,
    sa.Column("reason", sa.Text, primary_key=True),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("since", _TIME, nullable=False, server_default=_NOW),
)

# From a balance at the processor to a bank: the platform's own, or a creator's.
bank_payout = sa.Table(
    "bank_payout",
    SQLModel.metadata,
    sa.Column("stripe_payout_id", sa.Text, primary_key=True),
    sa.Column("id", sa.Uuid, nullable=False),
    # Null for the platform's.
    sa.Column("creator_id", sa.Uuid),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    # In Stripe's words.
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("failure_code", sa.Text),
    sa.Column("arrives_at", _TIME),
    sa.Column("created_at", _TIME, nullable=False),
    sa.UniqueConstraint("id", name="bank_payout_id_unique"),
    sa.Index("bank_payout_creator_index", "creator_id", "id"),
)
