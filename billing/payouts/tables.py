"""The tables of this room: where a creator is paid."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlmodel import SQLModel

_NOW = sa.text("zhihao_now()")
_TIME = sa.DateTime(timezone=True)

payout_account = sa.Table(
    "payout_account",
    SQLModel.metadata,
    sa.Column("account_id", sa.Uuid, primary_key=True),
    sa.Column("stripe_account_id", sa.Text),
    sa.Column("country", sa.Text),
    # onboarding until the processor has what it needs; restricted when it asks for more; disconnected
    # when the creator took the account away.
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("details_submitted", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("transfers_enabled", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("payouts_enabled", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("disabled_reason", sa.Text),
    sa.Column("requirements", postgresql.ARRAY(sa.Text), nullable=False, server_default="{}"),
    # Set by operators: nothing is paid out while it is.
    sa.Column("frozen_at", _TIME),
    # Why it is: by an operator's word, with the account's suspension, or both.
    sa.Column("frozen_for", postgresql.ARRAY(sa.Text), nullable=False, server_default="{}"),
    sa.Column("created_at", _TIME, nullable=False, server_default=_NOW),
    sa.Column("updated_at", _TIME, nullable=False, server_default=_NOW),
    sa.CheckConstraint(
        "status IN ('onboarding', 'enabled', 'restricted', 'disconnected')",
        name="payout_account_status_check",
    ),
    sa.UniqueConstraint("stripe_account_id", name="payout_account_stripe_unique"),
)
