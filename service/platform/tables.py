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
