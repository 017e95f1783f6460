"""Refunds asked and given, disputes."""

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """See each table's module for what it holds."""
