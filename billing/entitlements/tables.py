"""The tables of this room: who may see what, from when to when, and why."""

import sqlalchemy as sa
from sqlmodel import SQLModel

_NOW = sa.text("zhihao_now()")
_TIME = sa.DateTime(timezone=True)

access_grant = sa.Table(
    "access_grant",
    SQLModel.metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("account_id", sa.Uuid),
    sa.Column("organization_id", sa.Uuid),
    # Null for what opens every knowledge base its source allows.
    sa.Column("knowledge_base_id", sa.Uuid),
    sa.Column("source", sa.Text, nullable=False),
    # The subscription, the sale of the pass, or for a complimentary grant its own id.
    sa.Column("source_id", sa.Uuid, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("starts_at", _TIME, nullable=False),
    sa.Column("ends_at", _TIME),
    sa.Column("revoked_at", _TIME),
    sa.Column("created_at", _TIME, nullable=False, server_default=_NOW),
    sa.CheckConstraint(
        "source IN ('subscription', 'pass', 'complimentary')", name="access_grant_source_check"
    ),
    sa.CheckConstraint("(account_id IS NULL) <> (organization_id IS NULL)", name="access_grant_holder_check"),
    sa.UniqueConstraint("source", "source_id", name="access_grant_source_unique"),
    sa.Index("access_grant_account_index", "account_id", "knowledge_base_id"),
    sa.Index("access_grant_knowledge_base_index", "knowledge_base_id"),
)

# What a creator gave for nothing, and took back: the source of complimentary grants. Only ever added to.
complimentary_act = sa.Table(
    "complimentary_act",
    SQLModel.metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("grant_id", sa.Uuid, nullable=False),
    sa.Column("act", sa.Text, nullable=False),
    sa.Column("account_id", sa.Uuid, nullable=False),
    sa.Column("knowledge_base_id", sa.Uuid, nullable=False),
    # Of what was given; null: until it is taken back.
    sa.Column("until", _TIME),
    sa.Column("actor_id", sa.Uuid),
    sa.Column("at", _TIME, nullable=False, server_default=_NOW),
    sa.CheckConstraint("act IN ('given', 'ended')", name="complimentary_act_check"),
    sa.UniqueConstraint("grant_id", "act", name="complimentary_act_unique"),
)
