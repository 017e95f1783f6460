"""Sales are in the ledger, share by share."""

from service.usecases.invariants.invariant import Invariant

SALES = (
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
)
