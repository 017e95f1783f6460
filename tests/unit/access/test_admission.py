"""The pure admission: caps, free questions and pace, over groups that nobody would think of."""

from collections import Counter as Tally
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.metering.counters import Counter, free_questions_subject, pace
from service.access.admission import (
    REFUSALS,
    Admitted,
    EntitlementRequired,
    Facts,
    KeyRejected,
    Prices,
    RateLimited,
    SpendCapReached,
    admit,
)
from service.access.calls import AccountPrincipal, Call, KeyPrincipal
from service.access.decision import GrantFact, KnowledgeBaseFacts
from service.access.facts import KeyFacts

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
BASES = [UUID(int=n) for n in range(10, 13)]
HASHES = [b"a", b"b", b"unknown"]
KEYS = [UUID(int=n) for n in (20, 21)]
ORGANIZATION = UUID(int=30)
READERS = [UUID(int=n) for n in (40, 41)]

BUSY = settings(suppress_health_check=[HealthCheck.too_slow])
"""Other tests may have the machine: time says nothing here."""

caps = st.one_of(st.none(), st.integers(0, 200))


@st.composite
def facts(draw: st.DrawFn) -> Facts:
    organization_cap = draw(caps)
    status = draw(st.sampled_from(["active", "active", "active", "past_due", "canceled", None]))
    overdue = status == "past_due" and draw(st.booleans())
    keys = {
        secret: KeyFacts(
            id=key,
            organization_id=ORGANIZATION,
            scopes=frozenset(draw(st.sets(st.sampled_from(["passages:read", "answers:write"]), min_size=1))),
            knowledge_base_ids=draw(st.one_of(st.none(), st.frozensets(st.sampled_from(BASES), min_size=2))),
            cap=draw(caps),
            rate_limit=draw(st.one_of(st.none(), st.integers(1, 6))),
            contract_status=status,
            overdue=overdue,
            organization_cap=organization_cap,
        )
        for secret, key in zip(HASHES[:2], KEYS, strict=True)
    }
    known = {
        base: KnowledgeBaseFacts(
            id=base,
            owner_id=draw(st.sampled_from([*READERS, UUID(int=99)])),
            published=draw(st.integers(0, 9)) > 0,
            visibility="public",
            paid_documents=draw(st.integers(0, 1)),
            free_questions=draw(st.integers(0, 3)),
            api_price_amount=draw(st.sampled_from([None, 0, 7])),
            api_price_currency="cny",
        )
        for base in BASES
    }
    granted = draw(st.sets(st.tuples(st.sampled_from(READERS), st.sampled_from(BASES)), max_size=2))
    free = [free_questions_subject(reader, base) for reader in READERS for base in BASES]
    counters = {subject: Counter(draw(st.integers(0, 2)), draw(st.integers(0, 1))) for subject in free}
    counters |= {
        s: Counter(draw(st.integers(0, 60)), draw(st.integers(0, 60))) for s in (*KEYS, ORGANIZATION)
    }
    return Facts(
        now=NOW,
        prices=Prices("cny", {"passages": 2, "answers": 20}),
        keys=keys,
        knowledge_bases=known,
        grants={pair: [GrantFact("subscription", None)] for pair in granted},
        counters=counters,
    )


@st.composite
def groups(draw: st.DrawFn) -> list[Call]:
    principals = st.one_of(
        st.sampled_from(HASHES).map(KeyPrincipal), st.sampled_from(READERS).map(AccountPrincipal)
    )
    asked = st.lists(st.sampled_from(BASES), min_size=1, max_size=4).map(tuple)
    count = draw(st.integers(1, 20))
    return [
        Call(
            UUID(int=1000 + n), draw(principals), draw(st.sampled_from(["passages", "answers"])), draw(asked)
        )
        for n in range(count)
    ]


def caps_of(known: Facts) -> dict[UUID, int | None]:
    limits: dict[UUID, int | None] = {key.id: key.cap for key in known.keys.values()}
    limits[ORGANIZATION] = next(iter(known.keys.values())).organization_cap
    for reader in READERS:
        for base in known.knowledge_bases.values():
            limits[free_questions_subject(reader, base.id)] = base.free_questions
    return limits


@settings(BUSY, max_examples=100)
@given(known=facts(), calls=groups())
def test_no_group_ever_takes_more_than_the_caps_leave(known: Facts, calls: list[Call]) -> None:
    before = {subject: (c.spent, c.reserved) for subject, c in known.counters.items()}
    verdicts = admit(calls, known)
    taken: Tally[UUID] = Tally()
    for verdict in verdicts:
        if isinstance(verdict, Admitted):
            taken.update(dict(zip(verdict.claim.hold_subjects, verdict.claim.hold_amounts, strict=True)))
        else:
            assert isinstance(verdict, REFUSALS)
    for subject, limit in caps_of(known).items():
        spent, reserved = before[subject]
        assert known.counters[subject].spent == spent
        assert known.counters[subject].reserved == reserved + taken[subject]
        if limit is not None and taken[subject]:
            assert spent + reserved + taken[subject] <= limit
    assert not known.missing


