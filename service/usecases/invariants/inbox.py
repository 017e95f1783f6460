"""What the processor told us is worked."""

from service.usecases.invariants.invariant import Invariant

INBOX = (
    Invariant(
        "inbox.worked",
        "Every webhook that was stored is worked.",
        """
        SELECT format('%s %s is %s after %s attempts', id, type, status, attempts) AS what FROM stripe_event
        WHERE status = 'dead'
           OR (status = 'stored' AND received_at < now() - :pending AND attempts = 0)
        """,
        quick=True,
    ),
)
