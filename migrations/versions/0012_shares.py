"""Citation shares, the traffic pool."""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """See each table's module for what it holds."""
    for column in ("withheld", "on_top", "on_top_accrued", "on_top_withheld"):
        op.execute(f"ALTER TABLE usage_share ADD COLUMN {column} bigint NOT NULL DEFAULT 0")
    op.execute("ALTER TABLE usage_share ADD COLUMN invoice_id uuid, ADD COLUMN on_top_invoice_id uuid")
    # What accrues is looked for by creator; what was shared is in share_line.
    op.execute("DROP INDEX usage_share_creator_idx")
    op.execute(
        "CREATE INDEX usage_share_accruing_idx ON usage_share (creator_id, at) WHERE invoice_id IS NULL"
    )
    op.execute(
        "CREATE INDEX usage_share_on_top_accruing_idx ON usage_share (creator_id, at)"
        " WHERE on_top > 0 AND on_top_invoice_id IS NULL"
    )
    for statement in SHARES + POOL:
        op.execute(statement)


SHARES = (
    """
    CREATE TABLE share_invoice (
      id uuid PRIMARY KEY,
      stripe_invoice_id text NOT NULL CONSTRAINT share_invoice_stripe_unique UNIQUE,
      organization_id uuid NOT NULL,
      currency text NOT NULL,
      status text NOT NULL
        CONSTRAINT share_invoice_status_check CHECK (status IN ('open', 'carried', 'paid', 'written_off')),
      billed bigint NOT NULL DEFAULT 0,
      invoiced bigint NOT NULL,
      total bigint NOT NULL,
      carried bigint NOT NULL DEFAULT 0,
      carried_to uuid REFERENCES share_invoice (id),
      created_at timestamptz NOT NULL DEFAULT zhihao_now(),
      settled_at timestamptz
    )
    """,
    "CREATE INDEX share_invoice_organization_index ON share_invoice (organization_id, status)",
    "CREATE INDEX share_invoice_carried_index ON share_invoice (carried_to)",
    """
    CREATE TABLE share_line (
      invoice_id uuid NOT NULL REFERENCES share_invoice (id),
      creator_id uuid NOT NULL,
      knowledge_base_id uuid NOT NULL,
      meter text NOT NULL,
      month date NOT NULL,
      units bigint NOT NULL,
      amount bigint NOT NULL,
      accrued bigint NOT NULL,
      own bigint NOT NULL,
      concentrated bigint NOT NULL,
      PRIMARY KEY (invoice_id, creator_id, knowledge_base_id, meter, month),
      CONSTRAINT share_line_limits_check
        CHECK (own >= 0 AND concentrated >= 0 AND concentrated <= accrued)
    )
    """,
    "CREATE INDEX share_line_creator_index ON share_line (creator_id, month)",
    """
    CREATE TABLE share_allocation (
      invoice_id uuid NOT NULL,
      creator_id uuid NOT NULL,
      knowledge_base_id uuid NOT NULL,
      meter text NOT NULL,
      month date NOT NULL,
      sale_id uuid NOT NULL,
      amount bigint NOT NULL,
      fee bigint NOT NULL,
      currency text NOT NULL,
      PRIMARY KEY (invoice_id, creator_id, knowledge_base_id, meter, month, sale_id),
      CONSTRAINT share_allocation_line_fkey
        FOREIGN KEY (invoice_id, creator_id, knowledge_base_id, meter, month)
        REFERENCES share_line (invoice_id, creator_id, knowledge_base_id, meter, month)
    )
    """,
    "CREATE INDEX share_allocation_sale_index ON share_allocation (sale_id)",
)

POOL = (
    "CREATE TABLE read_month (month date PRIMARY KEY, salt bytea, closed_at timestamptz)",
    """
    CREATE TABLE free_read (
      month date NOT NULL,
      reader_key bytea NOT NULL,
      knowledge_base_id uuid NOT NULL,
      creator_id uuid NOT NULL,
      network_key bytea,
      PRIMARY KEY (month, reader_key, knowledge_base_id)
    )
    """,
    """
    CREATE TABLE pool_rate (
      id uuid PRIMARY KEY,
      from_month date NOT NULL,
      bps integer NOT NULL CONSTRAINT pool_rate_bps_check CHECK (bps BETWEEN 0 AND 10000),
      set_by uuid,
      created_at timestamptz NOT NULL DEFAULT zhihao_now()
    )
    """,
    "CREATE INDEX pool_rate_month_index ON pool_rate (from_month, id)",
    """
    CREATE TABLE pool_month (
      month date NOT NULL,
      currency text NOT NULL,
      net_take bigint NOT NULL,
      bps integer NOT NULL,
      pool bigint NOT NULL,
      distributed bigint NOT NULL,
      readers bigint NOT NULL,
      credits bigint NOT NULL,
      closed_at timestamptz NOT NULL DEFAULT zhihao_now(),
      PRIMARY KEY (month, currency),
      CONSTRAINT pool_month_distributed_check CHECK (distributed >= 0 AND distributed <= pool)
    )
    """,
    """
    CREATE TABLE pool_reading (
      month date NOT NULL,
      knowledge_base_id uuid NOT NULL,
      creator_id uuid NOT NULL,
      readers bigint NOT NULL,
      creator_readers bigint NOT NULL,
      credits bigint NOT NULL,
      PRIMARY KEY (month, knowledge_base_id, creator_id)
    )
    """,
    "CREATE INDEX pool_reading_creator_index ON pool_reading (creator_id, month)",
    """
    CREATE TABLE pool_share (
      month date NOT NULL,
      currency text NOT NULL,
      knowledge_base_id uuid NOT NULL,
      creator_id uuid NOT NULL,
      amount bigint NOT NULL,
      withheld bigint NOT NULL,
      reason text,
      PRIMARY KEY (month, currency, knowledge_base_id, creator_id),
      CONSTRAINT pool_share_sign_check CHECK (amount >= 0 AND withheld >= 0),
      CONSTRAINT pool_share_reason_check
        CHECK (reason IN ('too_few_readers', 'creator_limit', 'not_eligible'))
    )
    """,
    "CREATE INDEX pool_share_creator_index ON pool_share (creator_id, month)",
)
