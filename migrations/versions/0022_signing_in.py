"""Sign-in by other providers, sessions, and letters that carry a secret."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """See service.accounts.tables for what they hold."""
    op.add_column("account", sa.Column("email_verified_at", _TIME))
    op.add_column("login_session", sa.Column("user_agent", sa.Text))
    op.add_column("login_session", sa.Column("last_used_at", _TIME))
    op.create_table(
        "email_token",
        sa.Column("token_hash", sa.LargeBinary, primary_key=True),
        sa.Column("account_id", sa.Uuid, nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("used_at", _TIME),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_email_token_account"),
        sa.CheckConstraint("purpose IN ('verification', 'reset')", name="ck_email_token_purpose"),
    )
    op.create_index("ix_email_token_account_id", "email_token", ["account_id", "created_at"])
    op.create_table(
        "linked_identity",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("account_id", sa.Uuid, nullable=False),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("issuer", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("email", sa.Text),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("last_used_at", _TIME),
        sa.UniqueConstraint("issuer", "subject", name="uq_linked_identity_subject"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_linked_identity_account"),
    )
    op.create_index("ix_linked_identity_account_id", "linked_identity", ["account_id"])
    op.create_table(
        "sign_in_attempt",
        sa.Column("browser_hash", sa.LargeBinary, primary_key=True),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("session_id", sa.Uuid),
        sa.Column("return_to", sa.Text),
        sa.Column("account_id", sa.Uuid),
        sa.Column("returned_at", _TIME),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
    )
    op.create_index("ix_sign_in_attempt_expires_at", "sign_in_attempt", ["expires_at"])
