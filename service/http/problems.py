"""Every error a caller can meet: which status, which code, which title.

One table for the whole service. The class of an exception decides; the sentence of the exception itself is
the ``detail``. An exception may carry

- ``extensions``: a dict of further members of the problem (such as ``plans``),
- ``headers``: a dict of response headers (such as ``Retry-After``),
- ``errors``: pairs of a pointer and a sentence, for bad input; or one ``pointer``, with its own sentence.

A subclass of a listed class is answered as that class. What is not listed is a 500 without a word of why.
"""

from dataclasses import dataclass

import psycopg
import sqlalchemy.exc

from billing.entitlements.grants import GrantNotFound
from billing.metering.contracts import ContractExists
from billing.metering.reservations import ReservationExpired
from billing.metering.statements import InvoiceNotFound
from billing.payouts.accounts import CountryFixed, PayoutsManual, SalesStopped
from billing.payouts.manual import BatchNotFound, BatchPaid, NothingToPay, PayoutNotOpen
from billing.payouts.reach import InvalidCountry
from billing.plans.catalog import InvalidPlan, PlanNotFound
from billing.plans.pricing import InvalidAmount
from billing.processor.port import ProcessorRefused, ProcessorUnavailable
from billing.processor.stripe_events import InvalidEvent
from billing.rates.take import InvalidRate
from billing.refunds.disputes import DisputeClosed, DisputeNotFound
from billing.refunds.giving import ChargeDisputed, InvalidRefund, NothingToRefund, RefundTooLarge
from billing.refunds.requests import RefundAlreadyRequested, RefundRequestClosed, RefundRequestNotFound
from billing.refunds.taking import SaleNotFound
from billing.shares.pools import InvalidPoolRate
from billing.subscriptions.projecting import AlreadySubscribed, SubscriptionNotFound
from billing.tips.giving import TipRefused
from search.engine.port import EngineUnavailable
from service.access.admission import (
    ContractRequired,
    EntitlementRequired,
    KeyRejected,
    KnowledgeBaseUnavailable,
    PaymentRequired,
    RateLimited,
    ScopeMissing,
    SpendCapReached,
)
from service.accounts.api_keys import InvalidKey, KeyNotFound, TooManyKeys
from service.accounts.attempts import AttemptUnknown
from service.accounts.email_tokens import InvalidEmailToken
from service.accounts.exports import ExportNotFound
from service.accounts.identities import IdentityNotFound, IdentityTaken
from service.accounts.invitations import InvitationClosed, InvitationNotFound
from service.accounts.organizations import (
    AlreadyMember,
    LastOwner,
    MemberNotFound,
    OrganizationNotFound,
    RoleMissing,
    TooManyMembers,
)
from service.accounts.passwords import InvalidPassword, PasswordsBusy
from service.accounts.people import AccountNotFound, AccountSuspended, EmailTaken, InvalidEmail
from service.accounts.reports import ReportNotFound
from service.accounts.sessions import RefreshRejected, SessionNotFound
from service.accounts.tokens import NotSignedIn
from service.answering.answers import AnswerNotFound
from service.answering.conversations import ConversationNotFound
from service.answering.model import ModelUnavailable
from service.answering.receipts import ReceiptNotFound
from service.http.inputs import InvalidInput, UnreadableAddress, UnsupportedMediaType
from service.http.keys import KeyMissing
from service.http.login import OperatorOnly
from service.http.oidc import ProviderUnavailable, ProviderUnknown, SignInRefused
from service.http.paging import InvalidCursor
from service.knowledge.documents import DocumentNotFound, TooManyDocuments
from service.knowledge.editions import InvalidEdition
from service.knowledge.imports import ImportNotFound
from service.knowledge.knowledge_bases import KnowledgeBaseNotFound, RightsNotDeclared
from service.knowledge.packaging.kept import NothingToPackage, PackagingNotFound, PackagingUnfinished
from service.knowledge.profiles import HandleTaken, InvalidHandle, ProfileNotFound
from service.knowledge.revisions import RevisionNotFound
from service.knowledge.sources.following import SourceNotFound
from service.outgoing.endpoints import EndpointDisabled, EndpointNotFound, InvalidEndpoint, TooManyEndpoints
from service.outgoing.log import DeliveryNotFound
from service.platform.batcher import Overloaded
from service.platform.blobs import BlobsUnavailable
from service.platform.idempotency import IdempotencyConflict, IdempotencyInProgress
from service.usecases.change_subscription import NotOnSale, PlanChangeRefused, SubscriptionEnded
from service.usecases.edit_packaging import UnansweredQuestion
from service.usecases.erase_account import OwnsOrganization, OwnsPublished
from service.usecases.grant_access import InvalidGrant
from service.usecases.hold_lane import LaneBusy
from service.usecases.import_links import InvalidAddress
from service.usecases.moderate import OperatorsStay, SuspendedFreeze
from service.usecases.open_payout_account import LinkBroken
from service.usecases.read_creator import CreatorNotFound
from service.usecases.read_statements import StatementNotFound
from service.usecases.running_answer import AnswerInterrupted
from service.usecases.search_square import InvalidPosition
from service.usecases.send_tip import TooManyTips
from service.usecases.set_spend_cap import InvalidSpendCap
from service.usecases.sign_in import WrongCredentials
from service.usecases.sign_in_elsewhere import EmailUnproven, LastSignIn, LinkRequired
from service.usecases.start_subscription import CheckoutReplaced, OwnKnowledgeBase
from service.usecases.work_dead_letters import DeadLetterNotFound


