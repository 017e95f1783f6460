"""Invoices, late usage, reconciliation, included units, monthly partitions."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    _columns()
    _marks()
    _invoices()
    _checks()
    _partitions()


def _columns() -> None:
    op.execute(
        """
        ALTER TABLE contract
          ADD COLUMN current_period_start timestamptz,
          ADD COLUMN cancel_at_period_end boolean NOT NULL DEFAULT false,
          ADD COLUMN ending_at timestamptz,
          ADD COLUMN price_terms jsonb NOT NULL DEFAULT '{}',
          ADD COLUMN price_passages bigint,
          ADD COLUMN price_answers bigint,
          ADD COLUMN included_passages bigint,
          ADD COLUMN included_answers bigint
        """
    )
    op.execute(
        """
        ALTER TABLE spend_counter
          ADD COLUMN included_passages bigint NOT NULL DEFAULT 0,
          ADD COLUMN included_answers bigint NOT NULL DEFAULT 0
        """
    )
    op.execute(
        """
        ALTER TABLE reservation
          ADD COLUMN included boolean NOT NULL DEFAULT false,
          ADD COLUMN included_limit bigint NOT NULL DEFAULT 0
        """
    )
    op.execute(
        """
        ALTER TABLE usage_event
          ADD COLUMN on_top bigint NOT NULL DEFAULT 0,
          ADD COLUMN included boolean NOT NULL DEFAULT false,
          ADD COLUMN mark bigint,
          ADD COLUMN on_top_mark bigint
        """
    )
    op.execute(
        """
        ALTER TABLE usage_bucket
          ADD COLUMN sent_total bigint NOT NULL DEFAULT 0,
          ADD COLUMN billed bigint NOT NULL DEFAULT 0
        """
    )


def _marks() -> None:
    """Of what was counted before marks were: an hour's events all have its whole total."""
    op.execute("UPDATE usage_bucket SET sent_total = revision_total WHERE sent_revision = revision")
    op.execute(
        """
        UPDATE usage_event e SET on_top = e.amount - r.unit_price
        FROM reservation r WHERE r.id = e.call_id AND e.amount <> r.unit_price
        """
    )
    op.execute(
        """
        UPDATE usage_event e SET mark = b.total FROM usage_bucket b
        WHERE (b.organization_id, b.meter, b.hour)
            = (e.organization_id, e.meter, date_trunc('hour', e.at, 'UTC'))
        """
    )
    op.execute(
        """
        UPDATE usage_event e SET on_top_mark = b.total FROM usage_bucket b
        WHERE e.on_top > 0 AND (b.organization_id, b.meter, b.hour)
            = (e.organization_id, 'creator_prices', date_trunc('hour', e.at, 'UTC'))
        """
    )


