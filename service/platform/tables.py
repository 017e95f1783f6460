"""The tables of this room."""

import sqlalchemy as sa
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
