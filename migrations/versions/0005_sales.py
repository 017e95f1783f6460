"""Plans, checkouts, subscriptions, tips, grants, the webhook inbox."""

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    pass


def downgrade() -> None:
    raise NotImplementedError("migrations go forward; restore a backup instead")
