"""Superseded revisions, what changed, and when."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0014"


def upgrade() -> None:
    """See ``service/knowledge/tables.py`` for what each holds."""
    op.add_column("passage_index", sa.Column("replaced", sa.Integer, nullable=False, server_default="0"))
    op.add_column("document", sa.Column("work", sa.Text))
    op.add_column("document", sa.Column("edition", sa.Text))
    op.add_column("document", sa.Column("edition_sketch", sa.LargeBinary))
    op.add_column("document", sa.Column("edition_set", sa.Boolean, nullable=False, server_default="false"))
    op.create_index(
        "document_work_index",
        "document",
        ["knowledge_base_id", "work"],
        postgresql_where=sa.text("work <> ''"),
    )
