"""A served world with money in it, to be killed in part by part: a creator who is paid at once, a reader who
tips, organizations that call; and its books beside those of the sandbox."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg

from service.accounts.secrets import secret_hash
from service.platform.postgres import EmbeddedPostgres
from tests.faults.retrying import Callers, client, once
from tests.faults.running import Running, run, stretched, zhihao
from tests.journeys import texts
from tests.journeys.people import OPEN, Person, eventually, fen, first_metered, pay
from tests.journeys.serving import fresh_folder
from tests.own_time import own_time

COMPANIES = 2
KEYS_EACH = 2
TIP = 1000
HOUR = 3600
SETTINGS = {
    # A call is given up, and its key free, within seconds; no creator waits for the money.
    "ZHIHAO_RESERVATION_SECONDS": "10",
    "ZHIHAO_RESERVATION_SWEEP_SECONDS": "2",
    "ZHIHAO_IDEMPOTENCY_LEASE_SECONDS": "5",
    "ZHIHAO_USAGE_REPORT_SECONDS": "1",
    "ZHIHAO_PAYOUT_HOLD_DAYS": "0",
    # The long form takes hours.
    "ZHIHAO_TIPS_PER_HOUR": "1000000",
    "ZHIHAO_ACCESS_TOKEN_SECONDS": "864000",
}
DEFER = """
    SELECT procrastinate_defer_jobs_v1(ARRAY[ROW('default', %s, 0, NULL, NULL, '{}', NULL)
      ::procrastinate_job_to_defer_v1])
"""
# What a killed process held, or had begun, is left alone for a while. That while is over.
TIME_PASSES = (
    "UPDATE processor_lane SET held_until = clock_timestamp()",
    "UPDATE payout SET begun_at = begun_at - interval '3 minutes' WHERE status = 'sending'",
    "UPDATE stripe_event SET due_at = clock_timestamp() - interval '31 seconds' WHERE status = 'stored'",
    "UPDATE procrastinate_jobs SET scheduled_at = now() WHERE status = 'todo' AND scheduled_at > now()"
    " AND task_name NOT LIKE 'periodic.%'",
)
# One row for each thing that somebody still has to do.
PENDING = """
    SELECT 'event', type || ' ' || status FROM stripe_event WHERE status = 'stored'
    UNION ALL SELECT 'job', task_name FROM procrastinate_jobs
      WHERE status IN ('todo', 'doing') AND task_name NOT LIKE 'periodic.%'
    UNION ALL SELECT 'usage', meter FROM usage_bucket WHERE due
    UNION ALL SELECT 'payout', status FROM payout WHERE status = 'sending'
    UNION ALL SELECT 'refund', status FROM refund WHERE status = 'asked'
    UNION ALL SELECT 'reservation', meter FROM reservation WHERE state = 'held'
