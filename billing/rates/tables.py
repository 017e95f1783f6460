"""The table of this room: what share the platform takes, from when on."""

import sqlalchemy as sa
from sqlmodel import SQLModel

_NOW = sa.text("zhihao_now()")
_TIME = sa.DateTime(timezone=True)

# A version is never changed: a later one takes its place from its moment on (a trigger refuses the rest).
take_rate = sa.Table(
    "take_rate",
    SQLModel.metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    # Null for the platform's own, which holds for every creator without one.
    sa.Column("creator_id", sa.Uuid),
    # Null ends a creator's own rate: the platform's holds again.
    sa.Column("bps", sa.Integer),
    sa.Column("effective_from", _TIME, nullable=False),
    sa.Column("set_by", sa.Uuid, nullable=False),
    sa.Column("created_at", _TIME, nullable=False, server_default=_NOW),
    sa.CheckConstraint("bps BETWEEN 0 AND 10000", name="take_rate_bps_check"),
    sa.CheckConstraint("bps IS NOT NULL OR creator_id IS NOT NULL", name="take_rate_platform_check"),
    sa.Index("take_rate_index", "creator_id", "effective_from", "id"),
)
