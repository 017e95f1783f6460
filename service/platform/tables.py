"""The tables of this room."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import SQLModel

clock_offset = sa.Table(
    "clock_offset",
    SQLModel.metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("ahead", sa.Interval, nullable=False),
    sa.CheckConstraint("id = 1", name="clock_offset_one_row"),
)
"""How far ``zhihao_now()`` is ahead of the database's clock: nought except in sandbox mode."""

IDEMPOTENCY_KEY = sa.Table(
    "idempotency_key",
    SQLModel.metadata,
    sa.Column("digest", sa.LargeBinary, primary_key=True),
    sa.Column("fingerprint", sa.LargeBinary, nullable=False),
    sa.Column("result", sa.LargeBinary, nullable=True),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=False),
    sa.Index("ix_idempotency_key_created_at", "created_at"),
)
"""One row a key in use: ``digest`` is a hash of principal, route and key; ``result`` is sealed."""

invariant_check = sa.Table(
    "invariant_check",
    SQLModel.metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("faults", JSONB, nullable=False),
    sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
)
"""What each invariant's check found the last time it ran: a list of sentences, empty when all is well."""

alarm = sa.Table(
    "alarm",
    SQLModel.metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("detail", sa.Text, primary_key=True),
    sa.Column("times", sa.BigInteger, nullable=False),
    sa.Column("first_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
    sa.Column("last_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
)
"""What operators have to hear of, once for each detail; by the machine's clock."""
