"""Who of a group is let in: a pure function of facts, in the order the calls came.

A refused call takes nothing, so it never stands in the way of its neighbours; an admitted one takes its price
from the counters at once, so the next one sees what is left.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, NoReturn
from uuid import UUID

from billing.metering.contracts import RUNNING
from billing.metering.counters import Counter, Pace, free_questions_subject, left_of, pace
from billing.metering.reservations import Reservation
from service.access.calls import AccountPrincipal, Admission, Call, KeyPrincipal, Meter
from service.access.decision import Decision, KnowledgeBaseFacts, Opened, decide, open_for_contract, scope
from service.access.facts import Grants, KeyFacts

SCOPES: dict[Meter, str] = {"passages": "passages:read", "answers": "answers:write"}


class KeyRejected(Exception):
    """The key is unknown, revoked or expired."""

    headers: dict[str, str]

    def __init__(self) -> None:
        super().__init__("this API key is unknown, revoked or expired")
        self.headers = {"WWW-Authenticate": "Bearer"}


class ScopeMissing(Exception):
    """The key does not carry the scope that the call needs."""


class KnowledgeBaseUnavailable(Exception):
    """A knowledge base that is not there, or not for this caller."""


class ContractRequired(Exception):
    """The key's organization has no contract in force."""


class PaymentRequired(Exception):
    """An invoice of the organization is unpaid after its grace."""


class SpendCapReached(Exception):
    """The call could cost more than the key's or the organization's cap leaves this month."""


class EntitlementRequired(Exception):
    """No base asked is open to the account, and no free question is left. ``extensions`` holds the plans."""

    extensions: dict[str, Any]

    def __init__(self, knowledge_base_ids: tuple[UUID, ...]) -> None:
        super().__init__("a subscription is needed to ask here")
        self.knowledge_base_ids = knowledge_base_ids
        self.extensions = {"plans": []}


class RateLimited(Exception):
    """The key calls more often than its limit a minute."""

    headers: dict[str, str]

    def __init__(self, retry_after: int, left: Pace | None = None) -> None:
        super().__init__(f"too many calls with this key; try again in {retry_after} s")
        self.headers = {"Retry-After": str(retry_after)} | ({} if left is None else rate_headers(left))


def rate_headers(left: Pace) -> dict[str, str]:
    """``RateLimit-Policy`` and ``RateLimit`` as draft-ietf-httpapi-ratelimit-headers-10 has them."""
    return {
        "RateLimit-Policy": f'"minute";q={left.limit};w=60',
        "RateLimit": f'"minute";r={left.remaining};t={left.seconds}',
    }


REFUSALS = (
    KeyRejected,
    ScopeMissing,
    KnowledgeBaseUnavailable,
    ContractRequired,
    PaymentRequired,
    SpendCapReached,
    EntitlementRequired,
    RateLimited,
)


@dataclass(frozen=True, slots=True)
class Prices:
    """Minor units a unit, by meter, and how many units a month are included: where no contract says more."""

    currency: str
    units: Mapping[Meter, int]
    included: Mapping[Meter, int] = field(default_factory=dict)

    def agreed(self, key: KeyFacts, meter: Meter) -> tuple[int, int]:
        """The price of a unit and the number of included ones for this key."""
        if meter == "answers":
            price, included = key.price_answers, key.included_answers
        else:
            price, included = key.price_passages, key.included_passages
        return (
            self.units[meter] if price is None else price,
            self.included.get(meter, 0) if included is None else included,
        )


@dataclass(slots=True)
class Facts:
    """All that a group's admission depends on. ``counters`` are this month's, and move as calls are let in.

    ``missing`` collects subjects that had to be counted and have no row yet: the group is then judged
    again, once they are made. ``placed`` are calls that have their reservation already, by a commit whose
    acknowledgement was lost: they are let in and take nothing. ``own`` are pairs of an organization and a
    creator who is a member. ``opened`` keeps what was decided: calls of a group often ask for the same.
    """

    now: datetime
    prices: Prices
    keys: Mapping[bytes, KeyFacts]
    knowledge_bases: Mapping[UUID, KnowledgeBaseFacts]
    grants: Grants
    counters: dict[UUID, Counter]
    own: Collection[tuple[UUID, UUID]] = ()
    placed: frozenset[UUID] = frozenset()
    missing: set[UUID] = field(default_factory=set)
    month: date = field(init=False)
    opened: "dict[tuple[object, ...], Opened | None]" = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.month = self.now.astimezone(UTC).date().replace(day=1)

    def counter(self, subject: UUID) -> Counter:
        found = self.counters.get(subject)
        if found is None:
            self.missing.add(subject)
            found = self.counters[subject] = Counter()
        return found


@dataclass(slots=True)
class Admitted:
    """A call that is let in, and the reservation to be made for it."""

    admission: Admission
    claim: Reservation


def admit(calls: Sequence[Call], facts: Facts) -> list[Admitted | Exception]:
    """A verdict for each call, in order: let in, or one of ``REFUSALS``."""
    return [_admit(call, facts) for call in calls]


def _admit(call: Call, facts: Facts) -> Admitted | Exception:
    try:
        if isinstance(call.principal, KeyPrincipal):
            return _admit_key(call, call.principal, facts)
        return _admit_account(call, call.principal, facts)
    except REFUSALS as refusal:
        return refusal


def _unavailable() -> NoReturn:
    raise KnowledgeBaseUnavailable("no such knowledge base")


