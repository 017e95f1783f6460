"""How a knowledge base presents itself: its tagline, its sample questions, and what is suggested for them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0025"
down_revision = "0024"

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """See the table's module for what it holds."""
    op.add_column("knowledge_base", sa.Column("tagline", sa.Text, nullable=False, server_default=""))
    op.add_column(
        "knowledge_base",
        sa.Column("sample_questions", ARRAY(sa.Text), nullable=False, server_default="{}"),
    )
    op.create_table(
        "packaging",
        sa.Column("knowledge_base_id", sa.Uuid, sa.ForeignKey("knowledge_base.id"), primary_key=True),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("written_by", sa.Text),
        sa.Column("suggestion", JSONB(none_as_null=True)),
        sa.Column("draft", JSONB(none_as_null=True)),
        sa.Column("requested_at", TIME, nullable=False, server_default=sa.text("zhihao_now()")),
        sa.Column("applied_at", TIME),
        sa.CheckConstraint("status IN ('queued', 'ready', 'failed')", name="packaging_status_check"),
    )
