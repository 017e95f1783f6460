"""Money, later changes."""

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Nothing yet."""
