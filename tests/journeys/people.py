"""What people and programs do on their way: small steps that the journeys are told in."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from uuid import uuid4

import httpx

from tests.own_time import own_time

T = TypeVar("T")

PAYS = "4242424242424242"
DECLINED = "4000000000000002"
CNY = "cny"


def fen(amount: int) -> dict[str, object]:
    return {"amount": amount, "currency": CNY}


def eventually(look: Callable[[], T | None], *, seconds: float = 10, what: str = "it") -> T:
    """What ``look`` finds, looking again until it does; fails after ``seconds``."""
    deadline = own_time() + seconds
    while (found := look()) is None:
        assert own_time() < deadline, f"{what} did not come within {seconds} s"
        time.sleep(0.1)
    return found


def _told(response: httpx.Response) -> str:
    request = response.request
    return f"{request.method} {request.url.path}: {response.status_code} {response.text[:600]}"


OPEN: list[httpx.Client] = []
"""Every client of the run; the service's fixture closes them at its end."""


class Caller:
    """An HTTP client of one base address and one credential, or none."""

    def __init__(self, url: str, credential: str | None = None) -> None:
        self.url = url
        headers = {"Authorization": f"Bearer {credential}"} if credential else {}
        self.http = httpx.Client(base_url=url, headers=headers, timeout=30, trust_env=False)
        OPEN.append(self.http)

    def call(self, method: str, path: str, *, expect: int = 200, **request: Any) -> Any:
        """The decoded body of an answer whose status must be ``expect``."""
        response = self.http.request(method, path, **request)
        assert response.status_code == expect, _told(response)
        kind = response.headers.get("content-type", "")
        return response.json() if "json" in kind else response.text

    def get(self, path: str, *, expect: int = 200, **request: Any) -> Any:
        return self.call("GET", path, expect=expect, **request)

    def post(self, path: str, body: object = None, *, expect: int = 201, **request: Any) -> Any:
        return self.call("POST", path, expect=expect, json=body, **request)


