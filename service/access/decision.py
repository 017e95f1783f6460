"""Who may see what of a knowledge base, decided from facts. No I/O: the same facts give the same decision.

``service.access.asking`` and the gate load the facts; every path crosses these functions.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from search.passages.scope import AccessScope, IndexView, Tier

Why = Literal[
    "owner", "subscription", "pass", "complimentary", "contract", "free_question", "free_tier", "none"
]


@dataclass(frozen=True, slots=True)
class Decision:
    """What one asker may see of one knowledge base at one moment.

    ``tier`` is the index that may be opened, ``None`` when nothing may. ``why`` names the reason;
    ``until`` is when that reason ends by itself (``None``: not by itself).
    """

    knowledge_base_id: UUID
    tier: Tier | None
    why: Why
    until: datetime | None = None

    @property
    def entitled(self) -> bool:
        """Whether paid text is open to the asker as such, and not by spending a free question."""
        return self.tier == "all" and self.why != "free_question"


@dataclass(frozen=True, slots=True)
class KnowledgeBaseFacts:
    """One knowledge base that is not deleted. Amounts are minor units per metered call."""

    id: UUID
    owner_id: UUID
    published: bool
    visibility: str
    paid_documents: int
    free_questions: int = 0
    api_access: bool = True
    api_price_amount: int | None = None
    api_price_currency: str | None = None
    generation: int = 0
    excluded_documents: frozenset[UUID] = frozenset()

    @property
    def shown(self) -> bool:
        """Whether someone with no right to it may know that it exists."""
        return self.published and self.visibility in {"public", "unlisted"}


@dataclass(frozen=True, slots=True)
class GrantFact:
    """A grant of one account on one knowledge base that is live now."""

    source: Literal["subscription", "pass", "complimentary"]
    ends_at: datetime | None


def decide(
    account_id: UUID | None, knowledge_base: KnowledgeBaseFacts, grants: Sequence[GrantFact]
) -> Decision | None:
    """What an account (``None``: nobody signed in) may read and ask without spending anything.

    ``None`` when it may not even know of the knowledge base. ``grants`` are that account's live ones; of
    several, the one that ends last is the reason. A live grant outlasts unpublishing: paid periods run out.
    """
    if account_id is not None and account_id == knowledge_base.owner_id:
        return Decision(knowledge_base.id, "all", "owner")
    if account_id is not None and grants:
        grant = max(grants, key=lambda g: (g.ends_at is None, g.ends_at.timestamp() if g.ends_at else 0.0))
        return Decision(knowledge_base.id, "all", grant.source, grant.ends_at)
    if not knowledge_base.shown:
        return None
    return Decision(knowledge_base.id, "free", "free_tier")


def decide_for_contract(
    knowledge_base: KnowledgeBaseFacts | None, allowed: Collection[UUID] | None, currency: str
) -> Decision | None:
    """What a key under an active contract may search; ``None`` when the knowledge base is not there for it.

    ``allowed`` is the key's allow-list (``None``: every one). A base whose ``api_price`` is in another
    currency than the contract's cannot be put on its invoice, so it is not offered.
    """
    if knowledge_base is None or not knowledge_base.shown or not knowledge_base.api_access:
        return None
    if allowed is not None and knowledge_base.id not in allowed:
        return None
    if knowledge_base.api_price_amount and knowledge_base.api_price_currency != currency:
        return None
    return Decision(knowledge_base.id, "all", "contract")


def scope(decisions: Sequence[Decision], facts: Mapping[UUID, KnowledgeBaseFacts]) -> AccessScope:
    """The scope of a search under these decisions: closed bases are left out, order is kept."""
    return AccessScope(
        tuple(
            IndexView(
                decision.knowledge_base_id,
                decision.tier,
                facts[decision.knowledge_base_id].generation,
                facts[decision.knowledge_base_id].excluded_documents,
            )
            for decision in decisions
            if decision.tier is not None
        )
    )


@dataclass(frozen=True, slots=True)
class Opened:
    """What a key may search of the bases a call asks: decisions, owners and prices run in parallel."""

    decisions: dict[UUID, Decision]
    bases: tuple[UUID, ...]
    owners: tuple[UUID, ...]
    api_prices: tuple[int, ...]
    on_top: int
    scope: AccessScope


def open_for_contract(
    knowledge_base_ids: Sequence[UUID],
    allowed: Collection[UUID] | None,
    facts: Mapping[UUID, KnowledgeBaseFacts],
    currency: str,
) -> Opened | None:
    """What a key may search of the bases a call asks; ``None`` when any of them is not there for the key."""
    decisions: dict[UUID, Decision] = {}
    bases: list[KnowledgeBaseFacts] = []
    for base_id in dict.fromkeys(knowledge_base_ids):
        base = facts.get(base_id)
        decision = decide_for_contract(base, allowed, currency)
        if base is None or decision is None:
            return None
        bases.append(base)
        decisions[base_id] = decision
    if not bases:
        return None
    prices = tuple([base.api_price_amount or 0 for base in bases])
    return Opened(
        decisions,
        tuple(decisions),
        tuple([base.owner_id for base in bases]),
        prices,
        sum(prices),
        scope(list(decisions.values()), facts),
    )
