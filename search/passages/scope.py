"""What one asker may search, decided elsewhere and handed in whole.

The scope is applied by choosing which indexes are opened, before anything is ranked. Search never
learns why a view was granted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

Tier = Literal["free", "all"]


@dataclass(frozen=True, slots=True)
class IndexView:
    """One knowledge base as one asker sees it.

    `tier` names the only index that is opened for it. `generation` is the oldest acceptable state of
    that index: an open reader that is older is reloaded first. `excluded_documents` were removed or
    moved behind payment and may still be in the index until its rebuild has been swapped in; nothing
    of them is returned, and nothing of them counts in any statistic."""

    knowledge_base_id: UUID
    tier: Tier
    generation: int = 0
    excluded_documents: frozenset[UUID] = frozenset()


@dataclass(frozen=True, slots=True)
class AccessScope:
    """Every knowledge base that one search may touch; at most one view of each."""

    views: tuple[IndexView, ...]
