"""Changes by schedule, price changes, what a subscription was told."""

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """See each table's module for what it holds."""
