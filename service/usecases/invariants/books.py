"""The ledger's balance at the processor is the processor's own, as far as that was read."""

from service.usecases.invariants.invariant import Invariant

_READ = "(SELECT read_until FROM event_mark WHERE endpoint = 'balance_read')"

BOOKS = (
    Invariant(
        "books.lately",
        "What was posted in the last two hours sums to zero in each currency.",
        """
        SELECT format('transaction %s is off by %s %s', transaction_id, sum(amount), currency) AS what
        FROM ledger_transaction JOIN ledger_entry ON transaction_id = id
        WHERE posted_at > zhihao_now() - interval '2 hours'
        GROUP BY transaction_id, currency HAVING sum(amount) <> 0
        """,
        quick=True,
    ),
    Invariant(
        "books.of_the_processor",
        "What moved the balance at the processor moved it in the ledger by the same.",
        """
        SELECT format('%s: the processor says %s %s, the ledger %s', source_id, theirs.net, currency,
                      coalesce(ours.amount, 0)) AS what
        FROM (
          SELECT source_id, currency, sum(net) AS net FROM balance_transaction AS line
          WHERE source_id IN (
            SELECT source_id FROM balance_transaction WHERE matched_at IS NULL AND read_at < now() - :pending
          ) GROUP BY source_id, currency
        ) AS theirs LEFT JOIN LATERAL (
          SELECT sum(amount) AS amount FROM ledger_transaction AS posted
          JOIN ledger_entry AS entry ON entry.transaction_id = posted.id
          JOIN (SELECT id, kind FROM ledger_account) AS held ON held.id = entry.account_id
          WHERE posted.source_id = theirs.source_id AND entry.currency = theirs.currency
            AND held.kind = 'stripe_balance'
        ) AS ours ON true
        WHERE theirs.net IS DISTINCT FROM coalesce(ours.amount, 0)
        """,
        quick=True,
    ),
    Invariant(
        "books.of_the_ledger",
        "What moved the balance in the ledger moved it at the processor.",
        f"""
        SELECT format('%s: the ledger says %s %s, the processor nothing', posted.source_id, sum(entry.amount),
                      entry.currency) AS what
        FROM ledger_account AS held
        JOIN ledger_entry AS entry ON entry.account_id = held.id
        JOIN ledger_transaction AS posted ON posted.id = entry.transaction_id
        WHERE held.kind = 'stripe_balance' AND posted.posted_at < {_READ} - :pending
          AND NOT EXISTS (SELECT FROM balance_transaction WHERE source_id = posted.source_id)
        GROUP BY posted.source_id, entry.currency HAVING sum(entry.amount) <> 0
        """,  # noqa: S608 - the constant above
    ),
    Invariant(
        "books.totals",
        "The sums of what was read at the processor are those of its lines.",
        """
        SELECT format('%s: total %s of %s lines, read %s of %s', currency, total.net, total.lines, summed.net,
                      summed.lines) AS what
        FROM balance_total AS total FULL JOIN (
          SELECT currency, sum(net) AS net, count(*) AS lines FROM balance_transaction GROUP BY currency
        ) AS summed USING (currency)
        WHERE (total.net, total.lines) IS DISTINCT FROM (summed.net, summed.lines)
        """,
    ),
)
