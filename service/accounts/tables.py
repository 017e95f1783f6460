"""The tables of this room. Only one-way hashes of credentials are here; no row holds a usable secret."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlmodel import SQLModel


def _moment(name: str, *, nullable: bool = False) -> "sa.Column[object]":
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


ACCOUNT = sa.Table(
    "account",
    SQLModel.metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("email", sa.Text, nullable=True),
    sa.Column("display_name", sa.Text, nullable=False),
    sa.Column("password_hash", sa.Text, nullable=True),
    _moment("created_at"),
    _moment("suspended_at", nullable=True),
    # What its suspension took off the square, to be put back.
    sa.Column("suspended_knowledge_base_ids", postgresql.ARRAY(sa.Uuid), nullable=True),
    _moment("erased_at", nullable=True),
    _moment("email_verified_at", nullable=True),
    sa.UniqueConstraint("email", name="uq_account_email"),
)
"""People. ``email`` is lower-cased. An erased account keeps its id, which stands as a pseudonym in the
ledger, and its moments; nothing else."""

LOGIN_SESSION = sa.Table(
    "login_session",
    SQLModel.metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("account_id", sa.Uuid, nullable=False),
    _moment("created_at"),
    _moment("ended_at", nullable=True),
    sa.Column("user_agent", sa.Text, nullable=True),
    _moment("last_used_at", nullable=True),
    sa.Index("ix_login_session_account_id", "account_id"),
)
"""One sign-in, and the family of the refresh tokens that came of it. Tokens of an ended one are refused.
``last_used_at`` is when its tokens were last refreshed."""

REFRESH_TOKEN = sa.Table(
    "refresh_token",
    SQLModel.metadata,
    sa.Column("token_hash", sa.LargeBinary, primary_key=True),
    sa.Column("session_id", sa.Uuid, nullable=False),
    _moment("created_at"),
    _moment("expires_at"),
    _moment("used_at", nullable=True),
    sa.ForeignKeyConstraint(
        ["session_id"], ["login_session.id"], name="fk_refresh_token_session", ondelete="CASCADE"
    ),
    sa.Index("ix_refresh_token_session_id", "session_id"),
)

EMAIL_TOKEN = sa.Table(
    "email_token",
    SQLModel.metadata,
    sa.Column("token_hash", sa.LargeBinary, primary_key=True),
    sa.Column("account_id", sa.Uuid, nullable=False),
    sa.Column("purpose", sa.Text, nullable=False),
    _moment("created_at"),
    _moment("expires_at"),
    _moment("used_at", nullable=True),
    sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_email_token_account"),
    sa.CheckConstraint("purpose IN ('verification', 'reset')", name="ck_email_token_purpose"),
    sa.Index("ix_email_token_account_id", "account_id", "created_at"),
)
"""What a letter to the account's address carries, good once: whoever has it reads that address's mail."""

LINKED_IDENTITY = sa.Table(
    "linked_identity",
    SQLModel.metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("account_id", sa.Uuid, nullable=False),
    sa.Column("provider", sa.Text, nullable=False),
    sa.Column("issuer", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("email", sa.Text, nullable=True),
    _moment("created_at"),
    _moment("last_used_at", nullable=True),
    sa.UniqueConstraint("issuer", "subject", name="uq_linked_identity_subject"),
    sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_linked_identity_account"),
    sa.Index("ix_linked_identity_account_id", "account_id"),
)
"""Who an account is elsewhere. An OpenID provider's ``subject`` says who; ``email`` is only shown."""

SIGN_IN_ATTEMPT = sa.Table(
    "sign_in_attempt",
    SQLModel.metadata,
    sa.Column("browser_hash", sa.LargeBinary, primary_key=True),
    sa.Column("provider", sa.Text, nullable=False),
    sa.Column("session_id", sa.Uuid, nullable=True),
    sa.Column("return_to", sa.Text, nullable=True),
    sa.Column("account_id", sa.Uuid, nullable=True),
    _moment("returned_at", nullable=True),
    _moment("created_at"),
    _moment("expires_at"),
    sa.Index("ix_sign_in_attempt_expires_at", "expires_at"),
)
"""A browser on its way to a provider and back, known by the hash of a secret in its cookie. ``session_id`` is
whose identity is to be linked; ``account_id`` who it came back as."""

ORGANIZATION = sa.Table(
    "organization",
    SQLModel.metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    _moment("created_at"),
)

