"""What a document is among the editions of its work."""

from dataclasses import dataclass, field

from search.passages.hits import EditionLink


@dataclass(frozen=True, slots=True)
class Editions:
    """What a document's edition is, the newest that supersedes it, and those it supersedes, newest first."""

    edition: str
    superseded_by: EditionLink | None = None
    supersedes: list[EditionLink] = field(default_factory=list)
