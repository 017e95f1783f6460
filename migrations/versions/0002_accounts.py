"""People, organizations, credentials; idempotency keys."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE idempotency_key (
          digest BYTEA NOT NULL,
          fingerprint BYTEA NOT NULL,
          result BYTEA,
          created_at TIMESTAMP WITH TIME ZONE NOT NULL,
          claimed_at TIMESTAMP WITH TIME ZONE NOT NULL,
          PRIMARY KEY (digest)
        )
        """
    )
    op.execute("CREATE INDEX ix_idempotency_key_created_at ON idempotency_key (created_at)")
    op.execute(
        """
        CREATE TABLE account (
          id UUID NOT NULL,
          email TEXT,
          display_name TEXT NOT NULL,
          password_hash TEXT,
          created_at TIMESTAMP WITH TIME ZONE NOT NULL,
          suspended_at TIMESTAMP WITH TIME ZONE,
          suspended_knowledge_base_ids UUID[],
          erased_at TIMESTAMP WITH TIME ZONE,
          PRIMARY KEY (id),
          CONSTRAINT uq_account_email UNIQUE (email)
        )
        """
    )
    op.execute(
        """
        CREATE TABLE login_session (
          id UUID NOT NULL,
          account_id UUID NOT NULL,
          created_at TIMESTAMP WITH TIME ZONE NOT NULL,
          ended_at TIMESTAMP WITH TIME ZONE,
          PRIMARY KEY (id)
        )
        """
    )
    op.execute("CREATE INDEX ix_login_session_account_id ON login_session (account_id)")
    op.execute(
        """
        CREATE TABLE refresh_token (
          token_hash BYTEA NOT NULL,
          session_id UUID NOT NULL,
          created_at TIMESTAMP WITH TIME ZONE NOT NULL,
          expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
          used_at TIMESTAMP WITH TIME ZONE,
          PRIMARY KEY (token_hash),
          CONSTRAINT fk_refresh_token_session FOREIGN KEY(session_id)
            REFERENCES login_session (id) ON DELETE CASCADE
        )
        """
    )
    op.execute("CREATE INDEX ix_refresh_token_session_id ON refresh_token (session_id)")
    op.execute(
        """
        CREATE TABLE organization (
          id UUID NOT NULL,
          name TEXT NOT NULL,
          created_at TIMESTAMP WITH TIME ZONE NOT NULL,
          PRIMARY KEY (id)
        )
        """
    )
    op.execute(
        """
        CREATE TABLE membership (
          organization_id UUID NOT NULL,
          account_id UUID NOT NULL,
          role TEXT NOT NULL,
          created_at TIMESTAMP WITH TIME ZONE NOT NULL,
          PRIMARY KEY (organization_id, account_id),
          CONSTRAINT fk_membership_organization FOREIGN KEY(organization_id) REFERENCES organization (id),
          CONSTRAINT fk_membership_account FOREIGN KEY(account_id) REFERENCES account (id),
          CONSTRAINT ck_membership_role CHECK (role IN ('owner', 'admin', 'developer', 'billing'))
        )
        """
    )
    op.execute("CREATE INDEX ix_membership_account_id ON membership (account_id)")
    op.execute(
        """
        CREATE TABLE invitation (
          id UUID NOT NULL,
          organization_id UUID NOT NULL,
          email TEXT NOT NULL,
          role TEXT NOT NULL,
          invited_by UUID NOT NULL,
          created_at TIMESTAMP WITH TIME ZONE NOT NULL,
          expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
          accepted_at TIMESTAMP WITH TIME ZONE,
          revoked_at TIMESTAMP WITH TIME ZONE,
          PRIMARY KEY (id),
          CONSTRAINT fk_invitation_organization FOREIGN KEY(organization_id) REFERENCES organization (id),
          CONSTRAINT ck_invitation_role CHECK (role IN ('owner', 'admin', 'developer', 'billing'))
        )
        """
    )
    op.execute("CREATE INDEX ix_invitation_email ON invitation (email)")
    op.execute("CREATE INDEX ix_invitation_organization_id ON invitation (organization_id)")
    op.execute(
        """
        CREATE TABLE api_key (
          id UUID NOT NULL,
          organization_id UUID NOT NULL,
          name TEXT NOT NULL,
          mode TEXT NOT NULL,
          shown TEXT NOT NULL,
          scopes TEXT[] NOT NULL,
          knowledge_base_ids UUID[],
          monthly_cap_amount BIGINT,
          monthly_cap_currency TEXT,
          rate_limit INTEGER,
          expires_at TIMESTAMP WITH TIME ZONE,
          revoked_at TIMESTAMP WITH TIME ZONE,
          created_by UUID NOT NULL,
          created_at TIMESTAMP WITH TIME ZONE NOT NULL,
          PRIMARY KEY (id),
          CONSTRAINT fk_api_key_organization FOREIGN KEY(organization_id) REFERENCES organization (id),
          CONSTRAINT ck_api_key_mode CHECK (mode IN ('live', 'test')),
          CONSTRAINT ck_api_key_monthly_cap
            CHECK ((monthly_cap_amount IS NULL) = (monthly_cap_currency IS NULL))
        )
        """
    )
    op.execute("CREATE INDEX ix_api_key_organization_id ON api_key (organization_id)")
    op.execute(
        """
        CREATE TABLE api_key_secret (
          secret_hash BYTEA NOT NULL,
          key_id UUID NOT NULL,
          created_at TIMESTAMP WITH TIME ZONE NOT NULL,
          expires_at TIMESTAMP WITH TIME ZONE,
          PRIMARY KEY (secret_hash),
          CONSTRAINT fk_api_key_secret_key FOREIGN KEY(key_id) REFERENCES api_key (id)
        )
        """
    )
    op.execute("CREATE INDEX ix_api_key_secret_key_id ON api_key_secret (key_id)")
    op.execute(
        """
        CREATE TABLE audit_log (
          id BIGINT GENERATED ALWAYS AS IDENTITY,
          at TIMESTAMP WITH TIME ZONE NOT NULL,
          actor_id UUID,
          organization_id UUID,
          action TEXT NOT NULL,
          subject TEXT NOT NULL,
          detail JSONB NOT NULL,
          PRIMARY KEY (id)
        )
        """
    )
    op.execute("CREATE INDEX ix_audit_log_organization_id_id ON audit_log (organization_id, id)")
    op.execute(
        """
        CREATE TABLE report (
          id UUID NOT NULL,
          knowledge_base_id UUID NOT NULL,
          reporter_id UUID,
          reason TEXT NOT NULL,
          detail TEXT NOT NULL,
          status TEXT NOT NULL,
          answer TEXT,
          answered_by UUID,
          created_at TIMESTAMP WITH TIME ZONE NOT NULL,
          answered_at TIMESTAMP WITH TIME ZONE,
          PRIMARY KEY (id),
          CONSTRAINT ck_report_status CHECK (status IN ('open', 'answered', 'dismissed'))
        )
        """
    )
    op.execute("CREATE INDEX ix_report_status_id ON report (status, id)")
    op.execute(
        """
        CREATE TABLE account_export (
          id UUID NOT NULL,
          account_id UUID NOT NULL,
          status TEXT NOT NULL,
          result JSONB,
          created_at TIMESTAMP WITH TIME ZONE NOT NULL,
          done_at TIMESTAMP WITH TIME ZONE,
          PRIMARY KEY (id),
          CONSTRAINT fk_account_export_account FOREIGN KEY(account_id) REFERENCES account (id),
          CONSTRAINT ck_account_export_status CHECK (status IN ('queued', 'done', 'failed'))
        )
        """
    )
    op.execute("CREATE INDEX ix_account_export_account_id ON account_export (account_id)")


def downgrade() -> None:
    raise NotImplementedError("migrations go forward; restore a backup instead")
