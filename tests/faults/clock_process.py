"""The doors in a process of their own, whose clocks somebody has set wrong. Prints what they answered."""

import asyncio
import json
import os
import sys
import time
from uuid import UUID, uuid4

from pydantic import SecretStr
from stripe import WebhookSignature

from service.platform.database import Database
from service.subscriber_api.accounts import router as sign_in
from service.usecases.admit_calls import Call, KeyPrincipal, admit_call
from service.usecases.expire_reservations import expire_reservations
from service.usecases.open_gate import open_gate
from service.usecases.settle_calls import Outcome, settle_call
from service.webhooks.stripe import router as webhooks
from tests.integration.serving import SETTINGS, bare_context, register, serving

SECRET = "whsec_of_the_tests"
OLD = 600


async def main(database_url: str, base: UUID, key: bytes) -> dict[str, object]:
    right = int(float(os.environ["ZHIHAO_TEST_NOW"]))
    database = Database(database_url, pool_size=4, max_overflow=4, pool_timeout=10)
    settings = SETTINGS.model_copy(update={"stripe_webhook_secrets": SecretStr(SECRET)})
    gate = open_gate(database, settings)
    context = bare_context(database, settings, gate=gate)
    told: dict[str, object] = {"off_by": time.time() - right}
    async with serving(context, [sign_in, webhooks]) as client:
        somebody = await register(client, "somebody")
        told["me"] = (await client.get("/me", headers=somebody.headers)).status_code
        for name, signed_at in (("webhook", right), ("old_webhook", right - OLD)):
            event = {"id": f"evt_{name}", "object": "event", "type": "ping", "created": signed_at}
            body = json.dumps(event | {"livemode": False, "data": {"object": {"id": "x"}}})
            header = WebhookSignature.generate_signature_header(body, SECRET, signed_at)
            answer = await client.post("/webhooks/stripe", content=body, headers={"stripe-signature": header})
            told[name] = answer.status_code
        admission = await admit_call(context, Call(uuid4(), KeyPrincipal(key), "passages", (base,)))
        told["expired"] = await expire_reservations(context)
        await settle_call(context, admission, Outcome(1, (base,), {base: 1}))
    await gate.close()
    await database.close()
    return told


if __name__ == "__main__":
    url, base, key = sys.argv[1:]
    print(json.dumps(asyncio.run(main(url, UUID(base), bytes.fromhex(key)))))
