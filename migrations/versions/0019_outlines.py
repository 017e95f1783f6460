"""Outlines by revision; refused questions by knowledge base."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0019"
down_revision = "0018"

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """See each table's module for what it holds."""
    op.create_table(
        "revision_outline",
        sa.Column("revision_id", sa.Uuid, sa.ForeignKey("revision.id"), primary_key=True),
        sa.Column("writer", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("parts", JSONB, nullable=False),
        sa.Column("points", JSONB, nullable=False),
        sa.Column("created_at", TIME, nullable=False, server_default=sa.text("zhihao_now()")),
    )
    op.create_index(
        "answer_refused_index",
        "answer",
        ["knowledge_base_ids"],
        postgresql_using="gin",
        postgresql_where=sa.text("status = 'refused'"),
    )
