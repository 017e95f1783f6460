"""How editions of one work are named to whoever sees one of them."""

from dataclasses import dataclass, field
from uuid import UUID


@dataclass(frozen=True, slots=True)
class EditionLink:
    """Another edition of the same work; ``edition`` is its date (as far as it is known) or version."""

    document_id: UUID
    title: str
    edition: str


@dataclass(frozen=True, slots=True)
class Editions:
    """What a document's edition is, the newest that supersedes it, and those it supersedes, newest first."""

    edition: str
    superseded_by: EditionLink | None = None
    supersedes: list[EditionLink] = field(default_factory=list)
