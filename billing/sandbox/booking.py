"""Balance transactions: the only way the balance moves."""

from billing.sandbox.shape import Body, build, new_id
from billing.sandbox.store import Store


async def book(
    store: Store,
    *,
    amount: int,
    currency: str,
    type: str,
    source: str | None,
    fee: int = 0,
    after: int = 0,
    category: str | None = None,
    description: str | None = None,
) -> Body:
    """Moves the account's balance by ``amount`` less ``fee``, available ``after`` so many seconds."""
    details = [
        {
            "amount": fee,
            "application": None,
            "currency": currency,
            "description": "Stripe processing fees",
            "type": "stripe_fee",
        }
    ]
    due = store.now + after
    transaction = build(
        "balance_transaction",
        id=new_id("txn"),
        amount=amount,
        available_on=due,
        balance_type="payments",
        created=store.now,
        currency=currency,
        description=description,
        fee=fee,
        fee_details=details if fee else [],
        net=amount - fee,
        reporting_category=category or type,
        source=source,
        status="pending" if after else "available",
        type=type,
        _due=due if after else None,
    )
    return await store.put(transaction)
