"""``python -m billing.sandbox``: the sandbox as a program of its own."""

import argparse
import logging

import uvloop

from billing.sandbox.config import Config, Endpoint
from billing.sandbox.server import die_with_parent, serve

LOOPBACK = ("127.0.0.1", "::1", "localhost")


def main() -> None:
    """Reads the command line and serves."""
    parser = argparse.ArgumentParser(
        prog="billing.sandbox", description="A small stateful Stripe, for tests."
    )
    parser.add_argument("--database-url", required=True, help="PostgreSQL; its schema `sandbox` is used")
    parser.add_argument("--host", default="127.0.0.1", choices=LOOPBACK)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--public-url", help="where people find the hosted pages (http://HOST:PORT)")
    parser.add_argument("--webhook-url", help="where snapshot events are sent")
    parser.add_argument("--webhook-secret", default="whsec_sandbox")
    parser.add_argument("--thin-webhook-url", help="where thin events are sent")
    parser.add_argument("--thin-webhook-secret", default="whsec_sandbox_thin")
    parser.add_argument("--country", default="US", help="the platform's country")
    given = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s sandbox %(levelname)s %(message)s")
    die_with_parent()
    endpoints = []
    if given.webhook_url:
        endpoints.append(Endpoint(given.webhook_url, given.webhook_secret))
    if given.thin_webhook_url:
        endpoints.append(Endpoint(given.thin_webhook_url, given.thin_webhook_secret, thin=True, id="we_thin"))
    host = f"[{given.host}]" if ":" in given.host else given.host
    # A URL with a driver in its scheme is SQLAlchemy's way to write one; libpq's has none.
    config = Config(
        database_url=given.database_url.replace("postgresql+psycopg://", "postgresql://", 1),
        public_url=(given.public_url or f"http://{host}:{given.port}").rstrip("/"),
        endpoints=tuple(endpoints),
        country=given.country,
    )
    uvloop.run(serve(config, given.host, given.port))


if __name__ == "__main__":
    main()
