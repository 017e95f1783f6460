"""The double-entry ledger."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

NOW = sa.text("zhihao_now()")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "ledger_account",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("owner_id", sa.Uuid),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("balance", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("created_at", TIME, nullable=False, server_default=NOW),
        sa.UniqueConstraint(
            "kind", "owner_id", "currency", name="ledger_account_unique", postgresql_nulls_not_distinct=True
        ),
        sa.UniqueConstraint("id", "currency", name="ledger_account_currency_unique"),
        # Every posting to it moves the balance: room on the page keeps that update off the indexes.
        postgresql_with={"fillfactor": 50},
    )
    op.create_index("ledger_account_owner_index", "ledger_account", ["owner_id"])
    op.create_table(
        "ledger_transaction",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("source_type", sa.Text, nullable=False),
        sa.Column("source_id", sa.Text, nullable=False),
        sa.Column("leg", sa.Text, nullable=False),
        sa.Column("sale_id", sa.Uuid),
        sa.Column("reverses_id", sa.Uuid, sa.ForeignKey("ledger_transaction.id")),
        sa.Column("effective_at", TIME, nullable=False),
        sa.Column("posted_at", TIME, nullable=False, server_default=NOW),
        sa.UniqueConstraint("source_type", "source_id", "leg", name="ledger_transaction_source_unique"),
    )
    op.create_index("ledger_transaction_sale_index", "ledger_transaction", ["sale_id"])
    op.create_table(
        "ledger_entry",
        sa.Column("transaction_id", sa.Uuid, sa.ForeignKey("ledger_transaction.id"), primary_key=True),
        sa.Column("position", sa.SmallInteger, primary_key=True),
        sa.Column("account_id", sa.Uuid, nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("effective_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id", "currency"],
            ["ledger_account.id", "ledger_account.currency"],
            name="ledger_entry_account_fkey",
        ),
        sa.CheckConstraint("amount <> 0", name="ledger_entry_amount_check"),
    )
    op.create_index("ledger_entry_account_index", "ledger_entry", ["account_id", "effective_at"])
    _forbid_changes()
    _demand_balance()


def _forbid_changes() -> None:
    op.execute(
        """
        CREATE FUNCTION ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          RAISE EXCEPTION 'the ledger is append-only: % on % is refused', TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation';
        END $$
        """
    )
    for table in ("ledger_transaction", "ledger_entry"):
        op.execute(
            f"""
            CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_append_only()
            """
        )


def _demand_balance() -> None:
    # Deferred to the commit, when all entries are there. A transaction without entries is none either.
    op.execute(
        """
        CREATE FUNCTION ledger_sums_to_zero() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
          checked uuid;
        BEGIN
          IF TG_TABLE_NAME = 'ledger_entry' THEN
            checked := NEW.transaction_id;
          ELSE
            checked := NEW.id;
          END IF;
          IF NOT EXISTS (SELECT FROM ledger_entry WHERE transaction_id = checked) THEN
            RAISE EXCEPTION 'ledger transaction % has no entries', checked
              USING ERRCODE = 'check_violation';
          END IF;
          IF EXISTS (
            SELECT FROM ledger_entry WHERE transaction_id = checked GROUP BY currency HAVING sum(amount) <> 0
          ) THEN
            RAISE EXCEPTION 'ledger transaction % does not sum to zero', checked
              USING ERRCODE = 'check_violation';
          END IF;
          RETURN NULL;
        END $$
        """
    )
    for table in ("ledger_transaction", "ledger_entry"):
        op.execute(
            f"""
            CREATE CONSTRAINT TRIGGER {table}_sums_to_zero AFTER INSERT ON {table}
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_sums_to_zero()
            """
        )


def downgrade() -> None:
    raise NotImplementedError("migrations go forward; restore a backup instead")
