"""The contract with Stripe, as the installed SDK states it: for every test that calls or plays Stripe.

``watched()`` checks every request the SDK sends and every answer it gets for as long as it lasts;
``check_event`` checks a webhook's payload.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from stripe._stripe_service import StripeService
from stripe.events._event_classes import get_v2_event_class

from tests.contract.stripe_operations import Operation, check_request
from tests.contract.stripe_shapes import class_faults, faults, resource

V2_LIST = {"data", "next_page_url", "previous_page_url"}


def _v2_faults(body: Any) -> list[str]:
    """What is wrong with an object of v2; an event is checked as its own type, with its data."""
    if body["object"] == "v2.core.event":
        return list(class_faults(get_v2_event_class(body["type"]), body, "$"))
    return list(class_faults(resource(body["object"]), body, "$"))


def check_answer(found: Operation, body: Any) -> None:
    """Raises an AssertionError that names every fault of an answer."""
    if found.returns == "None":
        return
    if found.returns == "DeletedObject":
        wrong = [] if set(body) == {"id", "object"} else [f"a deleted object has {sorted(body)}"]
    elif found.returns.startswith("ListObject[") and "object" not in body:
        wrong = [] if set(body) == V2_LIST else [f"a v2 list has {sorted(body)}"]
        wrong += [fault for one in body["data"] for fault in _v2_faults(one)]
    elif body.get("object", "").startswith("v2."):
        wrong = _v2_faults(body)
    else:
        wrong = list(faults(body))
    assert not wrong, f"{found.verb} {found.path.pattern} answered:\n" + "\n".join(wrong)


def check_event(payload: str | bytes | Mapping[str, Any]) -> None:
    """Raises an AssertionError that names every fault of a snapshot event and of the object in it."""
    event = json.loads(payload) if isinstance(payload, str | bytes) else payload
    wrong = [*faults(event), *faults(event["data"]["object"], f"{event['type']}: object")]
    assert not wrong, "\n".join(wrong)


@contextmanager
def watched() -> Iterator[Counter[str]]:
    """Checks both directions of every call of a ``StripeClient``'s async services, and counts them."""
    seen: Counter[str] = Counter()
    send = StripeService._request_async

    async def checked(
        self: StripeService,
        method: str,
        url: str,
        params: Mapping[str, Any] | None = None,
        options: Any = None,
        **more: Any,
    ) -> Any:
        found = check_request(method, url, params)
        seen[f"{found.verb} {found.path.pattern}"] += 1
        answer = await send(self, method, url, params, options, **more)
        response = answer.last_response
        assert response is not None
        check_answer(found, json.loads(response.body))
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StripeService, "_request_async", checked)
        yield seen
