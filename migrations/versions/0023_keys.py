"""When a key was last used."""

from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """Counters say when they were last taken from."""
    op.execute("ALTER TABLE spend_counter ADD COLUMN used_at timestamptz")
