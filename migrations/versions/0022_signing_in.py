"""Sign-in by other providers, sessions, and letters that carry a secret."""

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Nothing yet."""
