"""Transfers, manual payouts, blocks."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_NOW = sa.text("zhihao_now()")
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """See each table's module for what it holds."""
    op.add_column("sale", sa.Column("frozen_at", _TIME))
    _accounts()
    _payouts()


def _accounts() -> None:
    op.add_column("payout_account", sa.Column("method", sa.Text, nullable=False, server_default="transfer"))
    op.add_column("payout_account", sa.Column("details", sa.LargeBinary))
    op.add_column("payout_account", sa.Column("first_sale_at", _TIME))
    op.create_check_constraint(
        "payout_account_method_check", "payout_account", "method IN ('transfer', 'manual')"
    )


def _payouts() -> None:
    op.create_table(
        "allocation",
        sa.Column("sale_id", sa.Uuid, primary_key=True),
        sa.Column("creator_id", sa.Uuid, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("stripe_charge_id", sa.Text, nullable=False),
        sa.Column("charged", sa.BigInteger, nullable=False),
        sa.Column("net", sa.BigInteger, nullable=False),
        sa.Column("paid", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("drawn", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("earned_at", _TIME, nullable=False),
        sa.UniqueConstraint("stripe_charge_id", name="allocation_charge_unique"),
    )
    op.create_index(
        "allocation_open_index",
        "allocation",
        ["creator_id", "earned_at"],
        postgresql_where=sa.text("net <> paid"),
    )
    op.create_table(
        "payout_batch",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("reference", sa.Text),
        sa.Column("created_by", sa.Uuid, nullable=False),
        sa.Column("created_at", _TIME, nullable=False, server_default=_NOW),
        sa.Column("paid_at", _TIME),
    )
    op.create_table(
        "payout",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("creator_id", sa.Uuid, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("method", sa.Text, nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("reversed", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("sale_id", sa.Uuid),
        sa.Column("month", sa.Date),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("destination", sa.Text),
        sa.Column("source_charge_id", sa.Text),
        sa.Column("attempt", sa.Integer, nullable=False, server_default="1"),
        sa.Column("begun_at", _TIME),
        sa.Column("retry_at", _TIME),
        sa.Column("key_spent", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("batch_id", sa.Uuid, sa.ForeignKey("payout_batch.id")),
        sa.Column("reference", sa.Text),
        sa.Column("created_at", _TIME, nullable=False, server_default=_NOW),
        sa.Column("paid_at", _TIME),
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
    )
    op.create_index("payout_creator_index", "payout", ["creator_id", "id"])
    op.create_index(
        "payout_pending_index",
        "payout",
        ["creator_id"],
        postgresql_where=sa.text("status IN ('sending', 'waiting', 'open')"),
    )
    op.create_index(
        "payout_netted_unique",
        "payout",
        ["creator_id", "currency", "month"],
        unique=True,
        postgresql_where=sa.text("month IS NOT NULL AND status <> 'canceled'"),
    )
    op.create_index(
        "payout_reference_unique",
        "payout",
        ["reference"],
        unique=True,
        postgresql_where=sa.text("method = 'transfer' AND reference IS NOT NULL"),
    )
    op.create_index(
        "payout_sale_index", "payout", ["sale_id"], postgresql_where=sa.text("sale_id IS NOT NULL")
    )
    op.create_index(
        "payout_untold_index",
        "payout",
        ["creator_id"],
        postgresql_where=sa.text("status = 'paid' AND amount > 0 AND told_at IS NULL"),
    )
    op.create_index(
        "payout_batch_index", "payout", ["batch_id"], postgresql_where=sa.text("batch_id IS NOT NULL")
    )
    op.create_table(
        "payout_line",
        sa.Column("payout_id", sa.Uuid, sa.ForeignKey("payout.id"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("sale_id", sa.Uuid, sa.ForeignKey("allocation.sale_id")),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.CheckConstraint("amount <> 0", name="payout_line_amount_check"),
    )
    op.create_index("payout_line_sale_index", "payout_line", ["sale_id"])
    op.create_table(
        "payout_reversal",
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
    )
    op.create_index("payout_reversal_payout_index", "payout_reversal", ["payout_id"])
    op.create_index(
        "payout_reversal_pending_index",
        "payout_reversal",
        ["created_at"],
        postgresql_where=sa.text("status = 'sending'"),
    )
    op.create_table(
        "payout_block",
        sa.Column("reason", sa.Text, primary_key=True),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("since", _TIME, nullable=False, server_default=_NOW),
    )
    op.create_table(
        "bank_payout",
        sa.Column("stripe_payout_id", sa.Text, primary_key=True),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("creator_id", sa.Uuid),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("failure_code", sa.Text),
        sa.Column("arrives_at", _TIME),
        sa.Column("created_at", _TIME, nullable=False),
        sa.UniqueConstraint("id", name="bank_payout_id_unique"),
    )
    op.create_index("bank_payout_creator_index", "bank_payout", ["creator_id", "id"])
    # Sales of before are due as they stand.
    op.execute(
        """
        INSERT INTO allocation (sale_id, creator_id, currency, stripe_charge_id, charged, net, earned_at)
        SELECT sale.id, sale.creator_id, settled_currency, stripe_charge_id, settled_amount,
          coalesce((
            SELECT -sum(entry.amount)
            FROM ledger_transaction AS posted JOIN ledger_entry AS entry ON transaction_id = posted.id
              JOIN ledger_account AS held ON held.id = account_id
            WHERE posted.sale_id = sale.id AND owner_id = sale.creator_id AND kind <> 'creator_paid'
          ), 0), paid_at
        FROM sale WHERE creator_id IS NOT NULL
        """
    )
    op.execute(
        """
        INSERT INTO payout_account (account_id, status, first_sale_at)
        SELECT creator_id, 'onboarding', min(paid_at) FROM sale WHERE creator_id IS NOT NULL GROUP BY 1
        ON CONFLICT (account_id) DO UPDATE SET first_sale_at = excluded.first_sale_at
        """
    )


def downgrade() -> None:
    raise NotImplementedError("migrations go forward; restore a backup instead")
