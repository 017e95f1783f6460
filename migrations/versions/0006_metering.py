"""Contracts, spend counters, reservations, usage."""

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    pass


def downgrade() -> None:
    raise NotImplementedError("migrations go forward; restore a backup instead")
