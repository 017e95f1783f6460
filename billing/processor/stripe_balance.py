"""The part of the gateway that reads the balance."""

from datetime import datetime

from stripe._v1_services import V1Services

from billing.processor import stripe_snapshots as snapshots
from billing.processor.balance import BalanceLine
from billing.processor.stripe_calls import asked, present, seconds


class StripeBalance:
    """Balance transactions, page by page."""

    _v1: V1Services

    async def list_balance_lines(
        self, *, since: datetime, after: str | None
    ) -> tuple[list[BalanceLine], str | None]:
        params = present(created={"gte": seconds(since)}, limit=100, starting_after=after)
        page = await asked(self._v1.balance_transactions.list_async(params))
        lines = [
            BalanceLine(
                id=line["id"],
                type=line["type"],
                source_id=snapshots.reference(line.get("source")),
                currency=line["currency"],
                amount=line["amount"],
                fee=line["fee"],
                net=line["net"],
                created_at=snapshots.moment(line["created"]),
            )
            for line in page["data"]
        ]
        return lines, lines[-1].id if page["has_more"] else None
