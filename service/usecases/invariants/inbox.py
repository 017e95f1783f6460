"""What the processor told us is worked, and in the version that is read here."""

from billing.processor.stripe_events import API_VERSION
from service.usecases.invariants.invariant import Invariant

INBOX = (
    Invariant(
        "inbox.worked",
        "Every webhook that was stored is worked.",
        """
        SELECT format('%s %s is %s after %s attempts', id, type, status, attempts) AS what FROM stripe_event
        WHERE status = 'dead'
           OR (status = 'stored' AND received_at < now() - :pending AND attempts = 0)
           OR (status = 'stored' AND received_at < now() - interval '1 day')
        """,
        quick=True,
    ),
    Invariant(
        "inbox.api_version",
        "Webhooks come in the API version that is read here (those of the last day).",
        f"""
        SELECT format('%s of %s events, such as %s', api_version, count(*), max(id)) AS what
        FROM stripe_event
        WHERE api_version <> '{API_VERSION}' AND received_at > now() - interval '1 day' GROUP BY api_version
        """,  # noqa: S608 - the SDK's own constant
    ),
)
