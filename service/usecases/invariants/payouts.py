"""Allocations, payouts and the ledger say the same; nobody was paid more than was payable at the time."""

from service.usecases.invariants.invariant import Invariant

PAYOUTS = (
    Invariant(
        "payouts.every_sale_is_allocated",
        "What is a creator's of each sale is allocated, as the ledger has it.",
        """
        SELECT format('sale %s has no allocation', id) AS what FROM sale
        WHERE creator_id IS NOT NULL AND NOT EXISTS (SELECT FROM allocation WHERE sale_id = sale.id)
        UNION ALL
        SELECT format('allocation %s says %s, the ledger %s', allocation.sale_id, allocation.net,
                      owed.net)
        FROM allocation JOIN LATERAL (
          SELECT -coalesce(sum(entry.amount), 0) AS net, max(posted_at) AS newest
          FROM ledger_transaction AS posted
          JOIN ledger_entry AS entry ON entry.transaction_id = posted.id
          JOIN ledger_account AS held ON held.id = entry.account_id
          WHERE posted.sale_id = allocation.sale_id AND held.owner_id = allocation.creator_id
            AND held.kind IN ('creator_earned', 'creator_fees', 'creator_refunded')
        ) AS owed ON true
        WHERE allocation.net <> owed.net AND newest < zhihao_now() - :pending
        """,
    ),
    Invariant(
        "payouts.lines",
        "A payout is the sum of its lines, and an allocation's paid part the sum of its own.",
        """
        SELECT format('payout %s is %s, its lines %s', id, amount, coalesce(summed, 0)) AS what
        FROM payout LEFT JOIN (
          SELECT payout_id, sum(amount) AS summed FROM payout_line GROUP BY 1
        ) AS lines ON payout_id = id
        WHERE amount <> coalesce(summed, 0)
        UNION ALL
        SELECT format('allocation %s says %s paid, its payouts %s', allocation.sale_id, paid,
                      coalesce(given, 0) - coalesce(taken, 0))
        FROM allocation LEFT JOIN (
          SELECT line.sale_id, sum(line.amount) AS given FROM payout_line AS line
          JOIN payout ON payout.id = line.payout_id AND status <> 'canceled' GROUP BY 1
        ) AS payouts USING (sale_id) LEFT JOIN (
          SELECT sale_id, sum(amount) AS taken FROM payout_reversal
          WHERE status <> 'refused' AND sale_id IS NOT NULL GROUP BY 1
        ) AS reversals USING (sale_id)
        WHERE paid <> coalesce(given, 0) - coalesce(taken, 0)
        """,
    ),
    Invariant(
        "payouts.posted",
        "What the ledger says was paid to a creator is what payouts paid, less what was taken back.",
        """
        SELECT format('creator %s: ledger %s, payouts %s %s', creator_id, coalesce(entered, 0),
                      coalesce(sent, 0), currency) AS what
        FROM (
          SELECT owner_id AS creator_id, currency, balance AS entered FROM ledger_account
          WHERE kind = 'creator_paid'
        ) AS held FULL JOIN (
          SELECT creator_id, currency, sum(amount - reversed) AS sent FROM payout
          WHERE status = 'paid' AND amount > 0 GROUP BY 1, 2
        ) AS payouts USING (creator_id, currency)
        WHERE coalesce(entered, 0) <> coalesce(sent, 0)
        UNION ALL
        SELECT format('payout %s is paid and not in the ledger', id) FROM payout
        WHERE status = 'paid' AND amount > 0 AND NOT EXISTS (
          SELECT FROM ledger_transaction WHERE leg = 'paid'
            AND source_type = CASE method WHEN 'transfer' THEN 'transfer' ELSE 'manual_payout' END
            AND source_id = CASE method WHEN 'transfer' THEN reference ELSE payout.id::text END
        )
        """,
    ),
    Invariant(
        "payouts.within_payable",
        "No payout was planned for more than was payable at the time.",
        # A plan may see what was posted while it waited for its turn, or nothing of it.
        """
        SELECT format('payout %s of %s left %s %s', id, creator_id, payable, currency) AS what FROM (
          SELECT id, creator_id, currency, planned, greatest(
            sum(amount) OVER (PARTITION BY creator_id, currency ORDER BY at),
            sum(amount) OVER (PARTITION BY creator_id, currency ORDER BY at
              RANGE BETWEEN UNBOUNDED PRECEDING AND interval '10 seconds' FOLLOWING)
          ) AS payable
          FROM (
            SELECT NULL::uuid AS id, owner_id AS creator_id, held.currency, false AS planned, posted_at AS at,
              -entry.amount AS amount
            FROM ledger_account AS held JOIN ledger_entry AS entry ON account_id = held.id
            JOIN ledger_transaction AS posted ON posted.id = transaction_id
            WHERE kind IN ('creator_earned', 'creator_fees', 'creator_refunded')
            UNION ALL
            SELECT id, creator_id, currency, kind <> 'external', created_at, -amount
            FROM payout WHERE status <> 'canceled'
            UNION ALL
            SELECT NULL, creator_id, currency, false, back.created_at, back.amount
            FROM payout_reversal AS back JOIN payout ON payout.id = payout_id
            WHERE back.status <> 'refused'
          ) AS moves
        ) AS running WHERE planned AND payable < 0 AND id IN (SELECT id FROM payout WHERE amount > 0)
        """,
    ),
    Invariant(
        "payouts.answered",
        "No payout and no reversal is without an outcome for a day.",
        """
        SELECT format('payout %s since %s', id, begun_at) AS what FROM payout
        WHERE status = 'sending' AND begun_at < now() - interval '1 day'
        UNION ALL
        SELECT format('reversal %s since %s', id, begun_at) FROM payout_reversal
        WHERE status = 'sending' AND begun_at < now() - interval '1 day'
        """,
        quick=True,
    ),
    Invariant(
        "payouts.known",
        "Nothing was moved at the processor to or from an account that nobody here has.",
        """
        SELECT format('%s %s in suspense', balance, currency) AS what FROM ledger_account
        WHERE kind = 'suspense' AND balance <> 0
        """,
        quick=True,
    ),
)