class Person(Caller):
    """Somebody with an account of their own."""

    def __init__(self, url: str, name: str = "Somebody", *, email: str | None = None) -> None:
        self.email = email or f"{uuid4().hex}@example.com"
        self.password = "correct horse battery"
        body = {"email": self.email, "password": self.password, "display_name": name}
        session = Caller(url).post("/auth/register", body)
        self.account_id: str = session["account"]["id"]
        super().__init__(url, session["access_token"])

    # --- as a creator ----------------------------------------------------------------------------------

    def open_profile(self) -> str:
        handle = f"c{uuid4().hex[:12]}"
        self.call("PUT", "/creator/v1/profile", json={"handle": handle, "name": "林知行", "bio": "寫書的人"})
        return handle

    def make_base(self, title: str = "園藝筆記", **fields: object) -> dict[str, Any]:
        body = {
            "title": title,
            "summary": "关于植物的笔记 Notes about plants",
            "category": "garden",
            "tags": ["plants"],
            "language": "zh",
        }
        made: dict[str, Any] = self.post("/creator/v1/knowledge-bases", body | fields)
        return made

    def upload(self, base_id: str, name: str, text: str | bytes, *, tier: str = "paid") -> dict[str, Any]:
        """One document, waited for until it is ready."""
        path = f"/creator/v1/knowledge-bases/{base_id}/documents"
        files = {"file": (name, text)}
        made = self.call("POST", path, expect=202, files=files, data={"tier": tier})

        def ready() -> dict[str, Any] | None:
            document: dict[str, Any] = self.get(f"{path}/{made['id']}")
            assert document["status"] != "failed", document
            return document if document["status"] == "ready" else None

        return eventually(ready, seconds=30, what="the document")

    def import_archive(self, base_id: str, name: str, data: bytes, *, seconds: float = 60) -> dict[str, Any]:
        """The import's last state."""
        return self.import_file(base_id, "archive", name, data, seconds=seconds)

    def import_file(
        self, base_id: str, kind: str, name: str, data: str | bytes, *, seconds: float = 60, **fields: str
    ) -> dict[str, Any]:
        """The last state of an import of a file of any kind."""
        path = f"/creator/v1/knowledge-bases/{base_id}/imports"
        form = {"kind": kind, "tier": "paid"} | fields
        job = self.call("POST", path, expect=202, files={"file": (name, data)}, data=form)
        return self.await_import(job, seconds=seconds)

    def import_links(self, base_id: str, kind: str, **fields: object) -> dict[str, Any]:
        """The last state of an import from the web."""
        path = f"/creator/v1/knowledge-bases/{base_id}/imports"
        return self.await_import(self.post(path, {"kind": kind, **fields}, expect=202))

    def await_import(self, job: dict[str, Any], *, seconds: float = 60) -> dict[str, Any]:
        """The last state of an import."""

        def ended() -> dict[str, Any] | None:
            state: dict[str, Any] = self.get(f"/creator/v1/imports/{job['id']}")
            return state if state["status"] in {"done", "failed"} else None

        return eventually(ended, seconds=seconds, what="the import")

    def add_plan(self, base_id: str, interval: str = "month", amount: int = 990) -> dict[str, Any]:
        body = {"interval": interval, "price": fen(amount)}
        plan: dict[str, Any] = self.post(f"/creator/v1/knowledge-bases/{base_id}/plans", body)
        return plan

    def publish(self, base_id: str) -> None:
        body = {"rights_declared": True}
        state = self.post(f"/creator/v1/knowledge-bases/{base_id}/publish", body, expect=200)
        assert state["status"] == "published"

    def publish_texts(
        self, title: str, paid: Sequence[str], free: Sequence[str] = (), **fields: object
    ) -> dict[str, Any]:
        """A published knowledge base with a monthly plan of 9.90 CNY, under ``plan``."""
        base = self.make_base(title, **fields)
        for tier, texts in (("paid", paid), ("free", free)):
            for number, text in enumerate(texts):
                self.upload(base["id"], f"{tier}-{number}.md", text, tier=tier)
        plan = self.add_plan(base["id"])
        self.publish(base["id"])
        return base | {"plan": plan}

    # --- as a reader -----------------------------------------------------------------------------------

    def ask(self, base_id: str, question: str, *, expect: int = 200) -> Any:
        return self.post(f"/v1/knowledge-bases/{base_id}/ask", {"question": question}, expect=expect)

    def check_out(self, base: dict[str, Any]) -> dict[str, Any]:
        body = {"plan_id": base["plan"]["id"]}
        session: dict[str, Any] = self.post(f"/v1/knowledge-bases/{base['id']}/checkout", body)
        return session

    def subscribe(self, base: dict[str, Any]) -> dict[str, Any]:
        """Pays at the hosted page and waits until the subscription is active."""
        pay(self.check_out(base)["checkout_url"])
        return eventually(lambda: self.active_subscription(base["id"]), what="the subscription")

    def active_subscription(self, base_id: str) -> dict[str, Any] | None:
        listed = self.get("/v1/subscriptions")["data"]
        mine = (one for one in listed if one["knowledge_base_id"] == base_id)
        return next((one for one in mine if one["status"] == "active"), None)

    # --- as an enterprise ------------------------------------------------------------------------------

    def found_organization(self) -> str:
        """An organization with an active metered contract."""
        organization_id: str = self.post("/enterprise/v1/organizations", {"name": "Wu Analytics"})["id"]
        contract = self.post(f"/enterprise/v1/organizations/{organization_id}/contract")
        pay(contract["checkout_url"])
        return organization_id

    def make_key(self, organization_id: str, **fields: object) -> Caller:
        body = {"name": "agent", "scopes": ["passages:read", "answers:write"]} | fields
        key = self.post(f"/enterprise/v1/organizations/{organization_id}/keys", body)
        return Caller(self.url, key["secret"])


def pay(checkout_url: str, card: str = PAYS) -> httpx.Response:
    """Fills in the hosted payment page; its answer, not followed."""
    return httpx.post(checkout_url, data={"card": card}, timeout=30, trust_env=False)


def first_metered(key: Caller, path: str, body: Mapping[str, object]) -> Any:
    """A metered call, made again until the contract's webhook has come."""

    def answered() -> Any:
        response = key.http.post(path, json=body)
        if response.status_code == 402 and response.json()["code"] == "contract_required":
            return None
        assert response.status_code == 200, response.text
        return response.json()

    return eventually(answered, what="the contract")