@dataclass(frozen=True)
class Problem:
    """How an error is answered. ``code`` is stable: programs may rely on it."""

    status: int
    code: str
    title: str


PROBLEMS: dict[type[Exception], Problem] = {
    # --- what was sent ----------------------------------------------------------------------------
    InvalidInput: Problem(400, "invalid_input", "The request is not valid"),
    InvalidCursor: Problem(400, "invalid_cursor", "The cursor is not valid"),
    UnreadableAddress: Problem(404, "not_found", "Not found"),
    UnsupportedMediaType: Problem(415, "unsupported_media_type", "Unsupported media type"),
    IdempotencyConflict: Problem(409, "idempotency_conflict", "The Idempotency-Key was used otherwise"),
    IdempotencyInProgress: Problem(409, "idempotency_in_progress", "The first request is still running"),
    # --- who asks ---------------------------------------------------------------------------------
    NotSignedIn: Problem(401, "unauthenticated", "Not signed in"),
    KeyMissing: Problem(401, "invalid_api_key", "No valid API key"),
    OperatorOnly: Problem(403, "operator_only", "For operators only"),
    # --- accounts ---------------------------------------------------------------------------------
    InvalidEmail: Problem(400, "invalid_input", "The email is not valid"),
    InvalidPassword: Problem(400, "invalid_input", "The password is not valid"),
    EmailTaken: Problem(409, "email_taken", "The email is taken"),
    WrongCredentials: Problem(401, "wrong_credentials", "Wrong email or password"),
    InvalidEmailToken: Problem(400, "invalid_email_token", "The link is not valid"),
    AttemptUnknown: Problem(400, "sign_in_expired", "No such sign-in is under way"),
    SignInRefused: Problem(400, "sign_in_failed", "The sign-in failed"),
    ProviderUnknown: Problem(404, "provider_not_found", "No such provider"),
    ProviderUnavailable: Problem(503, "provider_unavailable", "The provider is unavailable"),
    EmailUnproven: Problem(403, "email_unverified", "The address is not verified"),
    LinkRequired: Problem(409, "link_required", "Sign in and link"),
    LastSignIn: Problem(409, "last_sign_in", "The last way to sign in stays"),
    IdentityNotFound: Problem(404, "identity_not_found", "No such identity"),
    IdentityTaken: Problem(409, "identity_taken", "The identity is another account's"),
    SessionNotFound: Problem(404, "session_not_found", "No such session"),
    RefreshRejected: Problem(401, "invalid_refresh_token", "The refresh token is not valid"),
    AccountSuspended: Problem(403, "account_suspended", "The account is suspended"),
    AccountNotFound: Problem(404, "not_found", "Not found"),
    PasswordsBusy: Problem(503, "overloaded", "Too busy"),
    ExportNotFound: Problem(404, "not_found", "Not found"),
    OwnsPublished: Problem(409, "owns_published", "Knowledge bases are published"),
    OwnsOrganization: Problem(409, "owns_organization", "An organization would have no owner"),
    ReportNotFound: Problem(404, "not_found", "Not found"),
    OperatorsStay: Problem(409, "operators_stay", "Operators stay"),
    SuspendedFreeze: Problem(409, "account_suspended_freeze", "Frozen with the account's suspension"),
    DeadLetterNotFound: Problem(404, "not_found", "Not found"),
    InvalidRate: Problem(400, "invalid_input", "The rate is not valid"),
    InvalidPoolRate: Problem(400, "invalid_input", "The rate is not valid"),
    # --- organizations and keys -------------------------------------------------------------------
    OrganizationNotFound: Problem(404, "not_found", "Not found"),
    MemberNotFound: Problem(404, "not_found", "Not found"),
    InvitationNotFound: Problem(404, "not_found", "Not found"),
    KeyNotFound: Problem(404, "not_found", "Not found"),
    RoleMissing: Problem(403, "role_missing", "Your role does not allow this"),
    LastOwner: Problem(409, "last_owner", "The last owner stays"),
    AlreadyMember: Problem(409, "already_member", "A member already"),
    InvitationClosed: Problem(409, "invitation_closed", "The invitation is closed"),
    TooManyMembers: Problem(409, "limit_reached", "The limit is reached"),
    TooManyKeys: Problem(409, "limit_reached", "The limit is reached"),
    InvalidKey: Problem(400, "invalid_input", "The key's limits are not valid"),
    # --- webhooks out -----------------------------------------------------------------------------
    EndpointNotFound: Problem(404, "endpoint_not_found", "No such endpoint"),
    DeliveryNotFound: Problem(404, "delivery_not_found", "No such delivery"),
    EndpointDisabled: Problem(409, "endpoint_disabled", "The endpoint is disabled"),
    InvalidEndpoint: Problem(400, "invalid_endpoint", "The endpoint is not valid"),
    TooManyEndpoints: Problem(409, "limit_reached", "The limit is reached"),
    # --- knowledge --------------------------------------------------------------------------------
    ProfileNotFound: Problem(404, "profile_not_found", "No such profile"),
    KnowledgeBaseNotFound: Problem(404, "knowledge_base_not_found", "No such knowledge base"),
    CreatorNotFound: Problem(404, "creator_not_found", "No such creator"),
    DocumentNotFound: Problem(404, "document_not_found", "No such document"),
    RevisionNotFound: Problem(404, "revision_not_found", "No such revision"),
    ImportNotFound: Problem(404, "import_not_found", "No such import"),
    InvalidHandle: Problem(400, "invalid_handle", "The handle is not allowed"),
    HandleTaken: Problem(409, "handle_taken", "The handle is taken"),
    RightsNotDeclared: Problem(400, "rights_not_declared", "The rights are not declared"),
    InvalidAddress: Problem(400, "invalid_address", "Nothing is fetched from this address"),
    SourceNotFound: Problem(404, "source_not_found", "No such source"),
    PackagingNotFound: Problem(404, "packaging_not_found", "Nothing was suggested yet"),
    PackagingUnfinished: Problem(409, "packaging_unfinished", "The suggestion is not ready"),
    NothingToPackage: Problem(409, "nothing_to_package", "No document is ready"),
    UnansweredQuestion: Problem(400, "question_unanswered", "A sample question has no answer"),
    InvalidEdition: Problem(400, "invalid_edition", "Not the name of an edition"),
    TooManyDocuments: Problem(409, "too_many_documents", "The knowledge base is full"),
    InvalidPosition: Problem(400, "invalid_cursor", "The cursor is not valid"),
    # --- answers ----------------------------------------------------------------------------------
    AnswerNotFound: Problem(404, "answer_not_found", "No such answer"),
    ConversationNotFound: Problem(404, "conversation_not_found", "No such conversation"),
    ReceiptNotFound: Problem(404, "receipt_not_found", "No such receipt"),
    ModelUnavailable: Problem(503, "model_unavailable", "The language model is unavailable"),
    AnswerInterrupted: Problem(503, "answer_interrupted", "The answer was interrupted"),
    # --- money ------------------------------------------------------------------------------------
    InvalidPlan: Problem(400, "invalid_plan", "The plan is not valid"),
    InvalidAmount: Problem(400, "invalid_amount", "This amount cannot be charged"),
    InvalidGrant: Problem(400, "invalid_input", "The grant is not valid"),
    InvalidEvent: Problem(400, "invalid_event", "Not a webhook of Stripe's"),
    PlanNotFound: Problem(404, "plan_not_found", "No such plan"),
    GrantNotFound: Problem(404, "grant_not_found", "No such grant"),
    SubscriptionNotFound: Problem(404, "subscription_not_found", "No such subscription"),
    OwnKnowledgeBase: Problem(409, "own_knowledge_base", "Yours already"),
    AlreadySubscribed: Problem(409, "already_subscribed", "Subscribed already"),
    CheckoutReplaced: Problem(409, "checkout_replaced", "Another checkout was begun"),
    NotOnSale: Problem(409, "not_on_sale", "Not sold any more"),
    SubscriptionEnded: Problem(409, "subscription_ended", "The subscription has ended"),
    PlanChangeRefused: Problem(409, "plan_change_refused", "No change to this plan"),
    LaneBusy: Problem(409, "change_in_progress", "Another change is under way"),
    RefundAlreadyRequested: Problem(409, "refund_already_requested", "Asked for already"),
    RefundRequestNotFound: Problem(404, "refund_request_not_found", "No such request"),
    RefundRequestClosed: Problem(409, "refund_request_closed", "Answered already"),
    SaleNotFound: Problem(404, "sale_not_found", "No such sale"),
    InvalidRefund: Problem(400, "invalid_refund", "The refund is not valid"),
    RefundTooLarge: Problem(409, "refund_too_large", "More than is left"),
    NothingToRefund: Problem(409, "nothing_to_refund", "Nothing to give back"),
    ChargeDisputed: Problem(409, "charge_disputed", "The payment is disputed"),
    DisputeNotFound: Problem(404, "dispute_not_found", "No such dispute"),
    DisputeClosed: Problem(409, "dispute_closed", "Nothing can be added"),
    SalesStopped: Problem(409, "sales_stopped", "Sales have stopped"),
    InvalidCountry: Problem(400, "invalid_country", "The country is not valid"),
    CountryFixed: Problem(409, "country_fixed", "The country stays"),
    PayoutsManual: Problem(409, "payouts_manual", "Payouts are made by hand"),
    LinkBroken: Problem(404, "not_found", "Not found"),
    StatementNotFound: Problem(404, "statement_not_found", "No such statement"),
    BatchNotFound: Problem(404, "batch_not_found", "No such batch"),
    BatchPaid: Problem(409, "batch_paid", "Paid already"),
    NothingToPay: Problem(409, "nothing_to_pay", "Nothing to pay"),
    PayoutNotOpen: Problem(409, "payout_not_open", "The payout is not open"),
    TipRefused: Problem(409, "tip_refused", "This tip cannot be given"),
    TooManyTips: Problem(429, "rate_limited", "Too many requests"),
    ProcessorRefused: Problem(409, "payment_refused", "The payment processor refused"),
    # --- the gate ---------------------------------------------------------------------------------
    KeyRejected: Problem(401, "invalid_api_key", "No valid API key"),
    ScopeMissing: Problem(403, "scope_missing", "The key lacks a scope"),
    KnowledgeBaseUnavailable: Problem(404, "knowledge_base_not_found", "No such knowledge base"),
    ContractRequired: Problem(402, "contract_required", "A contract is required"),
    PaymentRequired: Problem(402, "payment_required", "An invoice is unpaid"),
    SpendCapReached: Problem(402, "spend_cap_reached", "The spend cap is reached"),
    EntitlementRequired: Problem(402, "entitlement_required", "A subscription is required"),
    RateLimited: Problem(429, "rate_limited", "Too many requests"),
    Overloaded: Problem(503, "overloaded", "Too busy"),
    InvoiceNotFound: Problem(404, "not_found", "Not found"),
    ReservationExpired: Problem(503, "reservation_expired", "The call took too long"),
    ContractExists: Problem(409, "contract_exists", "There is a contract already"),
    InvalidSpendCap: Problem(400, "invalid_input", "The spend cap is not valid"),
    # --- what we lean on --------------------------------------------------------------------------
    EngineUnavailable: Problem(503, "search_unavailable", "Search is unavailable"),
    ProcessorUnavailable: Problem(503, "payments_unavailable", "Payments are unavailable"),
    BlobsUnavailable: Problem(503, "files_unavailable", "Files are unavailable"),
    sqlalchemy.exc.TimeoutError: Problem(503, "overloaded", "Too busy"),
    sqlalchemy.exc.OperationalError: Problem(503, "unavailable", "Temporarily unavailable"),
    sqlalchemy.exc.InterfaceError: Problem(503, "unavailable", "Temporarily unavailable"),
    psycopg.OperationalError: Problem(503, "unavailable", "Temporarily unavailable"),
}

