"""Conversations, answers, receipts."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"

_NOW = sa.text("zhihao_now()")
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "conversation",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("account_id", sa.Uuid, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("created_at", _TIME, nullable=False, server_default=_NOW),
        sa.Column("updated_at", _TIME, nullable=False, server_default=_NOW),
    )
    op.create_index("conversation_account_index", "conversation", ["account_id", "id"])
    op.create_table(
        "answer",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("conversation_id", sa.Uuid, sa.ForeignKey("conversation.id", ondelete="CASCADE")),
        sa.Column("account_id", sa.Uuid),
        sa.Column("organization_id", sa.Uuid),
        sa.Column("key_id", sa.Uuid),
        sa.Column("knowledge_base_ids", postgresql.ARRAY(sa.Uuid), nullable=False),
        sa.Column("question", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False, server_default="running"),
        sa.Column("text", sa.Text, nullable=False, server_default=""),
        sa.Column("citations", postgresql.JSONB, nullable=False, server_default="[]"),
        sa.Column("seen", postgresql.JSONB, nullable=False, server_default="[]"),
        sa.Column("grounds", postgresql.JSONB, nullable=False, server_default="{}"),
        sa.Column("billed_units", sa.Integer, nullable=False, server_default="0"),
        sa.Column("receipt_id", sa.Uuid),
        sa.Column("model", sa.Text),
        sa.Column("input_tokens", sa.BigInteger),
        sa.Column("output_tokens", sa.BigInteger),
        sa.Column("once_digest", sa.LargeBinary),
        sa.Column("created_at", _TIME, nullable=False, server_default=_NOW),
        sa.Column("finished_at", _TIME),
        sa.CheckConstraint(
            "status IN ('running', 'done', 'refused', 'interrupted', 'failed')", name="answer_status_check"
        ),
    )
    op.create_index("answer_conversation_index", "answer", ["conversation_id", "id"])
    op.create_index(
        "answer_once_index",
        "answer",
        ["once_digest"],
        postgresql_where=sa.text("once_digest IS NOT NULL"),
    )
    op.create_table(
        "receipt",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("answer_id", sa.Uuid, nullable=False),
        sa.Column("account_id", sa.Uuid),
        sa.Column("organization_id", sa.Uuid),
        sa.Column("kid", sa.Text, nullable=False),
        sa.Column("signed", sa.Text, nullable=False),
        sa.Column("salt", sa.LargeBinary, nullable=False),
        sa.Column("created_at", _TIME, nullable=False, server_default=_NOW),
    )
    op.create_index("receipt_answer_index", "receipt", ["answer_id"])
    op.create_table(
        "signing_key",
        sa.Column("kid", sa.Text, primary_key=True),
        sa.Column("public", postgresql.JSONB, nullable=False),
        sa.Column("created_at", _TIME, nullable=False, server_default=_NOW),
    )


def downgrade() -> None:
    raise NotImplementedError("migrations go forward; restore a backup instead")
