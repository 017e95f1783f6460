"""The table of this room: letters to be sent, and sent."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlmodel import SQLModel

_TIME = sa.DateTime(timezone=True)

letter = sa.Table(
    "letter",
    SQLModel.metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    # What it is about, once: the same key is never written twice.
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    # No address is kept: the account's own is read when the letter is sent.
    sa.Column("account_id", sa.Uuid, nullable=False),
    sa.Column("facts", postgresql.JSONB, nullable=False),
    # dropped: there was nobody to send it to; dead: given up.
    sa.Column("state", sa.Text, nullable=False, server_default="waiting"),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    # When it is tried; moved ahead while it is being tried, so that a crash leaves it to be tried again.
    sa.Column("next_at", _TIME, nullable=False, server_default=sa.text("now()")),
    sa.Column("error", sa.Text),
    sa.Column("at", _TIME, nullable=False, server_default=sa.text("zhihao_now()")),
    sa.Column("created_at", _TIME, nullable=False, server_default=sa.text("now()")),
    sa.Column("finished_at", _TIME),
    sa.CheckConstraint("state IN ('waiting', 'sent', 'dropped', 'dead')", name="letter_state_check"),
    sa.UniqueConstraint("key", name="letter_key_unique"),
    sa.Index("letter_due_index", "next_at", postgresql_where=sa.text("state = 'waiting'")),
    sa.Index("letter_dead_index", "created_at", postgresql_where=sa.text("state = 'dead'")),
    sa.Index("letter_account_index", "account_id"),
    sa.Index("letter_created_index", "created_at"),
)