SILENT: frozenset[type[Exception]] = frozenset(
    {
        BlobsUnavailable,
        sqlalchemy.exc.TimeoutError,
        sqlalchemy.exc.OperationalError,
        sqlalchemy.exc.InterfaceError,
        psycopg.OperationalError,
    }
)
"""Listed classes whose own sentence is not for callers: it would name hosts, tables or statements."""

BY_STATUS: dict[int, Problem] = {
    400: Problem(400, "invalid_input", "The request is not valid"),
    401: Problem(401, "unauthenticated", "Not signed in"),
    403: Problem(403, "forbidden", "Not allowed"),
    404: Problem(404, "not_found", "Not found"),
    405: Problem(405, "method_not_allowed", "Method not allowed"),
    413: Problem(413, "too_large", "The body is too large"),
    415: Problem(415, "unsupported_media_type", "Unsupported media type"),
    429: Problem(429, "rate_limited", "Too many requests"),
    500: Problem(500, "internal_error", "Something went wrong here"),
    503: Problem(503, "unavailable", "Temporarily unavailable"),
}
"""What the framework itself refuses."""


def problem_of(error: Exception) -> Problem | None:
    """The nearest listed class of an error, or ``None`` for one that nobody expected."""
    return next((PROBLEMS[kind] for kind in type(error).__mro__ if kind in PROBLEMS), None)


def all_codes() -> dict[str, Problem]:
    """Every code a caller can meet."""
    listed = [*BY_STATUS.values(), *PROBLEMS.values()]
    return {problem.code: problem for problem in sorted(listed, key=lambda problem: problem.code)}
