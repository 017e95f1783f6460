"""Citation shares, the traffic pool."""

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """See each table's module for what it holds."""
