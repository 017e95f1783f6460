"""The double-entry ledger."""

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    pass


def downgrade() -> None:
    raise NotImplementedError("migrations go forward; restore a backup instead")
