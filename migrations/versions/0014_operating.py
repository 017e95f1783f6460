"""Take rates, operators' decisions."""

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """See each table's module for what it holds."""
