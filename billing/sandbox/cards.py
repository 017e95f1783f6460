"""Stripe's test cards: what each number does, and the tokens that stand for them."""

from dataclasses import dataclass
from typing import Literal

from billing.sandbox.config import DAY
from billing.sandbox.shape import Body, build, new_id

Outcome = Literal["pays", "declined", "authenticates", "settles", "bounces"]
"""The last two are of a bank debit: the payment is on its way, and is decided later."""


@dataclass(frozen=True)
class Card:
    """A test number; ``debit`` for a bank account's.

    ``later`` is what it does when its owner is not there (a renewal).
    """

    number: str
    brand: str = "visa"
    now: Outcome = "pays"
    later: Outcome = "pays"
    decline_code: str = "generic_decline"
    disputed: bool = False
    inquiry: bool = False
    available_after: int = 2 * DAY
    debit: bool = False


CARDS = {
    card.number: card
    for card in (
        Card("4242424242424242"),
        Card("4000056655665556"),
        Card("5555555555554444", "mastercard"),
        Card("378282246310005", "amex"),
        Card("6200000000000005", "unionpay"),
        Card("4000001560000002"),
        Card("4000000000000002", now="declined", later="declined"),
        Card("4000000000009995", now="declined", later="declined", decline_code="insufficient_funds"),
        Card("4000000000009987", now="declined", later="declined", decline_code="lost_card"),
        Card("4000000000000069", now="declined", later="declined", decline_code="expired_card"),
        Card("4000000000000127", now="declined", later="declined", decline_code="incorrect_cvc"),
        Card("4000000000000119", now="declined", later="declined", decline_code="processing_error"),
        Card("4000000000000341", later="declined"),
        Card("4000002500003155", now="authenticates"),
        Card("4000002760003184", now="authenticates", later="authenticates"),
        Card("4000000000003220", now="authenticates", later="authenticates"),
        Card("4000000000000077", available_after=0),
        Card("4000000000000259", disputed=True),
        Card("4000000000001976", disputed=True, inquiry=True),
        Card("4000000000002685", disputed=True),
        Card("AT611904300234573201", "sepa", "settles", "settles", debit=True),
        Card("AT861904300235473202", "sepa", "bounces", "bounces", debit=True),
        Card("AT321904300235473204", "sepa", "settles", "settles", debit=True),
        Card("IT60X0542811101000000123456", "sepa", "bounces", "bounces", debit=True),
    )
}

TOKENS = {
    "pm_card_visa": "4242424242424242",
    "pm_card_visa_debit": "4000056655665556",
    "pm_card_mastercard": "5555555555554444",
    "pm_card_amex": "378282246310005",
    "pm_card_unionpay": "6200000000000005",
    "pm_card_cn": "4000001560000002",
    "pm_card_chargeDeclined": "4000000000000002",
    "pm_card_visa_chargeDeclined": "4000000000000002",
    "pm_card_chargeDeclinedInsufficientFunds": "4000000000009995",
    "pm_card_visa_chargeDeclinedInsufficientFunds": "4000000000009995",
    "pm_card_chargeDeclinedLostCard": "4000000000009987",
    "pm_card_chargeDeclinedExpiredCard": "4000000000000069",
    "pm_card_chargeDeclinedIncorrectCvc": "4000000000000127",
    "pm_card_chargeDeclinedProcessingError": "4000000000000119",
    "pm_card_chargeCustomerFail": "4000000000000341",
    "pm_card_authenticationRequiredOnSetup": "4000002500003155",
    "pm_card_authenticationRequired": "4000002760003184",
    "pm_card_threeDSecure2Required": "4000000000003220",
    "pm_card_bypassPending": "4000000000000077",
    "pm_card_createDispute": "4000000000000259",
    "pm_card_createDisputeInquiry": "4000000000001976",
    "pm_sepaDebit_succeed": "AT611904300234573201",
    "pm_sepaDebit_fail": "AT861904300235473202",
}

REASONS = {
    "generic_decline": ("card_declined", "Your card was declined."),
    "insufficient_funds": ("card_declined", "Your card has insufficient funds."),
    "lost_card": ("card_declined", "Your card was declined."),
    "expired_card": ("expired_card", "Your card has expired."),
    "incorrect_cvc": ("incorrect_cvc", "Your card's security code is incorrect."),
    "debit_failed": ("payment_method_provider_decline", "The customer's bank refused the debit."),
    "processing_error": ("processing_error", "An error occurred while processing your card."),
    "authentication_failed": (
        "payment_intent_authentication_failure",
        "We are unable to authenticate your payment method. Please choose a different one and try again.",
    ),
    "authentication_required": (
        "authentication_required",
        "Your card was declined. This transaction requires authentication.",
    ),
}
"""By decline code: the error's code, and what it says."""


def card_of(method: Body) -> Card:
    """The test card behind a payment method."""
    return CARDS[method["_card"]]


def new_method(number: str, now: int, *, email: str | None = None, name: str | None = None) -> Body:
    """A payment method for a test number, not written yet. ``KeyError`` for a number that is none."""
    card = CARDS[number]
    address = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))
    kind: Body = {"type": "card", "card": card_details(card)}
    if card.debit:
        kind = {"type": "sepa_debit", "sepa_debit": {**debit_details(card), "generated_from": None}}
    return build(
        "payment_method",
        id=new_id("pm"),
        allow_redisplay="unspecified",
        billing_details={"address": address, "email": email, "name": name, "phone": None, "tax_id": None},
        created=now,
        customer=None,
        customer_account=None,
        livemode=False,
        metadata={},
        _card=number,
        **kind,
    )


def debit_details(card: Card) -> Body:
    """What is shown of a bank account."""
    return {
        "bank_code": card.number[4:9],
        "branch_code": None,
        "country": card.number[:2],
        "fingerprint": f"sandbox{card.number[-9:]}",
        "last4": card.number[-4:],
    }


def card_details(card: Card) -> Body:
    """A payment method's ``card``."""
    return {
        "brand": card.brand,
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
        "country": "CN" if card.number == "4000001560000002" else "US",
        "display_brand": card.brand,
        "exp_month": 12,
        "exp_year": 2034,
        "fingerprint": f"sandbox{card.number[-9:]}",
        "funding": "credit",
        "generated_from": None,
        "last4": card.number[-4:],
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }
