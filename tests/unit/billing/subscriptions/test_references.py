"""What a payment is for survives its way through the processor."""

from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.subscriptions.references import Reference, reference_from

IDS = st.none() | st.uuids()


@given(
    st.builds(
        Reference,
        kind=st.sampled_from(["subscription", "pass", "tip", "contract"]),
        intent_id=st.uuids(),
        account_id=IDS,
        creator_id=IDS,
        knowledge_base_id=IDS,
        plan_id=IDS,
        price_id=IDS,
        tip_id=IDS,
        organization_id=IDS,
    )
)
def test_metadata_comes_back_as_the_reference(reference: Reference) -> None:
    metadata = reference.to_metadata()
    assert reference_from(metadata) == reference
    # Stripe's limits on metadata.
    assert len(metadata) <= 50
    assert all(len(name) <= 40 and len(value) <= 500 for name, value in metadata.items())


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"kind": "tip"},
        {"kind": "gift", "intent_id": str(uuid4())},
        {"kind": "tip", "intent_id": "not an id"},
        {"kind": "tip", "intent_id": str(uuid4()), "creator_id": "x"},
    ],
)
def test_metadata_of_others_is_no_reference(metadata: dict[str, str]) -> None:
    assert reference_from(metadata) is None
