"""Organizations' invoices: every unit on at most one line, and none forgotten."""

from service.usecases.invariants.invariant import Invariant

INVOICES = (
    Invariant(
        "invoice.slices",
        "What is on invoices of an hour is one stretch of it, none of it twice.",
        """
        WITH slices AS (
          SELECT organization_id, meter, hour, from_mark, to_mark,
            lag(to_mark, 1, 0::bigint) OVER (PARTITION BY organization_id, meter, hour ORDER BY from_mark)
              AS before
          FROM invoice_slice
        ), hours AS (
          SELECT organization_id, meter, hour, max(to_mark) AS billed, bool_and(from_mark = before) AS whole
          FROM slices GROUP BY 1, 2, 3
        )
        SELECT format('%s %s at %s: %s billed, %s on invoices',
          organization_id, meter, hour, b.billed, h.billed) AS what
        FROM usage_bucket b FULL JOIN hours h USING (organization_id, meter, hour)
        WHERE coalesce(b.billed, 0) <> coalesce(h.billed, 0) OR NOT h.whole OR b.billed > b.total
        """,
    ),
    Invariant(
        "invoice.lines",
        "Each line of an invoice is the usage on it.",
        """
        SELECT format('line %s of invoice %s: %s units, of which %s cannot be found',
          id, invoice_id, quantity, difference) AS what
        FROM invoice_line WHERE difference <> 0
        UNION ALL
        SELECT format('line %s: %s units, %s in its slices',
          l.id, l.quantity, coalesce(sum(to_mark - from_mark), 0))
        FROM invoice_line l LEFT JOIN invoice_slice s ON s.line_id = l.id
        GROUP BY l.id, l.quantity, l.difference
        HAVING l.quantity - l.difference <> coalesce(sum(to_mark - from_mark), 0)
        """,
    ),
    Invariant(
        "invoice.late",
        "Late usage is on its way to an invoice.",
        """
        SELECT format('line %s of %s: not billed after %s attempts', id, organization_id, attempts) AS what
        FROM invoice_line WHERE late AND invoice_id IS NULL AND stripe_item_id IS NULL AND amount > 0
          AND created_at < zhihao_now() - interval '1 hour' - :pending
        """,
        quick=True,
    ),
    Invariant(
        "invoice.billed",
        "What was metered in a period whose invoice is final is on it, or soon on the next.",
        """
        SELECT format('%s %s at %s: %s of %s billed',
          b.organization_id, b.meter, b.hour, b.billed, b.total) AS what
        FROM usage_bucket b JOIN metered_invoice i ON i.organization_id = b.organization_id
          AND b.hour >= i.period_start AND b.hour < i.period_end
        WHERE i.lined_at < zhihao_now() - interval '2 hours' - :pending AND b.billed <> b.total
          AND b.rejected IS NULL
        """,
    ),
)
