"""Payout accounts in the order in which they are looked at again."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """See ``billing/payouts/tables.py``."""
    op.create_index(
        "payout_account_seen_index",
        "payout_account",
        ["updated_at"],
        postgresql_where=sa.text("stripe_account_id IS NOT NULL AND status <> 'disconnected'"),
    )
