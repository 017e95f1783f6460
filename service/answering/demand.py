"""What readers asked and nothing answered: refused questions gathered by what they share.

A creator is shown a gathering only when enough different readers are in it, and of its wording only the words
that as many readers wrote. What one reader alone wrote is in no count's company and on no screen.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from search.passages.question import analyse
from search.text import articles, runs, stem
from service.answering.tables import answer

ALIKE = 0.5
"""The Dice coefficient with a gathering's first question, from which on another belongs to it."""
LONGEST_WORDING = 200
GAP = " … "


@dataclass(frozen=True, slots=True)
class Refused:
    """A question that nothing supported an answer to; ``reader`` is an account or an organization."""

    reader: UUID
    question: str


@dataclass(frozen=True, slots=True)
class Demand:
    """``readers`` readers asked this, in ``questions`` questions; ``wording`` is what they share."""

    wording: str
    readers: int
    questions: int


@dataclass(frozen=True, slots=True)
class Asked:
    """How many questions were asked, and how many of them refused."""

    questions: int
    refusals: int


@dataclass(frozen=True, slots=True)
class _Said:
    of: Refused
    places: dict[str, list[tuple[int, int]]]


async def count_asked(
    session: AsyncSession | AsyncConnection,
    knowledge_base_ids: Sequence[UUID],
    *,
    start: datetime,
    end: datetime,
) -> Asked:
    """What was asked of any of these knowledge bases in ``[start, end)``."""
    query = sa.select(
        sa.func.count().label("questions"),
        sa.func.count().filter(answer.c.status == "refused").label("refusals"),
    ).where(
        answer.c.knowledge_base_ids.overlap(list(knowledge_base_ids)),
        answer.c.created_at >= start,
        answer.c.created_at < end,
    )
    row = (await session.execute(query)).one()
    return Asked(row.questions, row.refusals)


async def list_refused(
    session: AsyncSession | AsyncConnection,
    knowledge_base_id: UUID,
    *,
    owner_id: UUID,
    start: datetime,
    end: datetime,
    limit: int,
) -> list[Refused]:
    """The newest refused questions of a knowledge base; what its owner tried does not count."""
    reader = sa.func.coalesce(answer.c.account_id, answer.c.organization_id)
    query = (
        sa.select(reader.label("reader"), answer.c.question)
        .where(
            answer.c.status == "refused",
            answer.c.knowledge_base_ids.contains([knowledge_base_id]),
            reader.is_not(None),
            reader != owner_id,
            answer.c.created_at >= start,
            answer.c.created_at < end,
        )
        .order_by(answer.c.id.desc())
        .limit(limit)
    )
    return [Refused(row.reader, row.question) for row in await session.execute(query)]


def gathered(refused: Iterable[Refused], *, least: int) -> list[Demand]:
    """What at least ``least`` different readers asked alike, most readers first."""
    gatherings: list[list[_Said]] = []
    for one in refused:
        said = _Said(one, _places(one.question))
        alike = [(_dice(said, gathering[0]), n) for n, gathering in enumerate(gatherings)]
        best, where = max(alike, default=(0.0, 0), key=lambda pair: (pair[0], -pair[1]))
        if best >= ALIKE:
            gatherings[where].append(said)
        elif said.places:
            gatherings.append([said])
    found = [demand for gathering in gatherings if (demand := _shown(gathering, least)) is not None]
    return sorted(found, key=lambda demand: (-demand.readers, -demand.questions, demand.wording))


def _places(question: str) -> dict[str, list[tuple[int, int]]]:
    """Where each thing a question says stands in it: words by their stems, unspaced scripts by pairs."""
    places: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    for run, start, end, unspaced in runs(analyse(question).core):
        if not unspaced:
            places[stem(run, "en")].append((start, end))
        elif len(run) == 1:
            places[run].append((start, end))
        else:
            for n in range(len(run) - 1):
                places[run[n : n + 2]].append((start + n, start + n + 2))
    return dict(places)


def _dice(one: _Said, other: _Said) -> float:
    both = len(one.places.keys() & other.places.keys())
    return 2 * both / max(1, len(one.places) + len(other.places))


def _shown(gathering: Sequence[_Said], least: int) -> Demand | None:
    writers: defaultdict[str, set[UUID]] = defaultdict(set)
    for said in gathering:
        for key in said.places:
            writers[key].add(said.of.reader)
    shared = {key for key, readers in writers.items() if len(readers) >= least}
    readers = {said.of.reader for said in gathering}
    if len(readers) < least or not shared:
        return None
    fullest = max(
        gathering, key=lambda said: (len(shared & said.places.keys()), -len(said.places), said.of.question)
    )
    spans = sorted(span for key, places in fullest.places.items() if key in shared for span in places)
    return Demand(_wording(fullest.of.question, spans), len(readers), len(gathering))


def _wording(question: str, spans: Sequence[tuple[int, int]]) -> str:
    """The question at these spans; between two of them stand words that only ask, or a gap."""
    core = analyse(question).core
    merged: list[tuple[int, int]] = []
    for start, end in spans:
        if merged and (start <= merged[-1][1] or _only_asks(question, core, merged[-1][1], start)):
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    wording = GAP.join(question[start:end].strip() for start, end in merged)
    return " ".join(wording.split())[:LONGEST_WORDING]


def _only_asks(question: str, core: str, start: int, end: int) -> bool:
    """Whether nothing stands there that anybody had to think of: blanked words of asking, spaces, marks."""
    return not any(c.isalnum() for c in core[start:end]) and not any(articles(question[start:end]))
