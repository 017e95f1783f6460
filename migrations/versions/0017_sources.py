"""Sources kept in step: feeds, lists of links, articles."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0017"
down_revision = "0016"

_TIME = sa.DateTime(timezone=True)
_NOW = sa.text("zhihao_now()")


def upgrade() -> None:
    """See service.knowledge.tables for what they hold."""
    op.add_column("document", sa.Column("origin", postgresql.JSONB))
    op.add_column("import_job", sa.Column("options", postgresql.JSONB, nullable=False, server_default="{}"))
    op.create_table(
        "source",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("knowledge_base_id", sa.Uuid, sa.ForeignKey("knowledge_base.id"), nullable=False),
        sa.Column("account_id", sa.Uuid, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("tier", sa.Text, nullable=False),
        sa.Column("etag", sa.Text),
        sa.Column("last_modified", sa.Text),
        sa.Column("checked_at", _TIME),
        sa.Column("next_check_at", _TIME, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
        sa.Column("failure_code", sa.Text),
        sa.Column("failure_detail", sa.Text),
        sa.Column("created_at", _TIME, nullable=False, server_default=_NOW),
        sa.Column("stopped_at", _TIME),
        sa.CheckConstraint("kind IN ('feed', 'url', 'wechat_article')", name="source_kind_check"),
        sa.CheckConstraint("tier IN ('free', 'paid')", name="source_tier_check"),
    )
    op.create_index(
        "source_address_unique",
        "source",
        ["knowledge_base_id", "url"],
        unique=True,
        postgresql_where=sa.text("stopped_at IS NULL"),
    )
    op.create_index(
        "source_due_index", "source", ["next_check_at"], postgresql_where=sa.text("stopped_at IS NULL")
    )
    op.create_table(
        "source_entry",
        sa.Column("source_id", sa.Uuid, sa.ForeignKey("source.id"), primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("imported", sa.Boolean, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    )
