"""The tables of this room.

Account ids are plain values: no foreign key leaves the room. Lengths are checked at the doors, so that a
limit is a setting and not a migration.
"""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlmodel import SQLModel

_NOW = sa.text("zhihao_now()")
_TIME = sa.DateTime(timezone=True)


def _uuid_array() -> postgresql.ARRAY[object]:
    return postgresql.ARRAY(sa.Uuid())


profile = sa.Table(
    "profile",
    SQLModel.metadata,
    sa.Column("account_id", sa.Uuid, primary_key=True),
    sa.Column("handle", sa.Text, nullable=False),
    # What uniqueness is decided on: the handle in lower case.
    sa.Column("handle_key", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("bio", sa.Text, nullable=False),
    sa.Column("created_at", _TIME, nullable=False, server_default=_NOW),
    sa.Column("updated_at", _TIME, nullable=False, server_default=_NOW),
    sa.UniqueConstraint("handle_key", name="profile_handle_key_unique"),
)

knowledge_base = sa.Table(
    "knowledge_base",
    SQLModel.metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("owner_id", sa.Uuid, nullable=False),
    sa.Column("slug", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("summary", sa.Text, nullable=False),
    sa.Column("category", sa.Text, nullable=False),
    sa.Column("tags", postgresql.ARRAY(sa.Text), nullable=False),
    sa.Column("language", sa.Text, nullable=False),
    sa.Column("visibility", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("free_questions", sa.Integer, nullable=False),
    sa.Column("api_access", sa.Boolean, nullable=False),
    sa.Column("api_price_amount", sa.BigInteger),
    sa.Column("api_price_currency", sa.Text),
    # Ready, live documents of each tier, kept in the transaction that changes them.
    sa.Column("paid_documents", sa.Integer, nullable=False, server_default="0"),
    sa.Column("free_documents", sa.Integer, nullable=False, server_default="0"),
    sa.Column("rights_declared_at", _TIME),
    sa.Column("tagline", sa.Text, nullable=False, server_default=""),
    # Shown to whom they can be answered for: service.usecases.sample_questions.
    sa.Column("sample_questions", postgresql.ARRAY(sa.Text), nullable=False, server_default="{}"),
    sa.Column("created_at", _TIME, nullable=False, server_default=_NOW),
    sa.Column("updated_at", _TIME, nullable=False, server_default=_NOW),
    sa.Column("published_at", _TIME),
    sa.Column("deleted_at", _TIME),
    sa.UniqueConstraint("slug", name="knowledge_base_slug_unique"),
    sa.CheckConstraint(
        "visibility IN ('private', 'unlisted', 'public')", name="knowledge_base_visibility_check"
    ),
    sa.CheckConstraint("status IN ('draft', 'published')", name="knowledge_base_status_check"),
    sa.CheckConstraint("free_questions >= 0", name="knowledge_base_free_questions_check"),
    sa.CheckConstraint("paid_documents >= 0 AND free_documents >= 0", name="knowledge_base_documents_check"),
    sa.CheckConstraint(
        "(api_price_amount IS NULL) = (api_price_currency IS NULL) AND api_price_amount >= 0",
        name="knowledge_base_api_price_check",
    ),
    sa.Index("knowledge_base_owner_index", "owner_id", "id"),
)

# What is suggested to the owner for the fields above, and as they have edited it; nobody else sees it.
packaging = sa.Table(
    "packaging",
    SQLModel.metadata,
    sa.Column("knowledge_base_id", sa.Uuid, sa.ForeignKey("knowledge_base.id"), primary_key=True),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("reason", sa.Text),
    # ``extract``, or the model's name.
    sa.Column("written_by", sa.Text),
    # service.knowledge.packaging.suggesting: Suggestion and Draft.
    sa.Column("suggestion", postgresql.JSONB(none_as_null=True)),
    sa.Column("draft", postgresql.JSONB(none_as_null=True)),
    sa.Column("requested_at", _TIME, nullable=False, server_default=_NOW),
    sa.Column("applied_at", _TIME),
    sa.CheckConstraint("status IN ('queued', 'ready', 'failed')", name="packaging_status_check"),
)

passage_index = sa.Table(
    "passage_index",
    SQLModel.metadata,
    sa.Column("knowledge_base_id", sa.Uuid, sa.ForeignKey("knowledge_base.id"), primary_key=True),
    # The engine's generation that holds everything acknowledged so far.
    sa.Column("generation", sa.BigInteger, nullable=False, server_default="0"),
    # Documents whose indexed passages must not be seen: removed, or of another tier or text by now.
    sa.Column("excluded_document_ids", _uuid_array(), nullable=False, server_default="{}"),
    # Documents replaced in place since the index was built: their old passages lie about in its files.
    sa.Column("replaced", sa.Integer, nullable=False, server_default="0"),
)

document = sa.Table(
    "document",
    SQLModel.metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("knowledge_base_id", sa.Uuid, sa.ForeignKey("knowledge_base.id"), nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    # The name of the file it came from; for an archive's entry, its path in there.
    sa.Column("file_name", sa.Text, nullable=False),
    sa.Column("imported", sa.Boolean, nullable=False),
    sa.Column("tier", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("failure_code", sa.Text),
    sa.Column("failure_detail", sa.Text),
    # The file's bytes: their hash, and where they wait or are kept.
    sa.Column("sha256", sa.LargeBinary, nullable=False),
    sa.Column("blob_key", sa.Text, nullable=False),
    sa.Column("current_revision_id", sa.Uuid),
    # Where it is from, of what came from the web: service.knowledge.documents.Origin.
    sa.Column("origin", postgresql.JSONB(none_as_null=True)),
    # The edition it is of which work (search.passages.editions): the work's name, empty if it stands alone;
    # the date or version; what likeness is measured by, if the name leaves it open. Null: not looked at yet.
    sa.Column("work", sa.Text),
    sa.Column("edition", sa.Text),
    sa.Column("edition_sketch", sa.LargeBinary),
    # The creator said so: nothing is recognised any more.
    sa.Column("edition_set", sa.Boolean, nullable=False, server_default="false"),
    sa.Column("created_at", _TIME, nullable=False, server_default=_NOW),
    sa.Column("updated_at", _TIME, nullable=False, server_default=_NOW),
    sa.Column("deleted_at", _TIME),
    sa.CheckConstraint("tier IN ('free', 'paid')", name="document_tier_check"),
    sa.CheckConstraint(
        "status IN ('queued', 'parsing', 'indexing', 'ready', 'failed')", name="document_status_check"
    ),
    sa.Index("document_knowledge_base_index", "knowledge_base_id", "id"),
    sa.Index("document_sha256_index", "knowledge_base_id", "sha256"),
    sa.Index("document_work_index", "knowledge_base_id", "work", postgresql_where=sa.text("work <> ''")),
)

revision = sa.Table(
    "revision",
    SQLModel.metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("document_id", sa.Uuid, sa.ForeignKey("document.id"), nullable=False),
    sa.Column("knowledge_base_id", sa.Uuid, sa.ForeignKey("knowledge_base.id"), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    # Of the text in UTF-8; the file's own bytes are hashed apart.
    sa.Column("sha256", sa.LargeBinary, nullable=False),
    sa.Column("file_sha256", sa.LargeBinary, nullable=False),
    sa.Column("blob_key", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    # service.knowledge.blocks.pack(): {"locators": [...], "blocks": [[start, end, kind, locator], ...]}
    sa.Column("blocks", postgresql.JSONB, nullable=False),
    sa.Column("created_at", _TIME, nullable=False, server_default=_NOW),
    sa.UniqueConstraint("document_id", "number", name="revision_number_unique"),
)

revision_outline = sa.Table(
    "revision_outline",
    SQLModel.metadata,
    sa.Column("revision_id", sa.Uuid, sa.ForeignKey("revision.id"), primary_key=True),
    # "extract", or the model that wrote it.
    sa.Column("writer", sa.Text, primary_key=True),
    # Of the way it was drawn: rows of an older one count as missing.
    sa.Column("version", sa.Integer, nullable=False),
    # service.knowledge.outlining.nodes.Part, level by level: any beginning of the list is a tree as well.
    sa.Column("parts", postgresql.JSONB, nullable=False),
    sa.Column("points", postgresql.JSONB, nullable=False),
    sa.Column("created_at", _TIME, nullable=False, server_default=_NOW),
)

# What the passages of a revision mean to an embedder. Kept from the last passage to the first, so that a
# revision is done once position 0 is there. A passage that the embedder would not take has no dimensions.
passage_vector = sa.Table(
    "passage_vector",
    SQLModel.metadata,
    sa.Column("revision_id", sa.Uuid, sa.ForeignKey("revision.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("model", sa.Text, primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("knowledge_base_id", sa.Uuid, sa.ForeignKey("knowledge_base.id"), nullable=False),
    sa.Column("start", sa.Integer, nullable=False),
    sa.Column("end", sa.Integer, nullable=False),
    sa.Column("locator", postgresql.JSONB, nullable=False),
    sa.Column("dimensions", sa.Integer, nullable=False),
    # Of length 1. An array and not pgvector's type, so that a server without it serves as well.
    sa.Column("vector", postgresql.ARRAY(sa.REAL), nullable=False),
    sa.Index("passage_vector_knowledge_base_index", "knowledge_base_id"),
)

# What changed, numbered apart for each view under the lock of the knowledge base's row: the order
# of the numbers is that of the commits. A document's newest row of a view is what the view knows of it.
knowledge_change = sa.Table(
    "knowledge_change",
    SQLModel.metadata,
    sa.Column("knowledge_base_id", sa.Uuid, sa.ForeignKey("knowledge_base.id"), primary_key=True),
    sa.Column("view", sa.Text, primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("document_id", sa.Uuid, sa.ForeignKey("document.id"), nullable=False),
    # What it was by then; of a removed document, neither.
    sa.Column("revision_id", sa.Uuid),
    sa.Column("superseded_by_id", sa.Uuid),
    # Tells whether the title is another; the title itself is read with the feed, by the reader's rights.
    sa.Column("title_hash", sa.BigInteger, nullable=False),
    sa.Column("at", _TIME, nullable=False, server_default=_NOW),
    sa.CheckConstraint("view IN ('draft', 'free', 'all')", name="knowledge_change_view_check"),
    sa.CheckConstraint(
        "kind IN ('added', 'changed', 'removed', 'superseded')", name="knowledge_change_kind_check"
    ),
    sa.Index("knowledge_change_document_index", "document_id", "view", "number"),
    sa.Index(
        "knowledge_change_superseding_index",
        "superseded_by_id",
        postgresql_where=sa.text("superseded_by_id IS NOT NULL"),
    ),
)

import_job = sa.Table(
    "import_job",
    SQLModel.metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("knowledge_base_id", sa.Uuid, sa.ForeignKey("knowledge_base.id"), nullable=False),
    sa.Column("account_id", sa.Uuid, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("tier", sa.Text, nullable=False),
    sa.Column("file_name", sa.Text, nullable=False),
    sa.Column("blob_key", sa.Text, nullable=False),
    # What was asked beside the kind: service.knowledge.imports.Options.
    sa.Column("options", postgresql.JSONB, nullable=False, server_default="{}"),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("total", sa.Integer, nullable=False, server_default="0"),
    # Entries that are ready, identical ones included; failed ones are counted from import_entry.
    sa.Column("done", sa.Integer, nullable=False, server_default="0"),
    # Why the whole of it was refused, if it was.
    sa.Column("failure_code", sa.Text),
    sa.Column("failure_detail", sa.Text),
    sa.Column("created_at", _TIME, nullable=False, server_default=_NOW),
    sa.Column("finished_at", _TIME),
    sa.CheckConstraint("status IN ('queued', 'running', 'done', 'failed')", name="import_job_status_check"),
    sa.CheckConstraint("tier IN ('free', 'paid')", name="import_job_tier_check"),
    sa.Index("import_job_knowledge_base_index", "knowledge_base_id", "id"),
)

import_entry = sa.Table(
    "import_entry",
    SQLModel.metadata,
    sa.Column("import_id", sa.Uuid, sa.ForeignKey("import_job.id"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    # The document it made, or the one it found to be the same.
    sa.Column("document_id", sa.Uuid, sa.ForeignKey("document.id")),
    sa.Column("code", sa.Text),
    sa.Column("detail", sa.Text),
    sa.CheckConstraint("status IN ('indexing', 'ready', 'failed')", name="import_entry_status_check"),
    sa.Index("import_entry_status_index", "import_id", "status", "position"),
)

# An address that is kept in step.
source = sa.Table(
    "source",
    SQLModel.metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("knowledge_base_id", sa.Uuid, sa.ForeignKey("knowledge_base.id"), nullable=False),
    sa.Column("account_id", sa.Uuid, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("tier", sa.Text, nullable=False),
    # What its last answer said to ask with the next time.
    sa.Column("etag", sa.Text),
    sa.Column("last_modified", sa.Text),
    sa.Column("checked_at", _TIME),
    sa.Column("next_check_at", _TIME, nullable=False),
    # In a row, and why the last did.
    sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
    sa.Column("failure_code", sa.Text),
    sa.Column("failure_detail", sa.Text),
    sa.Column("created_at", _TIME, nullable=False, server_default=_NOW),
    sa.Column("stopped_at", _TIME),
    sa.CheckConstraint("kind IN ('feed', 'url', 'wechat_article')", name="source_kind_check"),
    sa.CheckConstraint("tier IN ('free', 'paid')", name="source_tier_check"),
    sa.Index(
        "source_address_unique",
        "knowledge_base_id",
        "url",
        unique=True,
        postgresql_where=sa.text("stopped_at IS NULL"),
    ),
    sa.Index("source_due_index", "next_check_at", postgresql_where=sa.text("stopped_at IS NULL")),
)

source_entry = sa.Table(
    "source_entry",
    SQLModel.metadata,
    sa.Column("source_id", sa.Uuid, sa.ForeignKey("source.id"), primary_key=True),
    # Which entry of the feed, for good; of a page, there is one.
    sa.Column("key", sa.Text, primary_key=True),
    # Of what it said when it was imported last, or tried to be.
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("imported", sa.Boolean, nullable=False),
    # In vain, in a row.
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
)

visit = sa.Table(
    "visit",
    SQLModel.metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("knowledge_base_id", sa.Uuid, sa.ForeignKey("knowledge_base.id"), nullable=False),
    sa.Column("ref", sa.Text),
    sa.Column("account_id", sa.Uuid),
    sa.Column("visitor", sa.Text),
    sa.Column("at", _TIME, nullable=False, server_default=_NOW),
    sa.Index("visit_knowledge_base_index", "knowledge_base_id", "at"),
)

# What the square lists without its search engine, and what that engine was last told of readers: one row for
# each card. `category`, `tags` and `language` are folded, as they are filtered by.
square_card = sa.Table(
    "square_card",
    SQLModel.metadata,
    sa.Column("knowledge_base_id", sa.Uuid, sa.ForeignKey("knowledge_base.id"), primary_key=True),
    sa.Column("category", sa.Text, nullable=False),
    sa.Column("tags", postgresql.ARRAY(sa.Text), nullable=False),
    sa.Column("language", sa.Text, nullable=False),
    sa.Column("price", sa.Text, nullable=False),
    sa.Column("popularity", sa.Integer, nullable=False),
    sa.Column("new_key", sa.BigInteger, nullable=False),
    sa.Column("popular_key", sa.BigInteger, nullable=False),
    sa.Index("square_card_new_key_idx", "new_key"),
    sa.Index("square_card_popular_key_idx", "popular_key"),
)
