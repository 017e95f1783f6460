"""Webhooks out, mail."""

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """See each table's module for what it holds."""
