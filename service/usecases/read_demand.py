"""A creator sees what readers asked of a knowledge base that nothing in it answers."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from service.answering import demand
from service.answering.demand import Demand
from service.knowledge import knowledge_bases
from service.platform.database import zhihao_now
from service.usecases.context import Context


@dataclass(frozen=True)
class DemandPage:
    """Of ``[start, end)``. ``data`` are gatherings of at least ``least_readers``; ``unshown`` refusals are in
    none of them. ``questions`` and ``refusals`` count as the analytics do."""

    start: datetime
    end: datetime
    questions: int
    refusals: int
    least_readers: int
    data: list[Demand]
    unshown: int


async def read_demand(
    context: Context,
    *,
    knowledge_base_id: UUID,
    owner_id: UUID,
    start: datetime | None,
    end: datetime | None,
) -> DemandPage:
    """Of the time given, or as many days as the settings say. Raises ``KnowledgeBaseNotFound``."""
    settings = context.settings
    async with context.database.reading() as connection:
        base = await knowledge_bases.get_owned(connection, id=knowledge_base_id, owner_id=owner_id)
        until = end or await zhihao_now(connection)
        since = start or until - timedelta(days=settings.demand_days)
        asked = await demand.count_asked(connection, [base.id], start=since, end=until)
        refused = await demand.list_refused(
            connection,
            base.id,
            owner_id=owner_id,
            start=since,
            end=until,
            limit=settings.demand_max_questions,
        )
    least = settings.demand_min_readers
    found = await asyncio.to_thread(demand.gathered, refused, least=least)
    return DemandPage(
        start=since,
        end=until,
        questions=asked.questions,
        refusals=asked.refusals,
        least_readers=least,
        data=found,
        unshown=asked.refusals - sum(one.questions for one in found),
    )
