"""Vectors of passages."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0018"
down_revision = "0017"

# Where the server has pgvector and lets us; without it vectors are compared in plain SQL.
_EXTENSION = """
DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'vector') THEN
    CREATE EXTENSION IF NOT EXISTS vector;
  END IF;
EXCEPTION WHEN insufficient_privilege OR feature_not_supported THEN
  RAISE NOTICE 'pgvector was not installed: %', SQLERRM;
END $$
"""


def upgrade() -> None:
    """See the table's module for what it holds. Filled by a job, where there is an embedder."""
    op.execute(_EXTENSION)
    op.create_table(
        "passage_vector",
        sa.Column("revision_id", sa.Uuid, sa.ForeignKey("revision.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("model", sa.Text, primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("knowledge_base_id", sa.Uuid, sa.ForeignKey("knowledge_base.id"), nullable=False),
        sa.Column("start", sa.Integer, nullable=False),
        sa.Column("end", sa.Integer, nullable=False),
        sa.Column("locator", JSONB, nullable=False),
        sa.Column("dimensions", sa.Integer, nullable=False),
        sa.Column("vector", ARRAY(sa.REAL), nullable=False),
    )
    op.create_index("passage_vector_knowledge_base_index", "passage_vector", ["knowledge_base_id"])
