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
        status="pending" if after > 0 else "available",
        type=type,
        _due=due if after > 0 else None,
    )
    pending = transaction["net"] if after > 0 else 0
    await _move(store, currency, transaction["net"] - pending, pending)
    return await store.put(transaction)


async def mature(store: Store, transaction: Body) -> Body:
    """What was pending is available."""
    transaction.update(status="available", _due=None)
    await _move(store, transaction["currency"], transaction["net"], -transaction["net"])
    return await store.put(transaction)


async def _move(store: Store, currency: str, available: int, pending: int) -> None:
    await store.connection.execute(
        "INSERT INTO sandbox.balance (account, currency, available, pending) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (account, currency) DO UPDATE SET"
        " available = balance.available + excluded.available, pending = balance.pending + excluded.pending",
        [store.account, currency, available, pending],
    )


async def balance(store: Store) -> dict[str, tuple[int, int]]:
    """Available and pending minor units, by currency. Costs the same after any number of moves."""
    cursor = await store.connection.execute(
        "SELECT currency, available, pending FROM sandbox.balance WHERE account = %s ORDER BY 1",
        [store.account],
    )
    return {currency: (available, pending) for currency, available, pending in await cursor.fetchall()}


async def available(store: Store, currency: str) -> int:
    """What can be paid out or transferred now."""
    return (await balance(store)).get(currency, (0, 0))[0]
