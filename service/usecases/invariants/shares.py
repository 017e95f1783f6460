"""What was shared of metered invoices and of the traffic pool is what accrued, once, and what was posted."""

from service.usecases.invariants.invariant import Invariant

SHARES = (
    Invariant(
        "shares.once",
        "What is on an invoice's lines is the sum of the usage that was put on it.",
        """
        WITH used AS (
          SELECT invoice_id, creator_id, knowledge_base_id, meter, month, sum(units) AS units,
                 sum(amount - on_top) AS amount, sum(accrued - on_top_accrued) AS accrued,
                 sum(withheld - on_top_withheld) AS own
          FROM usage_share WHERE invoice_id IS NOT NULL GROUP BY 1, 2, 3, 4, 5
          UNION ALL
          SELECT on_top_invoice_id, creator_id, knowledge_base_id, 'creator_prices', month, sum(on_top),
                 sum(on_top), sum(on_top_accrued), sum(on_top_withheld)
          FROM usage_share WHERE on_top_invoice_id IS NOT NULL GROUP BY 1, 2, 3, 5
        )
        SELECT format('invoice %s, base %s, %s of %s: line %s, usage %s', invoice_id, knowledge_base_id,
                      meter, month, line.accrued, used.accrued) AS what
        FROM used FULL JOIN share_line AS line USING (invoice_id, creator_id, knowledge_base_id, meter, month)
        WHERE (used.units, used.amount, used.accrued, used.own)
          IS DISTINCT FROM (line.units, line.amount, line.accrued, line.own)
        """,
    ),
    Invariant(
        "shares.as_posted",
        "What a payment gave an invoice's lines is what its sale gave each creator.",
        """
        WITH given AS (
          SELECT sale_id, creator_id, sum(amount) AS amount, sum(fee) AS fee
          FROM share_allocation GROUP BY 1, 2
        ), posted AS (
          SELECT sale.id AS sale_id, account.owner_id AS creator_id,
                 coalesce(-sum(entry.amount) FILTER (WHERE account.kind = 'creator_earned'), 0) AS amount,
                 coalesce(sum(entry.amount) FILTER (WHERE account.kind = 'creator_fees'), 0) AS fee
          FROM sale JOIN share_invoice USING (stripe_invoice_id)
          JOIN ledger_transaction AS t ON t.sale_id = sale.id AND leg = 'sale'
          JOIN ledger_entry AS entry ON transaction_id = t.id
          JOIN ledger_account AS account ON account.id = entry.account_id AND account.owner_id IS NOT NULL
          WHERE sale.kind = 'metered' GROUP BY 1, 2
        )
        SELECT format('sale %s, creator %s: lines %s, ledger %s', sale_id, creator_id, given.amount,
                      posted.amount) AS what
        FROM given FULL JOIN posted USING (sale_id, creator_id)
        WHERE (given.amount, given.fee) IS DISTINCT FROM (posted.amount, posted.fee)
        """,
    ),
    Invariant(
        "shares.within",
        "No payment gives a line more than was granted, where it was paid in the currency it was asked in.",
        """
        SELECT format('invoice %s, base %s, %s of %s', invoice_id, knowledge_base_id, meter, month) AS what
        FROM share_line AS line JOIN (
          SELECT invoice_id, creator_id, knowledge_base_id, meter, month, share_allocation.currency,
                 sum(amount) AS given, count(*) AS payments
          FROM share_allocation GROUP BY 1, 2, 3, 4, 5, 6
        ) AS paid USING (invoice_id, creator_id, knowledge_base_id, meter, month)
        JOIN share_invoice AS invoice ON invoice.id = invoice_id AND invoice.currency = paid.currency
        WHERE given > accrued - concentrated + payments
        """,
    ),
    Invariant(
        "shares.settled",
        "An invoice that was paid is shared, and nothing it billed accrues on.",
        """
        SELECT format('invoice %s is %s', stripe_invoice_id, status) AS what
        FROM share_invoice WHERE status <> 'paid'
          AND EXISTS (SELECT FROM sale WHERE sale.stripe_invoice_id = share_invoice.stripe_invoice_id)
        UNION ALL
        SELECT DISTINCT format('call %s of invoice %s', event.call_id, stripe_invoice_id)
        FROM usage_share AS share
        JOIN usage_event AS event USING (call_id, month)
        JOIN invoice_slice AS slice ON slice.organization_id = event.organization_id
          AND slice.meter = event.meter AND slice.hour <= event.at
          AND event.at < slice.hour + interval '1 hour'
          AND event.mark > slice.from_mark AND event.mark <= slice.to_mark
        JOIN invoice_line ON invoice_line.id = slice.line_id
        JOIN metered_invoice ON metered_invoice.id = invoice_line.invoice_id
        JOIN share_invoice USING (stripe_invoice_id)
        WHERE share.invoice_id IS NULL AND share.accrued > 0 AND share_invoice.status <> 'open'
        """,
    ),
    Invariant(
        "pool.as_posted",
        "A month's pool is what its shares say, and what the ledger says.",
        """
        WITH given AS (
          SELECT month, currency, sum(amount) AS amount, sum(amount + withheld) AS whole
          FROM pool_share GROUP BY 1, 2
        ), posted AS (
          SELECT source_id, -sum(entry.amount) AS amount
          FROM ledger_transaction AS t JOIN ledger_entry AS entry ON transaction_id = t.id
          JOIN ledger_account AS account ON account.id = entry.account_id AND account.kind = 'creator_earned'
          WHERE source_type = 'pool' GROUP BY 1
        )
        SELECT format('%s: pool %s, shares %s, ledger %s', coalesce(source_id, name), distributed,
                      given.amount, posted.amount) AS what
        FROM (SELECT *, to_char(month, 'YYYY-MM:') || currency AS name FROM pool_month) AS pool_month
        LEFT JOIN given USING (month, currency) FULL JOIN posted ON source_id = name
        WHERE distributed IS NULL OR distributed <> coalesce(posted.amount, 0)
          OR distributed <> coalesce(given.amount, 0) OR pool <> coalesce(given.whole, pool)
          OR abs(pool - greatest(net_take, 0) * bps / 10000.0) >= 1
        """,
    ),
    Invariant(
        "pool.by_creator",
        "What the ledger gave each creator of a pool is the sum of their knowledge bases' shares.",
        """
        WITH given AS (
          SELECT to_char(month, 'YYYY-MM:') || currency AS source_id, creator_id, sum(amount) AS amount
          FROM pool_share GROUP BY 1, 2 HAVING sum(amount) > 0
        ), posted AS (
          SELECT source_id, owner_id AS creator_id, -sum(entry.amount) AS amount
          FROM ledger_transaction AS t JOIN ledger_entry AS entry ON transaction_id = t.id
          JOIN ledger_account AS account ON account.id = entry.account_id AND account.kind = 'creator_earned'
          WHERE source_type = 'pool' GROUP BY 1, 2
        )
        SELECT format('%s, creator %s: shares %s, ledger %s', source_id, creator_id, given.amount,
                      posted.amount) AS what
        FROM given FULL JOIN posted USING (source_id, creator_id)
        WHERE given.amount IS DISTINCT FROM posted.amount
        """,
    ),
    Invariant(
        "pool.readers_forgotten",
        "Of a closed month nobody can be told who read.",
        """
        SELECT format('%s', month) AS what FROM read_month
        WHERE closed_at < zhihao_now() - :pending
          AND (salt IS NOT NULL OR EXISTS (SELECT FROM free_read WHERE free_read.month = read_month.month))
        """,
    ),
)