@settings(BUSY, max_examples=60)
@given(known=facts(), calls=groups())
def test_a_refused_call_would_be_refused_alone_too_at_its_turn(known: Facts, calls: list[Call]) -> None:
    """Order decides and nothing else: leaving every refused call out changes nothing for the others."""
    copy = replace(known, counters={s: replace(c) for s, c in known.counters.items()})
    verdicts = admit(calls, known)
    let_in = [call for call, verdict in zip(calls, verdicts, strict=True) if isinstance(verdict, Admitted)]
    again = admit(let_in, copy)
    assert [v for v in verdicts if isinstance(v, Admitted)] == again
    assert copy.counters == known.counters


@settings(BUSY, max_examples=60)
@given(known=facts(), calls=groups())
def test_what_is_open_was_paid_granted_owned_or_given(known: Facts, calls: list[Call]) -> None:
    for call, verdict in zip(calls, admit(calls, known), strict=True):
        if not isinstance(verdict, Admitted):
            if isinstance(call.principal, KeyPrincipal) and call.principal.secret_hash not in known.keys:
                assert isinstance(verdict, KeyRejected)
            continue
        admission = verdict.admission
        assert {view.knowledge_base_id for view in admission.scope.views} == set(call.knowledge_base_ids)
        assert admission.cap_remaining is None or admission.cap_remaining >= 0
        if isinstance(call.principal, KeyPrincipal):
            key = known.keys[call.principal.secret_hash]
            assert key.contract_status in {"active", "past_due"}
            assert not key.overdue
            assert set(call.knowledge_base_ids) <= (key.knowledge_base_ids or set(BASES))
            continue
        account = call.principal.account_id
        for base_id, decision in admission.decisions.items():
            base = known.knowledge_bases[base_id]
            right = base.owner_id == account or (account, base_id) in known.grants
            held = free_questions_subject(account, base_id) in verdict.claim.hold_subjects
            assert (decision.tier == "all") == (right or held)
            assert not (right and held)
        opened = [
            d.tier == "all" or not known.knowledge_bases[b].paid_documents
            for b, d in admission.decisions.items()
        ]
        assert any(opened)


def reader_facts(free_questions: int, counter: Counter | None) -> Facts:
    base = KnowledgeBaseFacts(BASES[0], UUID(int=99), True, "public", 1, free_questions)
    subject = free_questions_subject(READERS[0], BASES[0])
    return Facts(
        now=NOW,
        prices=Prices("cny", {"passages": 2, "answers": 20}),
        keys={},
        knowledge_bases={BASES[0]: base},
        grants={},
        counters={} if counter is None else {subject: counter},
    )


QUESTION = Call(UUID(int=1), AccountPrincipal(READERS[0]), "answers", (BASES[0],))


def test_a_counter_that_is_not_there_yet_is_asked_for() -> None:
    known = reader_facts(2, None)
    (verdict,) = admit([QUESTION], known)
    assert isinstance(verdict, Admitted)
    assert known.missing == {free_questions_subject(READERS[0], BASES[0])}


def test_the_last_free_question_is_followed_by_the_plans() -> None:
    (verdict,) = admit([QUESTION], reader_facts(2, Counter(spent=1, reserved=1)))
    assert isinstance(verdict, EntitlementRequired)
    assert verdict.knowledge_base_ids == (BASES[0],)


def test_a_call_that_is_placed_already_is_let_in_and_takes_nothing() -> None:
    known = replace(reader_facts(1, Counter(reserved=1)), placed=frozenset({QUESTION.id}))
    (verdict,) = admit([QUESTION], known)
    assert isinstance(verdict, Admitted)
    assert verdict.admission.decisions[BASES[0]].why == "free_question"
    assert known.counters[free_questions_subject(READERS[0], BASES[0])].reserved == 1


@settings(BUSY)
@given(limit=st.integers(1, 600), gaps=st.lists(st.integers(0, 30_000), max_size=60))
def test_the_pace_lets_in_a_burst_and_then_the_limit_a_minute(limit: int, gaps: list[int]) -> None:
    now, until, let_in = NOW, None, 0
    for gap in gaps:
        now += timedelta(milliseconds=gap)
        end, wait = pace(until, now, limit)
        if wait:
            assert not pace(until, now + wait, limit)[1]
        else:
            until, let_in = end, let_in + 1
    elapsed = (now - NOW).total_seconds()
    assert let_in <= limit + elapsed * limit / 60 + 1
    if len(gaps) <= limit:
        assert let_in == len(gaps)


def test_errors_tell_the_caller_what_to_do() -> None:
    assert RateLimited(7).headers == {"Retry-After": "7"}
    assert KeyRejected().headers == {"WWW-Authenticate": "Bearer"}
    assert "cap" in str(SpendCapReached("this key's cap"))
