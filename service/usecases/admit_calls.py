"""Admits calls at the gate, in groups: a group is one transaction."""

from service.access.calls import AccountPrincipal, Admission, Call, KeyPrincipal
from service.usecases.context import Context

__all__ = ["AccountPrincipal", "Admission", "Call", "KeyPrincipal", "admit_call"]


async def admit_call(context: Context, call: Call) -> Admission:
    """Lets one call in; its reservation and its running answer are committed before this returns.

    Raises ``KeyRejected``, ``ScopeMissing``, ``KnowledgeBaseUnavailable``, ``ContractRequired``,
    ``PaymentRequired``, ``SpendCapReached``, ``EntitlementRequired``, ``RateLimited`` (all of
    ``service.access.admission``) or ``Overloaded`` (of ``service.platform.batcher``).
    """
    raise NotImplementedError
