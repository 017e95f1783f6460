"""Invoices, late usage, reconciliation, monthly partitions."""

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """See each table's module for what it holds."""
