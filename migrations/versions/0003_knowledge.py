"""Knowledge bases, documents, revisions, imports."""

from alembic import op

revision = "0003"
down_revision = "0002"

STATEMENTS = (
    """
    CREATE TABLE profile (
        account_id UUID NOT NULL,
        handle TEXT NOT NULL,
        handle_key TEXT NOT NULL,
        name TEXT NOT NULL,
        bio TEXT NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE DEFAULT zhihao_now() NOT NULL,
        updated_at TIMESTAMP WITH TIME ZONE DEFAULT zhihao_now() NOT NULL,
        PRIMARY KEY (account_id),
        CONSTRAINT profile_handle_key_unique UNIQUE (handle_key)
    )
    """,
    """
    CREATE TABLE knowledge_base (
        id UUID NOT NULL,
        owner_id UUID NOT NULL,
        slug TEXT NOT NULL,
        title TEXT NOT NULL,
        summary TEXT NOT NULL,
        category TEXT NOT NULL,
        tags TEXT[] NOT NULL,
        language TEXT NOT NULL,
        visibility TEXT NOT NULL,
        status TEXT NOT NULL,
        free_questions INTEGER NOT NULL,
        api_access BOOLEAN NOT NULL,
        api_price_amount BIGINT,
        api_price_currency TEXT,
        paid_documents INTEGER DEFAULT '0' NOT NULL,
        free_documents INTEGER DEFAULT '0' NOT NULL,
        rights_declared_at TIMESTAMP WITH TIME ZONE,
        created_at TIMESTAMP WITH TIME ZONE DEFAULT zhihao_now() NOT NULL,
        updated_at TIMESTAMP WITH TIME ZONE DEFAULT zhihao_now() NOT NULL,
        published_at TIMESTAMP WITH TIME ZONE,
        deleted_at TIMESTAMP WITH TIME ZONE,
        PRIMARY KEY (id),
        CONSTRAINT knowledge_base_slug_unique UNIQUE (slug),
        CONSTRAINT knowledge_base_visibility_check CHECK (visibility IN ('private', 'unlisted', 'public')),
        CONSTRAINT knowledge_base_status_check CHECK (status IN ('draft', 'published')),
        CONSTRAINT knowledge_base_free_questions_check CHECK (free_questions >= 0),
        CONSTRAINT knowledge_base_documents_check CHECK (paid_documents >= 0 AND free_documents >= 0),
        CONSTRAINT knowledge_base_api_price_check CHECK (
            (api_price_amount IS NULL) = (api_price_currency IS NULL) AND api_price_amount >= 0
        )
    )
    """,
    "CREATE INDEX knowledge_base_owner_index ON knowledge_base (owner_id, id)",
    """
    CREATE TABLE passage_index (
        knowledge_base_id UUID NOT NULL,
        generation BIGINT DEFAULT '0' NOT NULL,
        excluded_document_ids UUID[] DEFAULT '{}' NOT NULL,
        PRIMARY KEY (knowledge_base_id),
        FOREIGN KEY(knowledge_base_id) REFERENCES knowledge_base (id)
    )
    """,
    """
    CREATE TABLE document (
        id UUID NOT NULL,
        knowledge_base_id UUID NOT NULL,
        title TEXT NOT NULL,
        file_name TEXT NOT NULL,
        imported BOOLEAN NOT NULL,
        tier TEXT NOT NULL,
        status TEXT NOT NULL,
        failure_code TEXT,
        failure_detail TEXT,
        sha256 BYTEA NOT NULL,
        blob_key TEXT NOT NULL,
        current_revision_id UUID,
        created_at TIMESTAMP WITH TIME ZONE DEFAULT zhihao_now() NOT NULL,
        updated_at TIMESTAMP WITH TIME ZONE DEFAULT zhihao_now() NOT NULL,
        deleted_at TIMESTAMP WITH TIME ZONE,
        PRIMARY KEY (id),
        CONSTRAINT document_tier_check CHECK (tier IN ('free', 'paid')),
        CONSTRAINT document_status_check CHECK (
            status IN ('queued', 'parsing', 'indexing', 'ready', 'failed')
        ),
        FOREIGN KEY(knowledge_base_id) REFERENCES knowledge_base (id)
    )
    """,
    "CREATE INDEX document_knowledge_base_index ON document (knowledge_base_id, id)",
    "CREATE INDEX document_sha256_index ON document (knowledge_base_id, sha256)",
    """
    CREATE TABLE revision (
        id UUID NOT NULL,
        document_id UUID NOT NULL,
        knowledge_base_id UUID NOT NULL,
        number INTEGER NOT NULL,
        sha256 BYTEA NOT NULL,
        file_sha256 BYTEA NOT NULL,
        blob_key TEXT NOT NULL,
        text TEXT NOT NULL,
        blocks JSONB NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE DEFAULT zhihao_now() NOT NULL,
        PRIMARY KEY (id),
        CONSTRAINT revision_number_unique UNIQUE (document_id, number),
        FOREIGN KEY(document_id) REFERENCES document (id),
        FOREIGN KEY(knowledge_base_id) REFERENCES knowledge_base (id)
    )
    """,
    """
    CREATE TABLE import_job (
        id UUID NOT NULL,
        knowledge_base_id UUID NOT NULL,
        account_id UUID NOT NULL,
        kind TEXT NOT NULL,
        tier TEXT NOT NULL,
        file_name TEXT NOT NULL,
        blob_key TEXT NOT NULL,
        status TEXT NOT NULL,
        total INTEGER DEFAULT '0' NOT NULL,
        done INTEGER DEFAULT '0' NOT NULL,
        failure_code TEXT,
        failure_detail TEXT,
        created_at TIMESTAMP WITH TIME ZONE DEFAULT zhihao_now() NOT NULL,
        finished_at TIMESTAMP WITH TIME ZONE,
        PRIMARY KEY (id),
        CONSTRAINT import_job_status_check CHECK (status IN ('queued', 'running', 'done', 'failed')),
        CONSTRAINT import_job_tier_check CHECK (tier IN ('free', 'paid')),
        FOREIGN KEY(knowledge_base_id) REFERENCES knowledge_base (id)
    )
    """,
    "CREATE INDEX import_job_knowledge_base_index ON import_job (knowledge_base_id, id)",
    """
    CREATE TABLE import_entry (
        import_id UUID NOT NULL,
        position INTEGER NOT NULL,
        name TEXT NOT NULL,
        status TEXT NOT NULL,
        document_id UUID,
        code TEXT,
        detail TEXT,
        PRIMARY KEY (import_id, position),
        CONSTRAINT import_entry_status_check CHECK (status IN ('indexing', 'ready', 'failed')),
        FOREIGN KEY(import_id) REFERENCES import_job (id),
        FOREIGN KEY(document_id) REFERENCES document (id)
    )
    """,
    "CREATE INDEX import_entry_status_index ON import_entry (import_id, status, position)",
    """
    CREATE TABLE visit (
        id UUID NOT NULL,
        knowledge_base_id UUID NOT NULL,
        ref TEXT,
        account_id UUID,
        visitor TEXT,
        at TIMESTAMP WITH TIME ZONE DEFAULT zhihao_now() NOT NULL,
        PRIMARY KEY (id),
        FOREIGN KEY(knowledge_base_id) REFERENCES knowledge_base (id)
    )
    """,
    "CREATE INDEX visit_knowledge_base_index ON visit (knowledge_base_id, at)",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("migrations go forward; restore a backup instead")
