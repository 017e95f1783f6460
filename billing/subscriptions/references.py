"""What a payment is for, as metadata at the processor.

Metadata goes with the checkout to the subscription or payment it makes, so whatever is fetched says itself
whose it is: nothing depends on the order in which events arrive.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Literal
from uuid import UUID

Kind = Literal["subscription", "pass", "tip", "contract"]
KINDS: frozenset[str] = frozenset({"subscription", "pass", "tip", "contract"})


@dataclass(frozen=True)
class Reference:
    """``intent_id`` is the checkout's. ``account_id`` paid, ``creator_id`` earns (not on a contract)."""

    kind: Kind
    intent_id: UUID
    account_id: UUID | None = None
    creator_id: UUID | None = None
    knowledge_base_id: UUID | None = None
    plan_id: UUID | None = None
    price_id: UUID | None = None
    tip_id: UUID | None = None
    organization_id: UUID | None = None

    def to_metadata(self) -> dict[str, str]:
        return {name: str(value) for name, value in asdict(self).items() if value is not None}


def reference_from(metadata: Mapping[str, str]) -> Reference | None:
    """What ``to_metadata`` made; None for metadata that is not ours."""
    kind = metadata.get("kind")
    if kind not in KINDS or "intent_id" not in metadata:
        return None
    names = [field.name for field in fields(Reference) if field.name != "kind"]
    try:
        ids = {name: UUID(metadata[name]) for name in names if name in metadata}
    except ValueError:
        return None
    return Reference(kind=kind, **ids)  # type: ignore[arg-type]  # a member of KINDS, as checked above
