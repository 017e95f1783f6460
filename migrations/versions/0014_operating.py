"""Take rates, complimentary acts, the processor's balance as it was read, findings and alarms."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0014"
down_revision = "0013"

NOW = sa.text("zhihao_now()")
CLOCK = sa.text("now()")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """See each table's module for what it holds."""
    op.execute(
        """
        CREATE FUNCTION is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          RAISE EXCEPTION '% on % is refused: rows are only ever added', TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation';
        END $$
        """
    )
    op.add_column(
        "payout_account", sa.Column("frozen_for", ARRAY(sa.Text), nullable=False, server_default="{}")
    )
    _take_rates()
    _complimentary_acts()
    _balance()
    _watching()
    # The journal by time, a source's postings, and what was posted lately.
    op.create_index("ledger_transaction_effective_index", "ledger_transaction", ["effective_at", "id"])
    op.create_index("ledger_transaction_source_index", "ledger_transaction", ["source_id"])
    op.create_index("ledger_transaction_posted_index", "ledger_transaction", ["posted_at"])
    # What was given up.
    for name, table, column, condition in (
        ("usage_bucket_rejected_idx", "usage_bucket", "hour", "rejected IS NOT NULL"),
        ("letter_dead_index", "letter", "created_at", "state = 'dead'"),
        ("webhook_delivery_failed_index", "webhook_delivery", "created_at", "state = 'failed'"),
    ):
        op.create_index(name, table, [column], postgresql_where=sa.text(condition))


def _take_rates() -> None:
    op.create_table(
        "take_rate",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("creator_id", sa.Uuid),
        sa.Column("bps", sa.Integer),
        sa.Column("effective_from", TIME, nullable=False),
        sa.Column("set_by", sa.Uuid, nullable=False),
        sa.Column("created_at", TIME, nullable=False, server_default=NOW),
        sa.CheckConstraint("bps BETWEEN 0 AND 10000", name="take_rate_bps_check"),
        sa.CheckConstraint("bps IS NOT NULL OR creator_id IS NOT NULL", name="take_rate_platform_check"),
    )
    op.create_index("take_rate_index", "take_rate", ["creator_id", "effective_from", "id"])
    _append_only("take_rate")


def _complimentary_acts() -> None:
    op.create_table(
        "complimentary_act",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("grant_id", sa.Uuid, nullable=False),
        sa.Column("act", sa.Text, nullable=False),
        sa.Column("account_id", sa.Uuid, nullable=False),
        sa.Column("knowledge_base_id", sa.Uuid, nullable=False),
        sa.Column("until", TIME),
        sa.Column("actor_id", sa.Uuid),
        sa.Column("at", TIME, nullable=False, server_default=NOW),
        sa.CheckConstraint("act IN ('given', 'ended')", name="complimentary_act_check"),
        sa.UniqueConstraint("grant_id", "act", name="complimentary_act_unique"),
    )
    op.execute(
        """
        INSERT INTO complimentary_act (id, grant_id, act, account_id, knowledge_base_id, until, at)
        SELECT gen_random_uuid(), id, act, account_id, knowledge_base_id, ends_at,
               CASE act WHEN 'given' THEN starts_at ELSE revoked_at END
        FROM access_grant, unnest(ARRAY['given', 'ended']) AS act
        WHERE source = 'complimentary' AND account_id IS NOT NULL AND knowledge_base_id IS NOT NULL
          AND (act = 'given' OR revoked_at IS NOT NULL)
        """
    )
    _append_only("complimentary_act")


def _balance() -> None:
    op.create_table(
        "balance_transaction",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("source_id", sa.Text, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("fee", sa.BigInteger, nullable=False),
        sa.Column("net", sa.BigInteger, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("read_at", TIME, nullable=False, server_default=CLOCK),
        sa.Column("matched_at", TIME),
        sa.CheckConstraint("net = amount - fee", name="balance_transaction_net_check"),
    )
    op.create_index("balance_transaction_source_index", "balance_transaction", ["source_id"])
    op.create_index(
        "balance_transaction_open_index",
        "balance_transaction",
        ["read_at"],
        postgresql_where=sa.text("matched_at IS NULL"),
    )
    op.create_table(
        "balance_total",
        sa.Column("currency", sa.Text, primary_key=True),
        sa.Column("net", sa.BigInteger, nullable=False),
        sa.Column("lines", sa.BigInteger, nullable=False),
    )


def _watching() -> None:
    op.create_table(
        "invariant_check",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("faults", JSONB, nullable=False),
        sa.Column("checked_at", TIME, nullable=False, server_default=CLOCK),
    )
    op.create_table(
        "alarm",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("detail", sa.Text, primary_key=True),
        sa.Column("times", sa.BigInteger, nullable=False),
        sa.Column("first_at", TIME, nullable=False, server_default=CLOCK),
        sa.Column("last_at", TIME, nullable=False, server_default=CLOCK),
    )


def _append_only(table: str) -> None:
    op.execute(
        f"""
        CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
        FOR EACH STATEMENT EXECUTE FUNCTION is_append_only()
        """
    )


def downgrade() -> None:
    raise NotImplementedError("migrations go forward; restore a backup instead")
