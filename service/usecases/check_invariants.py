"""``zhihao doctor``: checks on live data that what must always hold, holds.

Each check is one statement that returns what breaks it; no rows is good. All run in one snapshot, so that
they may run beside a live service, and none looks at what is merely pending: work that is younger than
``PENDING`` is somebody's to finish.
"""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import text

from service.usecases.context import Context

PENDING = timedelta(minutes=5)
SHOWN = 20


@dataclass(frozen=True)
class Invariant:
    """``faults`` selects one text column ``what``: a line for each fault."""

    name: str
    sentence: str
    faults: str


@dataclass(frozen=True)
class Finding:
    """What one check found: nothing, or up to ``SHOWN`` faults."""

    name: str
    sentence: str
    faults: tuple[str, ...]


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
        "What an organization has spent in a month is the sum of its usage events.",
        """
        SELECT format('%s in %s: counter %s, events %s', subject_id, month, spent, amount) AS what
        FROM (
          SELECT organization_id AS subject_id, month, sum(amount) AS amount FROM usage_event GROUP BY 1, 2
        ) AS events LEFT JOIN spend_counter USING (subject_id, month)
        WHERE spent IS DISTINCT FROM amount
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
        "meter.shares",
        "The shares of a usage event sum back to it.",
        """
        SELECT format('call %s: event %s, shares %s', call_id, event.amount, sum(share.amount)) AS what
        FROM usage_event AS event JOIN usage_share AS share USING (call_id, meter, month)
        GROUP BY call_id, event.amount HAVING sum(share.amount) <> event.amount
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
                 (c ->> 'end')::int AS last, c ->> 'quote' AS quote
          FROM newest, jsonb_array_elements(citations) AS c
        )
        SELECT format('answer %s cites %s [%s, %s)', cited.id, revision_id, first, last) AS what
        FROM cited LEFT JOIN revision ON revision.id = revision_id
        WHERE substr(revision.text, first + 1, last - first) IS DISTINCT FROM quote
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

INVARIANTS = (*LEDGER, *METER, *RIGHTS, *TEXTS, *ORPHANS)


async def check_invariants(context: Context) -> list[Finding]:
    """Runs every check and returns what each found, in order."""
    findings = []
    async with context.database.transaction() as session:
        await session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        for invariant in INVARIANTS:
            # The doctor reads all of history; nothing else does.
            result = await session.execute(text(f"{invariant.faults} LIMIT {SHOWN}"), {"pending": PENDING})
            findings.append(
                Finding(invariant.name, invariant.sentence, tuple(str(row.what) for row in result))
            )
    return findings
