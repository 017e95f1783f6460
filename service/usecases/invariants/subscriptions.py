"""Subscriptions, what they are to become, and what their holders agreed to."""

from service.usecases.invariants.invariant import Invariant

SUBSCRIPTIONS = (
    Invariant(
        "subscriptions.one_a_reader",
        "A reader has one running subscription to a knowledge base.",
        """
        SELECT format('account %s has %s at %s', account_id, count(*), knowledge_base_id) AS what
        FROM subscription
        WHERE status IN ('active', 'trialing', 'past_due', 'unpaid', 'paused')
        GROUP BY account_id, knowledge_base_id
        HAVING count(*) > 1 AND max(created_at) < zhihao_now() - :pending
        """,
    ),
    Invariant(
        "subscriptions.at_a_price_of_their_plan",
        "A subscription pays a price of its plan.",
        """
        SELECT format('subscription %s of plan %s pays %s', subscription.id, subscription.plan_id, price_id)
          AS what
        FROM subscription LEFT JOIN plan_price
          ON plan_price.id = price_id AND plan_price.plan_id = subscription.plan_id
        WHERE plan_price.id IS NULL
        """,
    ),
    Invariant(
        "subscriptions.late_ones_have_grace",
        "A subscription whose payment failed says since when, and its grant ends no earlier.",
        """
        SELECT format('subscription %s, past due since %s', subscription.id, past_due_since) AS what
        FROM subscription
        LEFT JOIN access_grant AS held
          ON held.source = 'subscription' AND held.source_id = subscription.id
        WHERE status = 'past_due'
          AND (past_due_since IS NULL OR held.id IS NULL OR held.ends_at < past_due_since)
        """,
    ),
    Invariant(
        "changes.end_with_their_subscription",
        "What has ended is not to become anything.",
        """
        SELECT format('change %s of subscription %s is %s', change.id, subscription.id, change.status) AS what
        FROM plan_change AS change JOIN subscription ON subscription.id = subscription_id
        WHERE change.status IN ('asking', 'unpaid', 'pending', 'scheduled')
          AND subscription.status IN ('canceled', 'incomplete_expired')
        """,
    ),
    Invariant(
        "changes.come_in_time",
        "A change that was asked is answered, and one that was scheduled is made.",
        """
        SELECT format('change %s of subscription %s is %s', id, subscription_id, status) AS what
        FROM plan_change
        WHERE (status = 'asking' AND created_at < zhihao_now() - interval '1 hour' - :pending)
           OR (status = 'scheduled' AND effective_at < zhihao_now() - interval '1 day' - :pending)
           OR (status = 'pending' AND told_at IS NULL
               AND created_at < zhihao_now() - interval '1 hour' - :pending)
        """,
    ),
    Invariant(
        "changes.after_notice",
        "Nobody pays another price before being told, nor a dearer one before the notice is over.",
        """
        SELECT format('change %s of subscription %s', id, subscription_id) AS what FROM plan_change
        WHERE kind = 'reprice' AND status IN ('scheduled', 'applied')
          AND (told_at IS NULL OR coalesce(effective_at, finished_at) < not_before)
        """,
    ),
    Invariant(
        "checkouts.agreed",
        "Who paid agreed to what was shown.",
        """
        SELECT format('checkout %s', id) AS what FROM checkout
        WHERE status = 'complete' AND terms IS NOT NULL AND agreed_at IS NULL
        """,
    ),
)
