"""Transfers, manual payouts, blocks, statements."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """See each table's module for what it holds."""
    op.add_column("sale", sa.Column("frozen_at", _TIME))