def _admit_key(call: Call, principal: KeyPrincipal, facts: Facts) -> Admitted:
    key = facts.keys.get(principal.secret_hash)
    if key is None:
        raise KeyRejected
    if SCOPES[call.meter] not in key.scopes:
        raise ScopeMissing(f"this key lacks the scope {SCOPES[call.meter]}")
    opened = _opened(call, key, facts)
    if opened is None:
        _unavailable()
    if key.contract_status not in RUNNING:
        raise ContractRequired("this organization has no contract in force")
    if key.overdue:
        raise PaymentRequired("an invoice of this organization is unpaid")
    of_key, of_organization = facts.counter(key.id), facts.counter(key.organization_id)
    unit_price, included_limit = facts.prices.agreed(key, call.meter)
    included = of_organization.included(call.meter) < included_limit
    amount = opened.on_top + (0 if included else unit_price)
    if not (facts.placed and call.id in facts.placed):
        if not of_key.admits(key.cap, amount):
            raise SpendCapReached("this key's cap for the month does not cover the call")
        if not of_organization.admits(key.organization_cap, amount):
            raise SpendCapReached("the organization's cap for the month does not cover the call")
        if key.rate_limit is not None:
            until, wait = pace(of_key.paced_until, facts.now, key.rate_limit)
            if wait:
                left = left_of(of_key.paced_until, facts.now, key.rate_limit)
                raise RateLimited(max(1, math.ceil(wait.total_seconds())), left)
            of_key.paced_until = until
        of_key.reserve(key.cap, amount)
        of_organization.reserve(key.organization_cap, amount)
        if included:
            of_organization.include(call.meter, 1)
    claim = Reservation(
        call.id,
        "held",
        call.meter,
        facts.month,
        facts.now,
        None,
        key.organization_id,
        key.id,
        facts.prices.currency,
        unit_price,
        opened.bases,
        opened.owners,
        opened.api_prices,
        (key.id, key.organization_id),
        (amount, amount),
        None,
        None,
        included,
        included_limit,
        _own(opened.owners, key, facts),
    )
    admission = Admission(
        call.id,
        None,
        key.organization_id,
        key.id,
        opened.scope,
        opened.decisions,
        _least(of_key.room(key.cap), of_organization.room(key.organization_cap)),
        None,
        facts.now,
        claim,
        left_of(of_key.paced_until, facts.now, key.rate_limit) if key.rate_limit else None,
    )
    return Admitted(admission, claim)


def _opened(call: Call, key: KeyFacts, facts: Facts) -> Opened | None:
    """What the key may search of what the call asks; ``None`` when any of it is not there for the key."""
    asked = (call.knowledge_base_ids, key.knowledge_base_ids)
    opened = facts.opened.get(asked)
    if opened is None:
        opened = facts.opened[asked] = open_for_contract(*asked, facts.knowledge_bases, facts.prices.currency)
    return opened


def _own(owners: Sequence[UUID], key: KeyFacts, facts: Facts) -> list[UUID]:
    """Those who are of the calling organization: its members, and who made the key."""
    return [
        owner
        for owner in owners
        if owner == key.created_by or (facts.own and (key.organization_id, owner) in facts.own)
    ]


def _least(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return one if other is None else other
    return min(one, other)


def _admit_account(call: Call, principal: AccountPrincipal, facts: Facts) -> Admitted:
    """Opened by an entitlement, by a free question, or because nothing in the base is paid."""
    account = principal.account_id
    decisions: dict[UUID, Decision] = {}
    holds: dict[UUID, int] = {}
    opened = False
    asked: list[KnowledgeBaseFacts] = []
    for base_id in dict.fromkeys(call.knowledge_base_ids):
        base = facts.knowledge_bases.get(base_id)
        decision = decide(account, base, facts.grants.get((account, base_id), ())) if base else None
        if base is None or decision is None:
            _unavailable()
        asked.append(base)
        if decision.entitled or base.paid_documents == 0:
            opened = True
        elif base.free_questions > 0 and _has_free_question(call, account, base, facts):
            holds[free_questions_subject(account, base_id)] = base.free_questions
            decision = Decision(base_id, "all", "free_question")
            opened = True
        decisions[base_id] = decision
    if not asked:
        _unavailable()
    if not opened:
        raise EntitlementRequired(tuple(decisions))
    if call.id not in facts.placed:
        for subject, cap in holds.items():
            facts.counter(subject).reserve(cap, 1)
    claim = Reservation(
        call.id,
        "held",
        call.meter,
        facts.month,
        facts.now,
        account,
        None,
        None,
        facts.prices.currency,
        0,
        tuple(decisions),
        tuple([base.owner_id for base in asked]),
        (0,) * len(asked),
        tuple(holds),
        (1,) * len(holds),
        own=(),
    )
    return Admitted(
        Admission(
            call_id=call.id,
            account_id=account,
            organization_id=None,
            key_id=None,
            scope=scope(list(decisions.values()), facts.knowledge_bases),
            decisions=decisions,
            cap_remaining=None,
            remaining_free=sum(_free_questions_left(account, base, facts) for base in asked),
            at=facts.now,
            reservation=claim,
        ),
        claim,
    )


def _has_free_question(call: Call, account: UUID, base: KnowledgeBaseFacts, facts: Facts) -> bool:
    counter = facts.counter(free_questions_subject(account, base.id))
    return call.id in facts.placed or counter.admits(base.free_questions, 1)


def _free_questions_left(account: UUID, base: KnowledgeBaseFacts, facts: Facts) -> int:
    counter = facts.counters.get(free_questions_subject(account, base.id))
    return base.free_questions if counter is None else counter.room(base.free_questions) or 0
