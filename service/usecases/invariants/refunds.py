"""Refunds and disputes: rows, ledger, sales and grants say the same."""

from service.usecases.invariants.invariant import Invariant

REFUNDS = (
    Invariant(
        "refunds.posted",
        "What left the balance for a refund, and what came back of it, is in the ledger.",
        """
        SELECT format('refund %s (%s)', stripe_refund_id, leg) AS what FROM refund, LATERAL (
          SELECT 'refund' AS leg WHERE stripe_balance_transaction_id IS NOT NULL
            AND (failure_balance_transaction_id IS NOT NULL OR settled_amount <> 0 OR fee <> 0)
          UNION ALL SELECT 'failed' WHERE failure_balance_transaction_id IS NOT NULL
        ) AS moved
        WHERE NOT EXISTS (
          SELECT FROM ledger_transaction AS posted WHERE source_type = 'refund'
            AND source_id = stripe_refund_id AND posted.leg = moved.leg
        )
        """,
    ),
    Invariant(
        "refunds.of_sales",
        "A sale says how much of it was given back and how much a bank has taken, and has no more to give.",
        """
        SELECT format('sale %s says %s refunded and %s disputed, its refunds %s, its disputes %s', sale.id,
          refunded, disputed, coalesce(given, 0), coalesce(taken, 0)) AS what
        FROM sale LEFT JOIN (
          SELECT sale_id, sum(amount) AS given FROM refund
          WHERE stripe_balance_transaction_id IS NOT NULL AND failure_balance_transaction_id IS NULL
          GROUP BY sale_id
        ) AS refunds ON refunds.sale_id = sale.id LEFT JOIN (
          SELECT sale_id, sum(withdrawn - reinstated) AS taken FROM dispute GROUP BY sale_id
        ) AS disputes ON disputes.sale_id = sale.id
        WHERE refunded <> coalesce(given, 0) OR (disputed <> 0) <> (coalesce(taken, 0) <> 0)
          OR refunded > sale.amount
        """,
    ),
    Invariant(
        "refunds.as_the_balance",
        "What refunds and disputes moved in the ledger is what they moved in the processor's balance.",
        """
        WITH moved AS (
          SELECT sale_id, settled_amount + fee AS net FROM refund
          UNION ALL SELECT sale_id, withdrawn - reinstated + fee FROM dispute
        ), posted AS (
          SELECT sale_id, -entry.amount AS net FROM ledger_transaction AS posted
          JOIN ledger_entry AS entry ON transaction_id = posted.id
          JOIN ledger_account AS account ON account.id = account_id AND kind = 'stripe_balance'
          WHERE source_type IN ('refund', 'dispute')
        )
        SELECT format('sale %s: the balance moved by %s, the ledger by %s', sale_id, a.net, b.net) AS what
        FROM (SELECT sale_id, sum(net) AS net FROM moved GROUP BY 1) AS a
        FULL JOIN (SELECT sale_id, sum(net) AS net FROM posted GROUP BY 1) AS b USING (sale_id)
        WHERE coalesce(a.net, 0) <> coalesce(b.net, 0)
        """,
    ),
    Invariant(
        "refunds.shares",
        "A creator gave back the part of a share that was taken of its sale, and all of it with all.",
        """
        WITH shares AS (
          SELECT posted.sale_id, owner_id,
            -coalesce(sum(entry.amount) FILTER (WHERE kind = 'creator_earned' AND leg = 'sale'), 0) AS earned,
            coalesce(sum(entry.amount) FILTER (
              WHERE kind = 'creator_refunded' AND source_type IN ('refund', 'dispute')
            ), 0) AS gone
          FROM ledger_transaction AS posted JOIN ledger_entry AS entry ON transaction_id = posted.id
          JOIN ledger_account AS account ON account.id = account_id AND owner_id IS NOT NULL
          WHERE posted.sale_id IS NOT NULL GROUP BY 1, 2
        )
        SELECT format('creator %s of sale %s earned %s and gave back %s', owner_id, sale_id, earned, gone)
          AS what
        FROM shares JOIN sale ON sale.id = sale_id
        WHERE abs(gone * sale.amount - earned * least(refunded + disputed, sale.amount))
          >= sale.amount * CASE WHEN refunded + disputed < sale.amount AND settled_amount <> sale.amount
                           THEN 2 ELSE 1 END
        """,
    ),
    Invariant(
        "refunds.finished",
        "A refund that was begun is finished, or has a job that will.",
        """
        SELECT format('refund %s of sale %s', id, sale_id) AS what FROM refund
        WHERE status = 'asked' AND created_at < zhihao_now() - :pending AND NOT EXISTS (
          SELECT FROM procrastinate_jobs AS job
          WHERE job.args ->> 'refund_id' = refund.id::text AND job.status IN ('todo', 'doing')
        )
        """,
    ),
    Invariant(
        "refunds.requests",
        "A request that was granted has its refund.",
        """
        SELECT format('request %s', request.id) AS what FROM refund_request AS request
        LEFT JOIN refund ON refund.id = refund_id AND refund.sale_id = request.sale_id
        WHERE request.status = 'granted' AND refund_id IS NOT NULL AND refund.id IS NULL
        """,
    ),
    Invariant(
        "disputes.frozen",
        "A creator's sale is frozen while it is disputed, and then only.",
        """
        SELECT format('sale %s is %s', sale.id, coalesce('frozen since ' || frozen_at, 'not frozen')) AS what
        FROM sale WHERE creator_id IS NOT NULL AND (frozen_at IS NOT NULL) <> EXISTS (
          SELECT FROM dispute WHERE sale_id = sale.id AND closed_at IS NULL
        )
        """,
    ),
    Invariant(
        "disputes.fees",
        "A creator bears the fee of a lost dispute alone, and as the ledger says.",
        """
        SELECT format('dispute %s is %s, its creator bears %s, in the ledger %s', stripe_dispute_id, status,
          creator_fee, coalesce(borne, 0)) AS what
        FROM dispute LEFT JOIN (
          SELECT source_id, sum(entry.amount) AS borne FROM ledger_transaction AS posted
          JOIN ledger_entry AS entry ON transaction_id = posted.id
          JOIN ledger_account AS account ON account.id = account_id AND kind = 'creator_fees'
          WHERE source_type = 'dispute' GROUP BY source_id
        ) AS fees ON source_id = stripe_dispute_id
        WHERE creator_fee <> coalesce(borne, 0) OR (
          creator_fee <> 0 AND (status <> 'lost' OR creator_fee <> fee)
        )
        """,
    ),
)