"""


@dataclass
class Market:
    running: Running
    creator: Person
    reader: Person
    base: dict[str, Any]
    callers: Callers

    # --- looking ---------------------------------------------------------------------------------------

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(EmbeddedPostgres(self.running.folder).url, autocommit=True) as connection:
            cursor = connection.execute(query.encode(), values or None)
            return cursor.fetchall() if cursor.description else []

    @property
    def sandbox(self) -> str:
        port = json.loads((self.running.folder / "embedded.json").read_text())["sandbox_port"]
        return f"http://127.0.0.1:{port}"

    def at_stripe(self, path: str, **query: str | int) -> list[dict[str, Any]]:
        """All that the sandbox lists there."""
        found: list[dict[str, Any]] = []
        while True:
            after = {"starting_after": found[-1]["id"]} if found else {}
            answer = httpx.get(
                f"{self.sandbox}/v1/{path}",
                params={"limit": 100, **query, **after},
                headers={"Authorization": "Bearer sk_test_looking"},
                timeout=30,
                trust_env=False,
            )
            assert answer.status_code == 200, answer.text
            page = answer.json()
            found += page["data"]
            if not page["has_more"]:
                return found

    def trouble(self, **faults: object) -> None:
        """What the sandbox is to do to requests from now on; nothing, to take all away."""
        address = f"{self.sandbox}/_sandbox/faults"
        method = "POST" if faults else "DELETE"
        httpx.request(method, address, json=faults or None, timeout=30, trust_env=False).raise_for_status()

    # --- doing -----------------------------------------------------------------------------------------

    def tip(self) -> None:
        """Acknowledged once, and paid."""
        body = {"knowledge_base_id": self.base["id"], "price": fen(TIP)}
        with client(self.running.url, self.reader.http.headers["Authorization"][7:]) as http:
            page = once(http, "/v1/tips", body, expect=201)

        def paid() -> bool | None:
            try:
                return pay(page["checkout_url"]).status_code == 303 or None
            except httpx.TransportError:
                return None

        eventually(paid, seconds=stretched(30), what="the payment")

    def refund_left_to_the_worker(self) -> None:
        """Half of the oldest sale that was not given back; whoever asks cannot reach Stripe just then."""
        sale = self.rows(
            "SELECT id FROM sale WHERE NOT EXISTS (SELECT FROM refund WHERE sale_id = sale.id)"
            " ORDER BY paid_at LIMIT 1"
        )
        if not sale:
            return
        self.trouble(chances={"rate_limited": 1.0})
        try:
            with client(self.running.url, self.creator.http.headers["Authorization"][7:]) as http:
                path = f"/creator/v1/sales/{sale[0][0]}/refund"
                once(http, path, {"amount": fen(TIP // 2)}, expect=201)
        finally:
            self.trouble(chances={})

    def defer(self, job: str) -> None:
        self.rows(DEFER, job)

    # --- holding to account ----------------------------------------------------------------------------

    def settle(self, seconds: float = 60) -> None:
        """Until nothing is left to be done."""
        deadline = own_time() + stretched(seconds)
        while left := self._pending():
            assert own_time() < deadline, left
            for statement in TIME_PASSES:
                self.rows(statement)
            if any(kind == "payout" for kind, _ in left) and not any(kind == "job" for kind, _ in left):
                self.defer("pay_creators")
            time.sleep(0.5)

    def _pending(self) -> "Counter[tuple[str, str]]":
        undelivered = sum(
            not each["delivered"]
            for each in httpx.get(f"{self.sandbox}/_sandbox/deliveries", timeout=30, trust_env=False).json()[
                "data"
            ]
        )
        found: Counter[tuple[str, str]] = Counter((kind, which) for kind, which in self.rows(PENDING))
        return found + Counter({("delivery", "of an event"): undelivered})

    def every_call_counted_once(self) -> None:
        """Each acknowledged call has exactly one usage event, and there is no other."""
        for ledger in self.callers.told:
            hashed = secret_hash(ledger.secret)
            (key,) = self.rows("SELECT key_id FROM api_key_secret WHERE secret_hash = %s", hashed)
            events = self.rows("SELECT call_id::text, meter, units FROM usage_event WHERE key_id = %s", *key)
            billed = Counter(meter for _, meter, _ in events)
            answers = [call for call, meter, _ in events if meter == "answers"]
            assert {units for *_, units in events} == {1}
            assert billed["passages"] == ledger.passages, (billed, ledger.statuses)
            assert sorted(answers) == sorted(ledger.answers)

    def as_many_as_at_stripe(self) -> None:
        """Nothing that moves money is there twice, or only on one side."""
        ours = self.rows("SELECT stripe_charge_id, amount FROM sale")
        charges = self.at_stripe("charges")
        assert sorted(ours) == sorted((one["id"], one["amount"]) for one in charges if one["paid"])
        paid = self.rows("SELECT reference, amount FROM payout WHERE status = 'paid' AND kind <> 'offset'")
        transfers = self.at_stripe("transfers")
        assert sorted(paid) == sorted((one["id"], one["amount"]) for one in transfers)
        refunds = self.rows("SELECT stripe_refund_id, amount FROM refund WHERE status = 'succeeded'")
        given = self.at_stripe("refunds")
        assert sorted(refunds) == sorted((one["id"], one["amount"]) for one in given)
        assert self.rows("SELECT count(*) FROM refund") == [(len(given),)]

    def as_much_usage_as_at_stripe(self) -> None:
        """Units of each organization and meter."""
        ours = self.rows(
            "SELECT stripe_customer_id, meter, sum(units)::int FROM usage_event JOIN contract"
            " USING (organization_id) GROUP BY 1, 2"
        )
        now = datetime.now(UTC)
        span = {
            "start_time": int((now - timedelta(days=2)).timestamp()) // HOUR * HOUR,
            "end_time": int((now + timedelta(hours=2)).timestamp()) // HOUR * HOUR,
        }
        meters = {one["id"]: one["event_name"] for one in self.at_stripe("billing/meters")}
        theirs = Counter[tuple[str, str]]()
        for customer in {customer for customer, *_ in ours}:
            for meter, name in meters.items():
                listed = self.at_stripe(f"billing/meters/{meter}/event_summaries", customer=customer, **span)
                theirs[customer, name] += sum(int(one["aggregated_value"]) for one in listed)
        assert +theirs == {(customer, meter): units for customer, meter, units in ours}

    def books_are_whole(self) -> None:
        examined = zhihao(self.running.folder, "doctor")
        assert examined.returncode == 0, examined.stdout + examined.stderr


@contextmanager
def market_served() -> Iterator[Market]:
    """``zhihao serve`` with two API workers, and everybody's rights in force."""
    with ExitStack() as stack:
        folder = stack.enter_context(fresh_folder()) / "data"
        running = stack.enter_context(run(folder, "--workers", "2", port=None, **SETTINGS))
        creator = Person(running.url, "林知行")
        creator.open_profile()
        base = creator.publish_texts("園藝", [texts.ROSE, texts.LAVENDER])
        page = creator.post("/creator/v1/payout-account", {"return_url": "http://127.0.0.1/"})
        httpx.post(page["onboarding_url"], data={"country": "US"}, timeout=30, trust_env=False)
        secrets = []
        for _ in range(COMPANIES):
            owner = Person(running.url)
            organization_id = owner.found_organization()
            for number in range(KEYS_EACH):
                body = {"name": f"agent {number}", "scopes": ["passages:read", "answers:write"]}
                key = owner.post(f"/enterprise/v1/organizations/{organization_id}/keys", body)
                secrets.append(key["secret"])
            ask = {"query": "roses", "knowledge_base_ids": [base["id"]], "top_k": 1}
            first_metered(owner.make_key(organization_id), "/api/v1/passages", ask)
        callers = Callers(running.url, base["id"], secrets)
        yield Market(running, creator, Person(running.url), base, callers)
        for each in OPEN:
            each.close()
