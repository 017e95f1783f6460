"""The tables of this room."""

import sqlalchemy as sa
from sqlmodel import SQLModel

_NOW = sa.text("zhihao_now()")
_TIME = sa.DateTime(timezone=True)

tip = sa.Table(
    "tip",
    SQLModel.metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("account_id", sa.Uuid, nullable=False),
    sa.Column("creator_id", sa.Uuid, nullable=False),
    sa.Column("knowledge_base_id", sa.Uuid),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("message", sa.Text),
    # Towards the creator only: we and the processor know who paid.
    sa.Column("anonymous", sa.Boolean, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("created_at", _TIME, nullable=False, server_default=_NOW),
    sa.Column("paid_at", _TIME),
    sa.CheckConstraint("amount > 0", name="tip_amount_check"),
    sa.CheckConstraint("status IN ('pending', 'paid', 'expired')", name="tip_status_check"),
    sa.Index("tip_account_index", "account_id", "created_at"),
    sa.Index("tip_creator_index", "creator_id", "id"),
)
