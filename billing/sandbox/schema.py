"""The sandbox's own schema: made at the start, under an advisory lock, by whoever comes first."""

from typing import Any

from psycopg import AsyncConnection

LOCK = 0x5A48_5342
"""Taken by whoever makes the schema, and by every writing request: one change at a time."""

SCHEMA = """
CREATE SCHEMA IF NOT EXISTS sandbox;
CREATE TABLE IF NOT EXISTS sandbox.object (
  account text NOT NULL,
  id text NOT NULL,
  seq bigint GENERATED ALWAYS AS IDENTITY,
  type text NOT NULL,
  created bigint NOT NULL,
  body jsonb NOT NULL,
  due bigint,
  clock text,
  PRIMARY KEY (account, id)
);
CREATE INDEX IF NOT EXISTS object_due ON sandbox.object (due) WHERE due IS NOT NULL;
CREATE INDEX IF NOT EXISTS object_listed ON sandbox.object (account, type, seq);
CREATE INDEX IF NOT EXISTS object_found ON sandbox.object USING gin (body jsonb_path_ops)
  WHERE type <> 'event';
CREATE TABLE IF NOT EXISTS sandbox.delivery (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account text NOT NULL,
  event_id text NOT NULL,
  url text NOT NULL,
  secret text NOT NULL,
  payload text NOT NULL,
  attempts int NOT NULL DEFAULT 0,
  due timestamptz NOT NULL DEFAULT clock_timestamp(),
  delivered timestamptz,
  last_answer text
);
ALTER TABLE sandbox.delivery ADD COLUMN IF NOT EXISTS endpoint text;
CREATE INDEX IF NOT EXISTS delivery_endpoint ON sandbox.delivery (endpoint) WHERE delivered IS NULL;
CREATE INDEX IF NOT EXISTS delivery_due ON sandbox.delivery (due) WHERE delivered IS NULL;
CREATE TABLE IF NOT EXISTS sandbox.idempotency (
  account text NOT NULL,
  key text NOT NULL,
  fingerprint text NOT NULL,
  request_id text NOT NULL,
  status int NOT NULL,
  body text NOT NULL,
  created timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (account, key)
);
CREATE TABLE IF NOT EXISTS sandbox.meter_event (
  account text NOT NULL,
  seq bigint GENERATED ALWAYS AS IDENTITY,
  identifier text NOT NULL,
  event_name text NOT NULL,
  customer text NOT NULL,
  value numeric NOT NULL,
  at bigint NOT NULL,
  canceled boolean NOT NULL DEFAULT false,
  PRIMARY KEY (account, identifier)
);
CREATE INDEX IF NOT EXISTS meter_event_summed ON sandbox.meter_event (account, event_name, customer, at);
CREATE TABLE IF NOT EXISTS sandbox.setting (name text PRIMARY KEY, value jsonb NOT NULL);
CREATE TABLE IF NOT EXISTS sandbox.balance (
  account text NOT NULL,
  currency text NOT NULL,
  available bigint NOT NULL,
  pending bigint NOT NULL,
  PRIMARY KEY (account, currency)
);
"""

SUMS = """
INSERT INTO sandbox.balance
SELECT account, body->>'currency',
  coalesce(sum((body->>'net')::bigint) FILTER (WHERE body->>'status' = 'available'), 0),
  coalesce(sum((body->>'net')::bigint) FILTER (WHERE body->>'status' = 'pending'), 0)
FROM sandbox.object WHERE type = 'balance_transaction' GROUP BY 1, 2
ON CONFLICT DO NOTHING
"""
"""For a schema that was made before there were sums."""


async def create_schema(connection: AsyncConnection[Any]) -> None:
    """Creates what is not there yet; safe to run from several processes at once."""
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        await connection.execute(SCHEMA)
        await connection.execute(SUMS)
