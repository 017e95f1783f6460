"""What was announced is told to whoever listens, and what was written is sent."""

from service.usecases.invariants.invariant import Invariant

OUTGOING = (
    Invariant(
        "outgoing.placed",
        "Every event has its place in the order of commits.",
        """
        SELECT format('event %s, %s, of %s', id, type, at) AS what FROM outgoing_event
        WHERE position IS NULL AND endpoint_id IS NULL AND at < zhihao_now() - :pending
        """,
        quick=True,
    ),
    Invariant(
        "outgoing.queued",
        "Every event has a delivery to each endpoint that listens for it (those of the last day).",
        """
        SELECT format('event %s, %s, to endpoint %s', event.id, event.type, endpoint.id) AS what
        FROM outgoing_event AS event JOIN webhook_endpoint AS endpoint
          ON endpoint.account_id = event.account_id OR endpoint.organization_id = event.organization_id
        WHERE event.at > zhihao_now() - interval '1 day' AND event.position IS NOT NULL
          AND event.at > endpoint.listens_since + :pending
          AND endpoint.enabled AND endpoint.deleted_at IS NULL
          AND (endpoint.types IS NULL OR event.type = ANY (endpoint.types))
          AND NOT EXISTS (SELECT FROM webhook_delivery AS delivery
                          WHERE delivery.event_id = event.id AND delivery.endpoint_id = endpoint.id)
        """,
        quick=True,
    ),
    Invariant(
        "outgoing.tried",
        "No delivery to an enabled endpoint is overdue, but for those that wait for one before them.",
        """
        SELECT format('delivery %s to endpoint %s, due %s', late.id, endpoint_id, next_at) AS what
        FROM webhook_delivery AS late JOIN webhook_endpoint AS endpoint ON endpoint.id = endpoint_id
        WHERE state = 'waiting' AND next_at < now() - :pending AND enabled AND deleted_at IS NULL
          AND NOT EXISTS (
            SELECT FROM webhook_delivery AS earlier
            WHERE earlier.endpoint_id = late.endpoint_id AND earlier.object_id = late.object_id
              AND earlier.state = 'waiting' AND earlier.sequence < late.sequence
          )
        """,
        quick=True,
    ),
    Invariant(
        "mail.sent",
        "No letter is stuck, and none was given up (in the last day).",
        """
        SELECT format('letter %s, %s, is %s after %s attempts', id, kind, state, attempts) AS what FROM letter
        WHERE (state = 'waiting' AND next_at < now() - :pending)
           OR (state = 'dead' AND finished_at > now() - interval '1 day')
        """,
        quick=True,
    ),
)
