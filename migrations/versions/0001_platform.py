"""The clock, idempotency, and procrastinate's own tables."""

from importlib.resources import files

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    # The offset is nought except in sandbox mode, where moving a test clock moves it.
    op.create_table(
        "clock_offset",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("ahead", sa.Interval, nullable=False),
        sa.CheckConstraint("id = 1", name="clock_offset_one_row"),
    )
    op.execute("INSERT INTO clock_offset (id, ahead) VALUES (1, interval '0')")
    op.execute(
        """
        CREATE FUNCTION zhihao_now() RETURNS timestamptz LANGUAGE sql STABLE
        AS $$ SELECT now() + (SELECT ahead FROM clock_offset) $$
        """
    )
    # Read from the installed package on a fresh database; later changes of theirs come as revisions of ours.
    schema = files("procrastinate").joinpath("sql", "schema.sql").read_text()
    op.get_bind().connection.cursor().execute(schema.encode())


def downgrade() -> None:
    raise NotImplementedError("migrations go forward; restore a backup instead")
