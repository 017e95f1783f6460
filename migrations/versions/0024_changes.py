"""What changed in a knowledge base, in the order in which it was committed."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"

# What could be read before there was a feed is its beginning.
_BEGIN = """
    INSERT INTO knowledge_change (knowledge_base_id, view, number, kind, document_id, revision_id, title_hash)
    SELECT knowledge_base.id, told.view,
      row_number() OVER (PARTITION BY knowledge_base.id, told.view ORDER BY document.id),
      'added', document.id, document.current_revision_id, hashtextextended(document.title, 0)
    FROM knowledge_base
    JOIN document ON document.knowledge_base_id = knowledge_base.id
    JOIN (VALUES ('draft'), ('all'), ('free')) AS told (view) ON CASE told.view
      WHEN 'draft' THEN knowledge_base.published_at IS NULL
      WHEN 'all' THEN knowledge_base.published_at IS NOT NULL
      ELSE document.tier = 'free' AND knowledge_base.status = 'published'
        AND knowledge_base.visibility <> 'private'
    END
    WHERE document.deleted_at IS NULL AND document.current_revision_id IS NOT NULL
      AND knowledge_base.deleted_at IS NULL
"""


def upgrade() -> None:
    """See ``service/knowledge/tables.py`` for what each holds."""
    op.create_table(
        "knowledge_change",
        sa.Column("knowledge_base_id", sa.Uuid, sa.ForeignKey("knowledge_base.id"), primary_key=True),
        sa.Column("view", sa.Text, primary_key=True),
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("document_id", sa.Uuid, sa.ForeignKey("document.id"), nullable=False),
        sa.Column("revision_id", sa.Uuid),
        sa.Column("superseded_by_id", sa.Uuid),
        sa.Column("title_hash", sa.BigInteger, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("zhihao_now()")),
        sa.CheckConstraint("view IN ('draft', 'free', 'all')", name="knowledge_change_view_check"),
        sa.CheckConstraint(
            "kind IN ('added', 'changed', 'removed', 'superseded')", name="knowledge_change_kind_check"
        ),
    )
    op.create_index("knowledge_change_document_index", "knowledge_change", ["document_id", "view", "number"])
    op.create_index(
        "knowledge_change_superseding_index",
        "knowledge_change",
        ["superseded_by_id"],
        postgresql_where=sa.text("superseded_by_id IS NOT NULL"),
    )
    op.execute(_BEGIN)
