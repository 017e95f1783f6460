"""Refunds asked and given, disputes."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

NOW = sa.text("zhihao_now()")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """See each table's module for what it holds."""
    op.add_column("sale", sa.Column("disputed", sa.BigInteger, nullable=False, server_default="0"))
    _refunds()
    _requests()
    _disputes()
    _warnings()


def _refunds() -> None:
    op.drop_constraint("refund_sale_id_fkey", "refund", type_="foreignkey")
    for column in (
        sa.Column("actor_id", sa.Uuid),
        sa.Column("as_operator", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("reason", sa.Text, nullable=False, server_default=""),
        # Those there are were seen at the processor, done.
        sa.Column("status", sa.Text, nullable=False, server_default="succeeded"),
        sa.Column("failure_reason", sa.Text),
        sa.Column("ends_subscription", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("failure_balance_transaction_id", sa.Text),
        sa.Column("updated_at", TIME, nullable=False, server_default=NOW),
    ):
        op.add_column("refund", column)
    op.alter_column("refund", "stripe_refund_id", nullable=True)
    op.alter_column("refund", "settled_currency", nullable=True)
    op.alter_column("refund", "settled_amount", server_default="0")
    op.alter_column("refund", "fee", server_default="0")
    op.alter_column("refund", "created_at", server_default=NOW)
    op.create_check_constraint("refund_amount_check", "refund", "amount > 0")
    op.create_check_constraint(
        "refund_status_check",
        "refund",
        "status IN ('asked', 'pending', 'requires_action', 'succeeded', 'failed', 'canceled', 'refused')",
    )
    op.create_index(
        "refund_asked_index", "refund", ["created_at"], postgresql_where=sa.text("status = 'asked'")
    )


def _requests() -> None:
    op.drop_constraint("refund_request_subscription_id_fkey", "refund_request", type_="foreignkey")
    op.drop_index("refund_request_open_unique", "refund_request")
    op.drop_index("refund_request_account_index", "refund_request")
    for name in ("sale_id", "creator_id", "answered_by", "refund_id"):
        op.add_column("refund_request", sa.Column(name, sa.Uuid))
    op.add_column("refund_request", sa.Column("answer", sa.Text))
    op.execute(
        """
        UPDATE refund_request SET sale_id = paid.id, creator_id = paid.creator_id FROM (
          SELECT DISTINCT ON (subscription_id) subscription_id, id, creator_id FROM sale
          WHERE subscription_id IS NOT NULL ORDER BY subscription_id, paid_at DESC, id DESC
        ) AS paid WHERE paid.subscription_id = refund_request.subscription_id
        """
    )
    # Of a trial nothing was ever paid: there is nothing to give back.
    op.execute("DELETE FROM refund_request WHERE sale_id IS NULL")
    op.alter_column("refund_request", "sale_id", nullable=False)
    op.alter_column("refund_request", "subscription_id", nullable=True)
    op.drop_constraint("refund_request_status_check", "refund_request", type_="check")
    op.create_check_constraint(
        "refund_request_status_check",
        "refund_request",
        "status IN ('open', 'granted', 'declined', 'withdrawn')",
    )
    op.create_index(
        "refund_request_open_unique",
        "refund_request",
        ["sale_id"],
        unique=True,
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_index("refund_request_account_index", "refund_request", ["account_id", "id"])
    op.create_index("refund_request_creator_index", "refund_request", ["creator_id", "id"])
    op.create_index("refund_request_refund_index", "refund_request", ["refund_id"])


def _disputes() -> None:
    op.create_table(
        "dispute",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("sale_id", sa.Uuid, nullable=False),
        sa.Column("creator_id", sa.Uuid),
        sa.Column("stripe_dispute_id", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("refundable", sa.Boolean, nullable=False),
        sa.Column("evidence_due_by", TIME),
        sa.Column("has_evidence", sa.Boolean, nullable=False),
        sa.Column("withdrawn", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("withdrawn_transaction_id", sa.Text),
        sa.Column("reinstated", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("reinstated_transaction_id", sa.Text),
        sa.Column("fee", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("settled_currency", sa.Text),
        sa.Column("creator_at_fault", sa.Boolean),
        sa.Column("creator_fee", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("fee_moves", sa.Integer, nullable=False, server_default="0"),
        sa.Column("opened_at", TIME, nullable=False),
        sa.Column("closed_at", TIME),
        sa.Column("updated_at", TIME, nullable=False, server_default=NOW),
        sa.UniqueConstraint("stripe_dispute_id", name="dispute_stripe_unique"),
        sa.Index("dispute_sale_index", "sale_id"),
        sa.Index("dispute_creator_index", "creator_id", "id"),
    )
    op.create_table(
        "dispute_evidence",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("dispute_id", sa.Uuid, sa.ForeignKey("dispute.id"), nullable=False),
        sa.Column("author_id", sa.Uuid, nullable=False),
        sa.Column("as_operator", sa.Boolean, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("submitted", sa.Boolean, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("created_at", TIME, nullable=False, server_default=NOW),
        sa.CheckConstraint("status IN ('asked', 'sent', 'refused')", name="dispute_evidence_status_check"),
        sa.Index("dispute_evidence_dispute_index", "dispute_id", "id"),
    )


def _warnings() -> None:
    op.create_table(
        "fraud_warning",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("sale_id", sa.Uuid, nullable=False),
        sa.Column("stripe_warning_id", sa.Text, nullable=False),
        sa.Column("fraud_type", sa.Text, nullable=False),
        sa.Column("actionable", sa.Boolean, nullable=False),
        sa.Column("refund_id", sa.Uuid),
        sa.Column("warned_at", TIME, nullable=False),
        sa.Column("created_at", TIME, nullable=False, server_default=NOW),
        sa.UniqueConstraint("stripe_warning_id", name="fraud_warning_stripe_unique"),
        sa.Index("fraud_warning_sale_index", "sale_id"),
    )
