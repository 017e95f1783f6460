"""What a buyer agrees to by paying: shown beside the button, in both languages, and kept as it was shown."""

from typing import Literal

from billing.money import Money

SUCCESS = "/checkout/success?session_id={CHECKOUT_SESSION_ID}"
"""Where a page leads back to; Stripe puts the session's id in."""

LONGEST = 1200
"""What Stripe shows."""

_EVERY = {"month": ("每月", "a month"), "year": ("每年", "a year")}


def subscription_terms(price: Money, interval: Literal["month", "year"], *, trial_days: int) -> str:
    """Of what renews by itself."""
    chinese, english = _EVERY[interval]
    free = (
        (f"前 {trial_days} 天免费。", f" The first {trial_days} days are free.") if trial_days else ("", "")
    )
    return (
        f"自动续期：{chinese} {price}（含税），直到你取消；{free[0]}可以随时取消，已付的当期仍可用到期满。"
        "数字内容付款后立即提供：你同意立即开始，并知道因此不再有撤回权。\n"
        f"Renews by itself at {price} {english}, tax included, until you cancel; what is paid for then runs"
        f" out.{free[1]} Digital content is provided at once: you agree to that, and know that you thereby"
        " lose the right of withdrawal."
    )


def pass_terms(price: Money, days: int) -> str:
    """Of what is paid for once."""
    return (
        f"一次付款 {price}（含税），{days} 天内有效，不会续期。"
        "数字内容付款后立即提供：你同意立即开始，并知道因此不再有撤回权。\n"
        f"One payment of {price}, tax included, for {days} days; it does not renew. Digital content is"
        " provided at once: you agree to that, and know that you thereby lose the right of withdrawal."
    )


def tip_terms() -> str:
    """Of what buys nothing."""
    return (
        "打赏是自愿的赠与，不换取任何内容。\nA tip is a gift: it is given freely and buys nothing in return."
    )
