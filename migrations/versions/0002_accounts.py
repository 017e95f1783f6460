"""People, organizations, credentials."""

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    pass


def downgrade() -> None:
    raise NotImplementedError("migrations go forward; restore a backup instead")
