"""Transfers, manual payouts, blocks, statements."""

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """See each table's module for what it holds."""
