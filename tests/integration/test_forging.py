"""Forged webhooks change nothing: bodies and signatures mutated in every way, against the real door."""

import json
import random
import time
from collections.abc import Callable

import pytest
import sqlalchemy as sa
import stripe
from pydantic import SecretStr

from service.platform.database import Database
from service.webhooks.stripe import router
from tests.integration.serving import SETTINGS, bare_context, serving
from tests.scale import times

SECRETS = ("whsec_new", "whsec_old")
THIN = ("whsec_thin_new", "whsec_thin_old")
PATHS = {"snapshot": "/webhooks/stripe", "thin": "/webhooks/stripe/thin"}


def settings(**more: object) -> object:
    return SETTINGS.model_copy(update={"stripe_webhook_secrets": SecretStr(",".join(SECRETS)), **more})


def body(endpoint: str, id: str = "evt_1") -> bytes:
    event: dict[str, object]
    about = {"id": "sub_1", "object": "subscription", "customer": "cus_1"}
    if endpoint == "thin":
        event = {"object": "v2.core.event", "created": "2026-11-01T00:00:00Z", "related_object": {"id": "m"}}
    else:
        event = {"object": "event", "created": 1_790_000_000, "data": {"object": about}}
    return json.dumps(event | {"id": id, "type": "customer.subscription.updated", "livemode": False}).encode()


def signed(raw: bytes, secret: str, *, at: int | None = None) -> bytes:
    stamp = int(time.time()) if at is None else at
    header: str = stripe.WebhookSignature.generate_signature_header(
        raw.decode("latin-1"), secret, timestamp=stamp
    )
    return header.encode()


def old(chance: random.Random) -> int:
    return int(time.time()) - 301 - chance.randrange(10**6)


def flip(raw: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(raw))
    return raw[:place] + bytes([raw[place] ^ (1 << chance.randrange(8))]) + raw[place + 1 :]


MUTATIONS: tuple[Callable[[bytes, bytes, random.Random], tuple[bytes, bytes]], ...] = (
    lambda raw, header, chance: (flip(raw, chance), header),
    lambda raw, header, chance: (raw, flip(header, chance)),
    lambda raw, header, chance: (raw[: chance.randrange(len(raw))], header),
    lambda raw, header, chance: (raw + bytes([chance.randrange(256)]), header),
    lambda raw, header, chance: (raw, header[: chance.randrange(len(header))]),
    lambda raw, header, chance: (raw, b",".join(chance.sample(parts := header.split(b","), 1) or parts)),
    lambda raw, header, chance: (raw, signed(raw, f"whsec_{chance.random()}")),
    lambda raw, header, chance: (
        raw,
        signed(raw, SECRETS[0], at=int(time.time()) - 301 - chance.randrange(10**6)),
    ),
    lambda raw, header, chance: (raw.replace(b"sub_1", b"sub_%d" % chance.randrange(2, 99)), header),
    lambda raw, header, chance: (chance.randbytes(chance.randrange(200)), header),
    lambda raw, header, chance: (raw, chance.randbytes(40).replace(b"\r", b"").replace(b"\n", b"")),
    lambda raw, header, chance: (b"", b""),
)


@pytest.mark.soak
async def test_no_mutation_of_a_webhook_changes_anything(database: Database) -> None:
    chance = random.Random(20261121)
    context = bare_context(database, settings())  # type: ignore[arg-type] # a copy of the settings
    rounds = times(400, 10_000)
    async with serving(context, (router,)) as client:
        for number in range(rounds):
            endpoint = ("snapshot", "thin")[number % 2]
            raw = body(endpoint)
            header = signed(raw, SECRETS[number % 2])
            sent, forged = MUTATIONS[number % len(MUTATIONS)](raw, header, chance)
            if (sent, forged) == (raw, header):
                continue
            answer = await client.post(PATHS[endpoint], content=sent, headers={b"stripe-signature": forged})
            assert answer.status_code == 400, (number, sent, forged, answer.text)
            assert answer.json()["code"] == "invalid_event"
    async with database.reading() as connection:
        for table in ("stripe_event", "procrastinate_jobs", "alarm", "processor_lane"):
            count = await connection.execute(sa.text(f"SELECT count(*) FROM {table}"))
            assert count.scalar_one() == 0, table


async def test_both_secrets_of_each_endpoint_are_good_during_a_rotation(database: Database) -> None:
    context = bare_context(
        database,
        settings(stripe_thin_webhook_secrets=SecretStr(",".join(THIN))),  # type: ignore[arg-type] # a copy
    )
    async with serving(context, (router,)) as client:
        for endpoint, own, foreign in (("snapshot", SECRETS, THIN), ("thin", THIN, SECRETS)):
            for secret in (*own, *foreign):
                raw = body(endpoint, id=f"evt_{endpoint}_{secret}")
                headers = {b"stripe-signature": signed(raw, secret)}
                answer = await client.post(PATHS[endpoint], content=raw, headers=headers)
                assert answer.status_code == (200 if secret in own else 400), (endpoint, secret)
        crossed = body("snapshot", id="evt_crossed")
        headers = {b"stripe-signature": signed(crossed, THIN[0])}
        assert (await client.post(PATHS["thin"], content=crossed, headers=headers)).status_code == 400


async def test_an_event_of_another_version_is_kept_and_alarms(database: Database) -> None:
    raw = body("snapshot").replace(b'"livemode"', b'"api_version": "2019-01-01", "livemode"')
    context = bare_context(database, settings())  # type: ignore[arg-type] # a copy of the settings
    async with serving(context, (router,)) as client:
        headers = {b"stripe-signature": signed(raw, SECRETS[0])}
        assert (await client.post(PATHS["snapshot"], content=raw, headers=headers)).status_code == 200
    async with database.reading() as connection:
        row = (await connection.execute(sa.text("SELECT name, detail FROM alarm"))).one()
        kept = await connection.execute(sa.text("SELECT api_version FROM stripe_event"))
    assert tuple(row) == ("stripe_api_version", "2019-01-01")
    assert kept.scalar_one() == "2019-01-01"


async def test_a_body_beyond_every_event_is_refused_unread(database: Database) -> None:
    context = bare_context(database, settings(max_body_bytes=10_000))  # type: ignore[arg-type] # a copy
    async with serving(context, (router,)) as client:
        for path in PATHS.values():
            answer = await client.post(path, content=b"x" * 10_001, headers={"stripe-signature": "t=1,v1=0"})
            assert answer.status_code == 413
