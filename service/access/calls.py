"""A call at the gate: who asks what, and what the gate answers."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from billing.metering.counters import Pace
from billing.metering.reservations import Reservation
from billing.metering.settling import Ending
from search.passages.scope import AccessScope
from service.access.decision import Decision
from service.answering.records import FinishedAnswer, RunningAnswer

Meter = Literal["passages", "answers"]


@dataclass(frozen=True, slots=True)
class KeyPrincipal:
    """A program with an organization's API key, known by the hash of its secret."""

    secret_hash: bytes


@dataclass(frozen=True, slots=True)
class AccountPrincipal:
    """A person who is signed in."""

    account_id: UUID


@dataclass(frozen=True, slots=True)
class Call:
    """One call to be admitted. ``id`` is made by the door and is the idempotency key of all that follows.

    ``answer`` is the row that is written as running when the call is admitted; a call for passages has none.
    ``resumed``: the call may have been admitted before, by a process that fell.
    """

    id: UUID
    principal: KeyPrincipal | AccountPrincipal
    meter: Meter
    knowledge_base_ids: tuple[UUID, ...]
    answer: RunningAnswer | None = None
    resumed: bool = False


@dataclass(slots=True)
class Admission:
    """A call that was let in: its reservation and its running answer are committed.

    ``cap_remaining`` is in minor units, this call's reservation already taken: the least of the key's and
    the organization's, ``None`` when neither has a cap. ``remaining_free`` counts free questions left this
    month over the bases asked; ``None`` for keys.
    """

    call_id: UUID
    account_id: UUID | None
    organization_id: UUID | None
    key_id: UUID | None
    scope: AccessScope
    decisions: dict[UUID, Decision]
    cap_remaining: int | None
    remaining_free: int | None
    at: datetime
    """When, by the database's clock."""
    reservation: Reservation | None = None
    """As it was placed just now; without it, it is read again when the call ends."""
    pace: Pace | None = None
    """What is left of the key's calls a minute, if it has a limit."""


@dataclass(slots=True)
class Outcome:
    """How a call ended well. ``units`` is 0 for a refusal: nothing is billed and no free question spent.

    ``drawn_from`` are the knowledge bases cited, or those that passages came from; ``citations`` weighs
    them (a missing one weighs 1).
    """

    units: int
    drawn_from: tuple[UUID, ...] = ()
    citations: dict[UUID, int] = field(default_factory=dict)
    answer: FinishedAnswer | None = None


@dataclass(slots=True)
class Close:
    """The end of an admitted call: what is billed, and the answer that is written with it."""

    ending: Ending
    answer: FinishedAnswer | None = None
    reservation: Reservation | None = None


@dataclass(slots=True)
class Settlement:
    """What a call came to. ``amount`` is minor units of the metering currency; people are not metered: 0."""

    billed_units: int
    amount: int
    cap_remaining: int | None
    remaining_free: int | None