def _invoices() -> None:
    op.create_table(
        "metered_invoice",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("stripe_invoice_id", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("total", sa.BigInteger, nullable=False),
        sa.Column("tax", sa.BigInteger, nullable=False),
        sa.Column("amount_due", sa.BigInteger, nullable=False),
        sa.Column("amount_paid", sa.BigInteger, nullable=False),
        sa.Column("period_start", TIME, nullable=False),
        sa.Column("period_end", TIME, nullable=False),
        sa.Column("finalizes_at", TIME),
        sa.Column("finalized_at", TIME),
        sa.Column("lined_at", TIME),
        sa.Column("attempted", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("hosted_url", sa.Text),
        sa.Column("created_at", TIME, nullable=False),
        sa.UniqueConstraint("stripe_invoice_id", name="metered_invoice_stripe_unique"),
        sa.Index("metered_invoice_organization_idx", "organization_id", "id"),
    )
    op.create_table(
        "invoice_line",
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
        sa.Column("period_start", TIME, nullable=False),
        sa.Column("period_end", TIME, nullable=False),
        sa.Column("difference", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("stripe_item_id", sa.Text),
        sa.Column("own_invoice_id", sa.Text),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("created_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["invoice_id"], ["metered_invoice.id"], name="invoice_line_invoice_fkey"),
        sa.UniqueConstraint("stripe_item_id", name="invoice_line_item_unique"),
        sa.Index("invoice_line_invoice_idx", "invoice_id", "id"),
        sa.Index(
            "invoice_line_waiting_idx",
            "organization_id",
            postgresql_where=sa.text("late AND invoice_id IS NULL"),
        ),
    )
    op.create_table(
        "invoice_slice",
        sa.Column("organization_id", sa.Uuid, primary_key=True),
        sa.Column("meter", sa.Text, primary_key=True),
        sa.Column("hour", TIME, primary_key=True),
        sa.Column("from_mark", sa.BigInteger, primary_key=True),
        sa.Column("to_mark", sa.BigInteger, nullable=False),
        sa.Column("line_id", sa.Uuid, nullable=False),
        sa.ForeignKeyConstraint(["line_id"], ["invoice_line.id"], name="invoice_slice_line_fkey"),
        sa.CheckConstraint("from_mark < to_mark", name="invoice_slice_check"),
        sa.Index("invoice_slice_line_idx", "line_id", "hour"),
    )


def _checks() -> None:
    op.create_table(
        "usage_check",
        sa.Column("organization_id", sa.Uuid, primary_key=True),
        sa.Column("meter", sa.Text, primary_key=True),
        sa.Column("period_start", TIME, primary_key=True),
        sa.Column("ours", sa.BigInteger, nullable=False),
        sa.Column("theirs", sa.BigInteger, nullable=False),
        sa.Column("checked_at", TIME, nullable=False),
        sa.Index("usage_check_mismatch_idx", "organization_id", postgresql_where=sa.text("ours <> theirs")),
    )
    op.create_table(
        "spend_alert",
        sa.Column("subject_id", sa.Uuid, primary_key=True),
        sa.Column("month", sa.Date, primary_key=True),
        sa.Column("percent", sa.Integer, primary_key=True),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("cap", sa.BigInteger, nullable=False),
        sa.Column("spent", sa.BigInteger, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("told_at", TIME),
    )


def _partitions() -> None:
    """Makes a month's partitions and moves into them what the default one took; nothing if they are there."""
    op.execute(
        """
        CREATE FUNCTION partitions.prepare(first date) RETURNS boolean LANGUAGE plpgsql AS $$
        DECLARE
          after date := first + interval '1 month';
          parent text;
          name text;
          made boolean := false;
        BEGIN
          PERFORM pg_advisory_xact_lock(hashtextextended('partitions.prepare', 0));
          FOREACH parent IN ARRAY ARRAY['usage_event', 'usage_share'] LOOP
            name := parent || to_char(first, '_YYYY_MM');
            CONTINUE WHEN to_regclass('partitions.' || name) IS NOT NULL;
            -- Nobody may put another row into the default partition between the move and the attachment.
            EXECUTE format('LOCK TABLE ONLY %I IN ROW EXCLUSIVE MODE', parent);
            EXECUTE format('LOCK TABLE partitions.%I IN ACCESS EXCLUSIVE MODE', parent || '_default');
            EXECUTE format('CREATE TABLE partitions.%I (LIKE %I INCLUDING ALL)', name, parent);
            EXECUTE format(
              'WITH moved AS (DELETE FROM partitions.%I WHERE month >= $1 AND month < $2 RETURNING *)'
              ' INSERT INTO partitions.%I SELECT * FROM moved', parent || '_default', name)
              USING first, after;
            EXECUTE format('ALTER TABLE %I ATTACH PARTITION partitions.%I FOR VALUES FROM (%L) TO (%L)',
              parent, name, first, after);
            made := true;
          END LOOP;
          RETURN made;
        END $$
        """
    )
    op.execute(
        """
        SELECT partitions.prepare(month::date) FROM generate_series(
          date_trunc('month', zhihao_now() AT TIME ZONE 'UTC'),
          date_trunc('month', zhihao_now() AT TIME ZONE 'UTC') + interval '2 months', '1 month') AS month
        """
    )


def downgrade() -> None:
    raise NotImplementedError("migrations go forward; restore a backup instead")
