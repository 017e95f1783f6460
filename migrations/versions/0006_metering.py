"""Contracts, spend counters, reservations, usage."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE contract (
          organization_id uuid PRIMARY KEY,
          status text NOT NULL,
          stripe_customer_id text,
          stripe_subscription_id text,
          checkout_intent_id uuid,
          checkout_session_id text,
          checkout_url text,
          meter_prices jsonb NOT NULL DEFAULT '{}',
          started_at timestamptz,
          unpaid_since timestamptz,
          current_period_end timestamptz,
          created_at timestamptz NOT NULL,
          updated_at timestamptz NOT NULL
        )
        """
    )
    op.execute("CREATE UNIQUE INDEX contract_stripe_subscription_id_key ON contract (stripe_subscription_id)")
    op.execute(
        """
        CREATE TABLE spend_cap (
          organization_id uuid PRIMARY KEY,
          amount bigint NOT NULL CONSTRAINT spend_cap_amount_check CHECK (amount >= 0),
          currency text NOT NULL,
          updated_at timestamptz NOT NULL
        )
        """
    )
    op.execute(
        """
        CREATE TABLE spend_counter (
          subject_id uuid NOT NULL,
          month date NOT NULL,
          cap bigint,
          spent bigint NOT NULL DEFAULT 0,
          reserved bigint NOT NULL DEFAULT 0,
          paced_until timestamptz,
          PRIMARY KEY (subject_id, month),
          CONSTRAINT spend_counter_sign_check CHECK (spent >= 0 AND reserved >= 0),
          CONSTRAINT spend_counter_cap_check CHECK (spent + reserved <= cap)
        ) WITH (fillfactor = 50)
        """
    )
    op.execute(
        """
        CREATE TABLE reservation (
          id uuid PRIMARY KEY,
          state text NOT NULL DEFAULT 'held'
            CONSTRAINT reservation_state_check CHECK (state IN ('held', 'settled', 'released', 'expired')),
          meter text NOT NULL,
          month date NOT NULL,
          created_at timestamptz NOT NULL,
          expires_at timestamptz NOT NULL,
          ended_at timestamptz,
          account_id uuid,
          organization_id uuid,
          key_id uuid,
          currency text NOT NULL,
          unit_price bigint NOT NULL,
          knowledge_base_ids uuid[] NOT NULL,
          creator_ids uuid[] NOT NULL,
          api_prices bigint[] NOT NULL,
          hold_subjects uuid[] NOT NULL,
          hold_amounts bigint[] NOT NULL,
          units integer,
          amount bigint
        )
        """
    )
    op.execute("CREATE INDEX reservation_held_idx ON reservation (expires_at) WHERE state = 'held'")
    op.execute(
        """
        CREATE TABLE usage_event (
          call_id uuid NOT NULL,
          meter text NOT NULL,
          month date NOT NULL,
          at timestamptz NOT NULL,
          organization_id uuid NOT NULL,
          key_id uuid NOT NULL,
          units bigint NOT NULL,
          amount bigint NOT NULL,
          currency text NOT NULL,
          PRIMARY KEY (call_id, meter, month)
        ) PARTITION BY RANGE (month)
        """
    )
    op.execute("CREATE INDEX usage_event_organization_idx ON usage_event (organization_id, at)")
    op.execute(
        """
        CREATE TABLE usage_share (
          call_id uuid NOT NULL,
          knowledge_base_id uuid NOT NULL,
          month date NOT NULL,
          meter text NOT NULL,
          at timestamptz NOT NULL,
          organization_id uuid NOT NULL,
          creator_id uuid NOT NULL,
          units bigint NOT NULL,
          amount bigint NOT NULL,
          accrued bigint NOT NULL,
          currency text NOT NULL,
          PRIMARY KEY (call_id, knowledge_base_id, month)
        ) PARTITION BY RANGE (month)
        """
    )
    op.execute("CREATE INDEX usage_share_organization_idx ON usage_share (organization_id, at)")
    op.execute("CREATE INDEX usage_share_creator_idx ON usage_share (creator_id, at)")
    # Partitions live in a schema of their own: they are storage, not part of the model. The default one takes
    # what no month has been prepared for.
    op.execute("CREATE SCHEMA IF NOT EXISTS partitions")
    for table in ("usage_event", "usage_share"):
        op.execute(f"CREATE TABLE partitions.{table}_default PARTITION OF {table} DEFAULT")
    op.execute(
        """
        CREATE TABLE usage_bucket (
          organization_id uuid NOT NULL,
          meter text NOT NULL,
          hour timestamptz NOT NULL,
          total bigint NOT NULL,
          due boolean NOT NULL DEFAULT true,
          revision integer NOT NULL DEFAULT 0,
          revision_total bigint NOT NULL DEFAULT 0,
          sent_revision integer NOT NULL DEFAULT 0,
          sent_at timestamptz,
          rejected text,
          PRIMARY KEY (organization_id, meter, hour)
        ) WITH (fillfactor = 50)
        """
    )
    op.execute("CREATE INDEX usage_bucket_due_idx ON usage_bucket (hour) WHERE due")


def downgrade() -> None:
    raise NotImplementedError("migrations go forward; restore a backup instead")
