"""Grants are what subscriptions and sales say."""

from billing.entitlements.deriving import FAULTS
from service.usecases.invariants.invariant import Invariant

GRANTS = (
    Invariant(
        "grants.of_subscriptions",
        "An active subscription has its grant, unless a bank took its payment back; an ended one has none.",
        """
        SELECT format('subscription %s is %s', subscription.id, status) AS what FROM subscription
        LEFT JOIN access_grant AS held
          ON held.source = 'subscription' AND held.source_id = subscription.id AND held.revoked_at IS NULL
          AND coalesce(held.ends_at, 'infinity') > zhihao_now()
        WHERE (status IN ('active', 'trialing') AND current_period_end > zhihao_now() AND held.id IS NULL
               AND NOT EXISTS (
                 SELECT FROM sale WHERE sale.subscription_id = subscription.id AND disputed > 0
                   AND sale.period_end > subscription.current_period_start
               ))
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
        "grants.recomputed",
        "Grants computed again from subscriptions, sales, refunds and creators' words are those there are"
        " (`zhihao recompute-grants --fix` makes them so).",
        f"SELECT what FROM ({FAULTS}) AS fault",  # noqa: S608 - the derivation's own statement
    ),
)
