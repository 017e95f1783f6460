"""Conversations, answers, receipts."""

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    pass


def downgrade() -> None:
    raise NotImplementedError("migrations go forward; restore a backup instead")
