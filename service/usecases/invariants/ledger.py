"""The ledger sums to zero, and its balances are the sums of their entries."""

from service.usecases.invariants.invariant import Invariant

LEDGER = (
    Invariant(
        "ledger.balanced",
        "Every ledger transaction sums to zero in each currency.",
        """
        SELECT format('transaction %s is off by %s %s', transaction_id, sum(amount), currency) AS what
        FROM ledger_entry GROUP BY transaction_id, currency HAVING sum(amount) <> 0
        """,
    ),
    Invariant(
        "ledger.running_balances",
        "An account's running balance is the sum of its entries.",
        """
        SELECT format('account %s (%s) says %s, entries %s', id, kind, balance, coalesce(entered, 0)) AS what
        FROM ledger_account LEFT JOIN (
          SELECT account_id, sum(amount) AS entered FROM ledger_entry GROUP BY account_id
        ) AS entries ON account_id = id
        WHERE balance <> coalesce(entered, 0)
        """,
    ),
)
