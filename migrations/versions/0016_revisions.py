"""Superseded revisions, what changed, and when."""

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Nothing yet."""
