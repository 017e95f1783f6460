"""What must always hold, each as one statement that returns what breaks it; no rows is good.

``:pending`` is how long something may be merely unfinished: younger than that, it is somebody's to finish.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Invariant:
    """``faults`` selects one text column ``what``: a line for each fault."""

    name: str
    sentence: str
    faults: str


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
    Invariant(
        "ledger.every_sale_is_posted",
        "Every sale is in the ledger.",
        """
        SELECT format('sale %s of charge %s', id, stripe_charge_id) AS what FROM sale
        WHERE created_at < zhihao_now() - :pending
          AND NOT EXISTS (SELECT FROM ledger_transaction WHERE sale_id = sale.id)
        """,
    ),
    Invariant(
        "ledger.sales_as_split",
        "A sale's posting is the sale's own split, share by share.",
        """
        SELECT format('sale %s of charge %s', sale.id, stripe_charge_id) AS what FROM sale JOIN LATERAL (
          SELECT
            coalesce(sum(amount) FILTER (WHERE kind = 'stripe_balance'), 0) AS to_balance,
            coalesce(sum(amount) FILTER (WHERE kind = 'creator_earned'), 0) AS to_creator,
            coalesce(sum(amount) FILTER (WHERE kind = 'creator_fees'), 0) AS fees_of_creator,
            coalesce(sum(amount) FILTER (WHERE kind = 'platform_revenue'), 0) AS to_platform,
            coalesce(sum(amount) FILTER (WHERE kind = 'processor_fees'), 0) AS fees_of_platform,
            coalesce(sum(amount) FILTER (WHERE kind = 'tax_payable'), 0) AS to_tax
          FROM ledger_transaction AS posted
          JOIN ledger_entry ON transaction_id = posted.id
          JOIN (SELECT id AS held_id, kind FROM ledger_account) AS held ON held_id = account_id
          WHERE posted.sale_id = sale.id AND leg = 'sale'
          HAVING count(*) > 0
        ) AS entered ON true
        WHERE (to_balance, to_creator, fees_of_creator, to_platform, fees_of_platform, to_tax)
          IS DISTINCT FROM
          (settled_amount - fee, -creator_amount, creator_fee, -platform_amount, platform_fee, -settled_tax)
        """,
    ),
    Invariant(
        "ledger.every_refund_is_posted",
        "Every refund is in the ledger, and a sale says how much of it was given back.",
        """
        SELECT format('refund %s', stripe_refund_id) AS what FROM refund
        WHERE settled_amount <> 0 AND NOT EXISTS (
          SELECT FROM ledger_transaction WHERE source_type = 'refund' AND source_id = stripe_refund_id
        )
        UNION ALL
        SELECT format('sale %s says %s refunded, its refunds %s', sale.id, refunded, coalesce(given, 0))
        FROM sale LEFT JOIN (SELECT sale_id, sum(amount) AS given FROM refund GROUP BY 1) AS refunds
          ON sale_id = sale.id
        WHERE refunded <> coalesce(given, 0)
        """,
    ),
)

METER = (
    Invariant(
        "meter.reserved",
        "What a counter has reserved is what is held against it.",
        """
        WITH held AS (
          SELECT hold.subject, month, sum(hold.amount) AS amount FROM reservation,
            unnest(hold_subjects, hold_amounts) AS hold (subject, amount)
          WHERE state = 'held' GROUP BY hold.subject, month
        )
        SELECT format('counter %s of %s: %s, held %s', subject_id, c.month, reserved, coalesce(amount, 0))
          AS what
        FROM spend_counter AS c LEFT JOIN held ON held.subject = c.subject_id AND held.month = c.month
        WHERE reserved <> coalesce(amount, 0)
        """,
    ),
    Invariant(
        "meter.spent",
        "What an organization or a key has spent in a month is the sum of its usage events.",
        """
        WITH events AS (
          SELECT subject_id, month, sum(amount) AS amount
          FROM usage_event, unnest(ARRAY[organization_id, key_id]) AS subject_id GROUP BY 1, 2
        ), counters AS (
          SELECT * FROM spend_counter WHERE EXISTS (SELECT FROM organization WHERE id = subject_id)
            OR EXISTS (SELECT FROM api_key WHERE id = subject_id)
        )
        SELECT format('%s in %s: counter %s, events %s', subject_id, month, spent, amount) AS what
        FROM events FULL JOIN counters USING (subject_id, month)
        WHERE coalesce(spent, 0) <> coalesce(amount, 0)
        """,
    ),
    Invariant(
        "meter.calls",
        "Every settled metered call has its usage event, and no other call has one.",
        """
        SELECT format('call %s is %s with %s units for %s, its event %s for %s',
          id, state, r.units, r.amount, event.units, event.amount) AS what
        FROM reservation AS r LEFT JOIN usage_event AS event
          ON call_id = id AND event.meter = r.meter AND event.month = r.month
        WHERE r.organization_id IS NOT NULL
          AND CASE WHEN state <> 'settled' THEN call_id IS NOT NULL
              ELSE (r.units, r.amount) IS DISTINCT FROM (event.units, event.amount) END
        """,
    ),
    Invariant(
        "meter.answers",
        "A metered answer says what its usage event says.",
        """
        SELECT format('answer %s says %s units, its event %s', id, billed_units, coalesce(units, 0)) AS what
        FROM answer LEFT JOIN usage_event ON call_id = id AND meter = 'answers'
        WHERE answer.organization_id IS NOT NULL AND billed_units <> coalesce(units, 0)
        """,
    ),
    Invariant(
        "meter.answers_end",
        "An answer that runs has a reservation that holds.",
        """
        SELECT format('answer %s runs since %s', id, created_at) AS what FROM answer
        WHERE status = 'running' AND created_at < zhihao_now() - :pending
          AND NOT EXISTS (SELECT FROM reservation WHERE reservation.id = answer.id AND state = 'held')
        """,
    ),
    Invariant(
        "meter.no_stale_reservation",
        "No reservation outlives its expiry.",
        """
        SELECT format('reservation %s expired at %s', id, expires_at) AS what FROM reservation
        WHERE state = 'held' AND expires_at < zhihao_now() - :pending
        """,
    ),
    Invariant(
        "meter.buckets",
        "Each hour's bucket is the sum of its usage events.",
        """
        WITH events AS (
          SELECT organization_id, meter, date_trunc('hour', at, 'UTC') AS hour, sum(units) AS units
          FROM usage_event GROUP BY 1, 2, 3
        )
        SELECT format('%s %s at %s: bucket %s, events %s', organization_id, meter, hour, total, units) AS what
        FROM events FULL JOIN usage_bucket USING (organization_id, meter, hour)
        WHERE meter IN ('passages', 'answers') AND total IS DISTINCT FROM units
        """,
    ),
    Invariant(
        "meter.creator_prices",
        "Each hour's bucket of what creators ask on top is what its calls came to beyond the unit.",
        """
        WITH calls AS (
          SELECT organization_id, date_trunc('hour', created_at, 'UTC') AS hour,
                 sum(amount - unit_price) AS on_top
          FROM reservation WHERE state = 'settled' AND organization_id IS NOT NULL GROUP BY 1, 2
        ), buckets AS (SELECT * FROM usage_bucket WHERE meter = 'creator_prices')
        SELECT format('%s at %s: bucket %s, calls %s', organization_id, hour, total, on_top) AS what
        FROM calls FULL JOIN buckets USING (organization_id, hour)
        WHERE coalesce(total, 0) <> coalesce(on_top, 0)
        """,
    ),
    Invariant(
        "meter.shares",
        "The shares of a usage event sum back to it.",
        """
        SELECT format('call %s: event %s, shares %s', call_id, event.amount, sum(share.amount)) AS what
        FROM usage_event AS event LEFT JOIN usage_share AS share USING (call_id, meter, month)
        GROUP BY call_id, event.amount, event.units
        HAVING (event.amount, event.units) IS DISTINCT FROM (sum(share.amount), sum(share.units))
        """,
    ),
    Invariant(
        "meter.reported",
        "What is metered reaches the processor.",
        """
        SELECT format('%s %s at %s: %s', organization_id, meter, hour, coalesce(rejected, 'not sent')) AS what
        FROM usage_bucket WHERE rejected IS NOT NULL
          OR (due AND hour < zhihao_now() - interval '1 hour' - :pending)
        """,
    ),
)

RIGHTS = (
    Invariant(
        "grants.of_subscriptions",
        "An active subscription has its grant, and an ended one has none.",
        """
        SELECT format('subscription %s is %s', subscription.id, status) AS what FROM subscription
        LEFT JOIN access_grant AS held
          ON held.source = 'subscription' AND held.source_id = subscription.id AND held.revoked_at IS NULL
          AND coalesce(held.ends_at, 'infinity') > zhihao_now()
        WHERE (status IN ('active', 'trialing') AND current_period_end > zhihao_now() AND held.id IS NULL)
           OR (status IN ('canceled', 'unpaid', 'incomplete_expired') AND held.id IS NOT NULL
               AND ended_at <= zhihao_now())
        """,
    ),
    Invariant(
        "grants.have_a_source",
        "A grant has the subscription or the sale it came from, and a pass given back whole opens nothing.",
        """
        SELECT format('grant %s of %s %s', held.id, source, source_id) AS what FROM access_grant AS held
        LEFT JOIN subscription ON subscription.id = source_id AND source = 'subscription'
        LEFT JOIN sale ON sale.id = source_id AND source = 'pass' AND sale.kind = 'pass'
        WHERE (source = 'subscription' AND subscription.id IS NULL)
           OR (source = 'pass' AND (sale.id IS NULL
               OR (sale.refunded >= sale.amount AND revoked_at IS NULL)))
        """,
    ),
    Invariant(
        "grants.of_passes",
        "Every pass that was sold has its grant.",
        """
        SELECT format('pass %s of charge %s', id, stripe_charge_id) AS what FROM sale
        WHERE kind = 'pass' AND created_at < zhihao_now() - :pending
          AND NOT EXISTS (SELECT FROM access_grant WHERE source = 'pass' AND source_id = sale.id)
        """,
    ),
    Invariant(
        "inbox.worked",
        "Every webhook that was stored is worked.",
        """
        SELECT format('%s %s is %s after %s attempts', id, type, status, attempts) AS what FROM stripe_event
        WHERE status = 'dead'
           OR (status = 'stored' AND received_at < now() - :pending AND attempts = 0)
        """,
    ),
)

TEXTS = (
    Invariant(
        "citations.verbatim",
        "A citation is its revision's text, word for word (the newest thousand answers).",
        """
        WITH newest AS (
          SELECT id, citations FROM answer WHERE jsonb_array_length(citations) > 0 ORDER BY id DESC LIMIT 1000
        ), cited AS (
          SELECT newest.id, (c ->> 'revision_id')::uuid AS revision_id, (c ->> 'start')::int AS first,
                 (c ->> 'end')::int AS last, c ->> 'quote' AS quote,
                 c ->> 'sha256' AS sha256
          FROM newest, jsonb_array_elements(citations) AS c
        )
        SELECT format('answer %s cites %s [%s, %s)', cited.id, revision_id, first, last) AS what
        FROM cited LEFT JOIN revision ON revision.id = revision_id
        WHERE substr(revision.text, first + 1, last - first) IS DISTINCT FROM quote
           OR encode(sha256(convert_to(quote, 'UTF8')), 'hex') IS DISTINCT FROM cited.sha256
        """,
    ),
    Invariant(
        "knowledge.counts",
        "A knowledge base's document counts are those of its documents.",
        """
        SELECT format('%s says %s paid, %s free; has %s, %s', id, paid_documents, free_documents, paid, free)
          AS what
        FROM knowledge_base LEFT JOIN LATERAL (
          SELECT count(*) FILTER (WHERE tier = 'paid') AS paid, count(*) FILTER (WHERE tier = 'free') AS free
          FROM document
          WHERE knowledge_base_id = knowledge_base.id AND status = 'ready' AND document.deleted_at IS NULL
        ) AS counted ON true
        WHERE knowledge_base.deleted_at IS NULL AND (paid_documents, free_documents) <> (paid, free)
        """,
    ),
)

WORK = (
    Invariant(
        "work.jobs",
        "No job was given up.",
        """
        SELECT format('%s %s after %s attempts', task_name, id, attempts) AS what FROM procrastinate_jobs
        WHERE status = 'failed' AND task_name NOT LIKE 'periodic.%'
        """,
    ),
    Invariant(
        "work.imports",
        "An import that has not ended has a job that will end it.",
        """
        SELECT format('import %s is %s', id, status) AS what FROM import_job
        WHERE status IN ('queued', 'running') AND NOT EXISTS (
          SELECT FROM procrastinate_jobs AS job
          WHERE job.args ->> 'import_id' = import_job.id::text AND job.status IN ('todo', 'doing')
        )
        """,
    ),
    Invariant(
        "work.documents",
        "A document that is not ready has a job that will make it so.",
        """
        SELECT format('document %s is %s', id, status) AS what FROM document
        WHERE status IN ('queued', 'parsing', 'indexing') AND deleted_at IS NULL
          AND EXISTS (SELECT FROM knowledge_base AS base
                      WHERE base.id = knowledge_base_id AND base.deleted_at IS NULL)
          AND NOT EXISTS (
            SELECT FROM procrastinate_jobs AS job
            WHERE job.args ->> 'document_id' = document.id::text AND job.status IN ('todo', 'doing')
          ) AND NOT EXISTS (
            SELECT FROM import_entry JOIN import_job ON import_job.id = import_id
            WHERE import_entry.document_id = document.id AND import_job.status IN ('queued', 'running')
          )
        """,
    ),
)

# No foreign key crosses rooms; these find what one would have refused.
_REFERENCES = (
    ("knowledge_base", "owner_id", "account"),
    ("access_grant", "account_id", "account"),
    ("access_grant", "knowledge_base_id", "knowledge_base"),
    ("subscription", "account_id", "account"),
    ("subscription", "knowledge_base_id", "knowledge_base"),
    ("plan", "knowledge_base_id", "knowledge_base"),
    ("contract", "organization_id", "organization"),
    ("usage_event", "organization_id", "organization"),
    ("usage_event", "key_id", "api_key"),
    ("answer", "account_id", "account"),
)

ORPHANS = tuple(
    Invariant(
        f"orphans.{table}.{column}",
        f"Every {column} of {table} exists.",
        f"SELECT DISTINCT format('%s', {column}) AS what FROM {table} WHERE {column} IS NOT NULL"  # noqa: S608 - the names above
        f" AND NOT EXISTS (SELECT FROM {other} WHERE {other}.id = {table}.{column})",
    )
    for table, column, other in _REFERENCES
)

INVARIANTS = (*LEDGER, *METER, *RIGHTS, *TEXTS, *WORK, *ORPHANS)
