"""Decisions from facts, over every combination of them, against the rules said in plain words."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import chain, product
from typing import Literal
from uuid import UUID

from search.passages.scope import Tier
from service.access.decision import (
    Decision,
    GrantFact,
    KnowledgeBaseFacts,
    decide,
    decide_for_contract,
    scope,
)

OWNER, READER = UUID(int=1), UUID(int=2)
NOW = datetime(2026, 11, 1, tzinfo=UTC)
BASE = KnowledgeBaseFacts(UUID(int=10), OWNER, True, "public", 1, generation=4)

SEEN = [
    replace(BASE, published=published, visibility=visibility, free_questions=free)
    for published, visibility, free in product((False, True), ("private", "unlisted", "public"), (0, 2))
]
SOURCES: tuple[Literal["subscription", "pass", "complimentary"], ...] = (
    "subscription",
    "pass",
    "complimentary",
)
GRANTS = [
    GrantFact(source, ends_at)
    for source, ends_at in product(SOURCES, (None, NOW + timedelta(days=1), NOW + timedelta(days=2)))
]
HELD = list(chain.from_iterable(product(GRANTS, repeat=count) for count in range(4)))


def test_paid_text_is_open_to_owners_and_holders_of_grants_only() -> None:
    for account, base, held in product((None, OWNER, READER), SEEN, HELD):
        decision = decide(account, base, held)
        owner = account == OWNER
        holder = account is not None and bool(held)
        shown = base.published and base.visibility != "private"
        assert (decision is not None) == (owner or holder or shown)
        if decision is None:
            continue
        assert decision.entitled == (decision.tier == "all") == (owner or holder)
        if owner:
            assert (decision.why, decision.until) == ("owner", None)
        elif holder:
            assert (decision.why, decision.until) in {(g.source, g.ends_at) for g in held}
            assert decision.until is None or all(g.ends_at and g.ends_at <= decision.until for g in held)
        else:
            assert (decision.tier, decision.why) == ("free", "free_tier")


def test_a_contract_opens_published_bases_with_api_access_on_the_list() -> None:
    lists: tuple[frozenset[UUID] | None, ...] = (None, frozenset(), frozenset({BASE.id}), frozenset({READER}))
    prices = ((None, None), (0, "usd"), (5, "cny"), (5, "usd"))
    for base, api_access, (amount, currency), allowed in product(SEEN, (False, True), prices, lists):
        asked = replace(base, api_access=api_access, api_price_amount=amount, api_price_currency=currency)
        decision = decide_for_contract(asked, allowed, "cny")
        expected = (
            base.published
            and base.visibility != "private"
            and api_access
            and (allowed is None or base.id in allowed)
            and (amount, currency) != (5, "usd")
        )
        assert (decision is not None) == expected
        assert decision is None or (decision.tier, decision.why) == ("all", "contract")
    assert decide_for_contract(None, None, "cny") is None


def test_the_scope_holds_exactly_what_was_opened() -> None:
    known = {
        id: replace(BASE, id=id, generation=id.int, excluded_documents=frozenset({UUID(int=id.int + 100)}))
        for id in (UUID(int=n) for n in range(10, 13))
    }
    choices: tuple[Tier | None, ...] = ("free", "all", None)
    for tiers in product(choices, repeat=3):
        decisions = [Decision(id, tier, "none") for id, tier in zip(known, tiers, strict=True)]
        views = scope(decisions, known).views
        assert [(view.knowledge_base_id, view.tier) for view in views] == [
            (decision.knowledge_base_id, decision.tier) for decision in decisions if decision.tier
        ]
        for view in views:
            assert view.generation == known[view.knowledge_base_id].generation
            assert view.excluded_documents == known[view.knowledge_base_id].excluded_documents
