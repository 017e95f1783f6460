"""The tables of this room.

Accounts, organizations, keys and knowledge bases are plain ids: no foreign key leaves the room. A receipt
outlives its answer, so it does not point at it either.
"""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlmodel import SQLModel

_NOW = sa.text("zhihao_now()")
_TIME = sa.DateTime(timezone=True)

conversation = sa.Table(
    "conversation",
    SQLModel.metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("account_id", sa.Uuid, nullable=False),
    # The beginning of its first question.
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("created_at", _TIME, nullable=False, server_default=_NOW),
    sa.Column("updated_at", _TIME, nullable=False, server_default=_NOW),
    sa.Index("conversation_account_index", "account_id", "id"),
)

answer = sa.Table(
    "answer",
    SQLModel.metadata,
    # Also the id of the metered call, of its reservation and of its usage event.
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
    # The spans that the answer was drawn from: [[revision_id, start, end], ...].
    sa.Column("seen", postgresql.JSONB, nullable=False, server_default="[]"),
    # Why each knowledge base was open to the asker: {knowledge_base_id: why}.
    sa.Column("grounds", postgresql.JSONB, nullable=False, server_default="{}"),
    sa.Column("billed_units", sa.Integer, nullable=False, server_default="0"),
    sa.Column("receipt_id", sa.Uuid),
    # Absent where the answer is an extract; tokens are the model's own report.
    sa.Column("model", sa.Text),
    sa.Column("input_tokens", sa.BigInteger),
    sa.Column("output_tokens", sa.BigInteger),
    # Digest of the caller's Idempotency-Key: finds the answer again when the key's lease was lost.
    sa.Column("once_digest", sa.LargeBinary),
    sa.Column("created_at", _TIME, nullable=False, server_default=_NOW),
    sa.Column("finished_at", _TIME),
    sa.CheckConstraint(
        "status IN ('running', 'done', 'refused', 'interrupted', 'failed')", name="answer_status_check"
    ),
    sa.Index("answer_conversation_index", "conversation_id", "id"),
    sa.Index(
        "answer_refused_index",
        "knowledge_base_ids",
        postgresql_using="gin",
        postgresql_where=sa.text("status = 'refused'"),
    ),
    sa.Index("answer_once_index", "once_digest", postgresql_where=sa.text("once_digest IS NOT NULL")),
)

receipt = sa.Table(
    "receipt",
    SQLModel.metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("answer_id", sa.Uuid, nullable=False),
    sa.Column("account_id", sa.Uuid),
    sa.Column("organization_id", sa.Uuid),
    sa.Column("kid", sa.Text, nullable=False),
    # The whole record, as a compact JWS (RFC 7515) with EdDSA.
    sa.Column("signed", sa.Text, nullable=False),
    # What the hashes in it are salted with; shown to its owner only.
    sa.Column("salt", sa.LargeBinary, nullable=False),
    sa.Column("created_at", _TIME, nullable=False, server_default=_NOW),
    sa.Index("receipt_answer_index", "answer_id"),
)

signing_key = sa.Table(
    "signing_key",
    SQLModel.metadata,
    sa.Column("kid", sa.Text, primary_key=True),
    # A public JWK. The private half is derived from the service's secret and never stored.
    sa.Column("public", postgresql.JSONB, nullable=False),
    sa.Column("created_at", _TIME, nullable=False, server_default=_NOW),
)
