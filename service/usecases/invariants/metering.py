"""Metered calls, their counters, their shares, and what reaches the processor."""

from service.usecases.invariants.invariant import Invariant

METERING = (
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
        quick=True,
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
                 sum(amount - CASE WHEN included THEN 0 ELSE unit_price END) AS on_top
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
        quick=True,
    ),
    Invariant(
        "meter.included",
        "No call of a month is billed while an included unit of it is left, and none too many is free.",
        """
        WITH calls AS (
          SELECT organization_id, meter, month, max(included_limit) AS allowed,
            count(*) FILTER (WHERE included) AS free, count(*) FILTER (WHERE NOT included) AS billed,
            count(DISTINCT included_limit) AS terms, max(ended_at) AS last
          FROM reservation WHERE state = 'settled' AND organization_id IS NOT NULL GROUP BY 1, 2, 3
        )
        SELECT format('%s %s in %s: %s free and %s billed of %s included',
          organization_id, meter, calls.month, free, billed, allowed) AS what
        FROM calls JOIN contract USING (organization_id)
        -- Under two contracts in one month there are two allowances.
        WHERE terms = 1 AND contract.started_at < calls.month AND last < zhihao_now() - :pending
          AND (free > allowed OR (billed > 0 AND free < allowed))
          AND NOT EXISTS (SELECT FROM reservation r WHERE r.organization_id = calls.organization_id
            AND r.meter = calls.meter AND r.month = calls.month AND r.state = 'held')
        """,
    ),
    Invariant(
        "meter.counted",
        "What was told to the processor is what it counted.",
        """
        SELECT format('%s %s since %s: sent %s, counted %s',
          organization_id, meter, period_start, ours, theirs) AS what
        FROM usage_check WHERE ours <> theirs
        """,
        quick=True,
    ),
)