MEMBERSHIP = sa.Table(
    "membership",
    SQLModel.metadata,
    sa.Column("organization_id", sa.Uuid, primary_key=True),
    sa.Column("account_id", sa.Uuid, primary_key=True),
    sa.Column("role", sa.Text, nullable=False),
    _moment("created_at"),
    sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name="fk_membership_organization"),
    sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_membership_account"),
    sa.CheckConstraint("role IN ('owner', 'admin', 'developer', 'billing')", name="ck_membership_role"),
    sa.Index("ix_membership_account_id", "account_id"),
)

INVITATION = sa.Table(
    "invitation",
    SQLModel.metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("organization_id", sa.Uuid, nullable=False),
    sa.Column("email", sa.Text, nullable=False),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("invited_by", sa.Uuid, nullable=False),
    _moment("created_at"),
    _moment("expires_at"),
    _moment("accepted_at", nullable=True),
    _moment("revoked_at", nullable=True),
    sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name="fk_invitation_organization"),
    sa.CheckConstraint("role IN ('owner', 'admin', 'developer', 'billing')", name="ck_invitation_role"),
    sa.Index("ix_invitation_organization_id", "organization_id"),
    sa.Index("ix_invitation_email", "email"),
)
"""Whoever is signed in with ``email`` may accept it."""

API_KEY = sa.Table(
    "api_key",
    SQLModel.metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("organization_id", sa.Uuid, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("mode", sa.Text, nullable=False),
    sa.Column("shown", sa.Text, nullable=False),
    sa.Column("scopes", postgresql.ARRAY(sa.Text), nullable=False),
    sa.Column("knowledge_base_ids", postgresql.ARRAY(sa.Uuid), nullable=True),
    sa.Column("monthly_cap_amount", sa.BigInteger, nullable=True),
    sa.Column("monthly_cap_currency", sa.Text, nullable=True),
    sa.Column("rate_limit", sa.Integer, nullable=True),
    _moment("expires_at", nullable=True),
    _moment("revoked_at", nullable=True),
    sa.Column("created_by", sa.Uuid, nullable=False),
    _moment("created_at"),
    sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name="fk_api_key_organization"),
    sa.CheckConstraint("mode IN ('live', 'test')", name="ck_api_key_mode"),
    sa.CheckConstraint(
        "(monthly_cap_amount IS NULL) = (monthly_cap_currency IS NULL)", name="ck_api_key_monthly_cap"
    ),
    sa.Index("ix_api_key_organization_id", "organization_id"),
)
"""What a key may do. ``rate_limit`` is calls a minute; ``shown`` the first characters of its secret.
A key is live while ``revoked_at`` is null and ``expires_at`` is null or ahead of ``zhihao_now()``."""

API_KEY_SECRET = sa.Table(
    "api_key_secret",
    SQLModel.metadata,
    sa.Column("secret_hash", sa.LargeBinary, primary_key=True),
    sa.Column("key_id", sa.Uuid, nullable=False),
    _moment("created_at"),
    _moment("expires_at", nullable=True),
    sa.ForeignKeyConstraint(["key_id"], ["api_key.id"], name="fk_api_key_secret_key"),
    sa.Index("ix_api_key_secret_key_id", "key_id"),
)
"""The secrets of a key: one, and its predecessors until their overlap ends (``expires_at``)."""

AUDIT_LOG = sa.Table(
    "audit_log",
    SQLModel.metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    _moment("at"),
    sa.Column("actor_id", sa.Uuid, nullable=True),
    sa.Column("organization_id", sa.Uuid, nullable=True),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("detail", postgresql.JSONB, nullable=False),
    sa.Index("ix_audit_log_organization_id_id", "organization_id", "id"),
)
"""Who did what to what. ``detail`` holds ids, numbers and fixed words, never a name, an email or a secret."""

REPORT = sa.Table(
    "report",
    SQLModel.metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("knowledge_base_id", sa.Uuid, nullable=False),
    sa.Column("reporter_id", sa.Uuid, nullable=True),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("answer", sa.Text, nullable=True),
    sa.Column("answered_by", sa.Uuid, nullable=True),
    _moment("created_at"),
    _moment("answered_at", nullable=True),
    sa.CheckConstraint("status IN ('open', 'answered', 'dismissed')", name="ck_report_status"),
    sa.Index("ix_report_status_id", "status", "id"),
)
"""What readers tell the operators about a knowledge base."""

ACCOUNT_EXPORT = sa.Table(
    "account_export",
    SQLModel.metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("account_id", sa.Uuid, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("result", postgresql.JSONB, nullable=True),
    _moment("created_at"),
    _moment("done_at", nullable=True),
    sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_account_export_account"),
    sa.CheckConstraint("status IN ('queued', 'done', 'failed')", name="ck_account_export_status"),
    sa.Index("ix_account_export_account_id", "account_id"),
)
"""An export a person asked for, and what it found."""
