"""What the square ranks by, and lists without its search engine."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """See the table's module for what it holds. Filled by the job that counts readers."""
    op.create_table(
        "square_card",
        sa.Column("knowledge_base_id", sa.Uuid, sa.ForeignKey("knowledge_base.id"), primary_key=True),
        sa.Column("category", sa.Text, nullable=False),
        sa.Column("tags", ARRAY(sa.Text), nullable=False),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("price", sa.Text, nullable=False),
        sa.Column("popularity", sa.Integer, nullable=False),
        sa.Column("new_key", sa.BigInteger, nullable=False),
        sa.Column("popular_key", sa.BigInteger, nullable=False),
    )
    op.create_index("square_card_new_key_idx", "square_card", ["new_key"])
    op.create_index("square_card_popular_key_idx", "square_card", ["popular_key"])
