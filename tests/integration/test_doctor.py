"""The doctor finds nothing on a fresh database, and finds what is broken behind the service's back."""

import pytest
from sqlalchemy import text

from service.platform.database import Database
from service.usecases.check_invariants import check_invariants
from service.usecases.invariants.catalog import INVARIANTS
from tests.integration.serving import bare_context


async def _faulty(database: Database) -> set[str]:
    findings = await check_invariants(bare_context(database))
    assert len(findings) == len(INVARIANTS)
    return {finding.name for finding in findings if finding.faults}


async def test_a_fresh_database_is_healthy(database: Database) -> None:
    assert await _faulty(database) == set()


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (
            "INSERT INTO ledger_account (id, kind, currency, balance)"
            " VALUES (gen_random_uuid(), 'stripe', 'cny', 5)",
            "ledger.running_balances",
        ),
        (
            "INSERT INTO spend_counter (subject_id, month, spent, reserved)"
            " VALUES (gen_random_uuid(), '2026-01-01', 0, 7)",
            "meter.reserved",
        ),
        (
            "INSERT INTO usage_bucket (organization_id, meter, hour, total)"
            " VALUES (gen_random_uuid(), 'answers', date_trunc('hour', now()), 3)",
            "meter.buckets",
        ),
        (
            "INSERT INTO access_grant (id, account_id, source, source_id, reason, starts_at)"
            " VALUES (gen_random_uuid(), gen_random_uuid(), 'complimentary', gen_random_uuid(), '', now())",
            "grants.recomputed orphans.access_grant.account_id",
        ),
        (
            "INSERT INTO procrastinate_jobs (queue_name, task_name, args, status)"
            " VALUES ('default', 'index_document', '{}', 'failed')",
            "work.jobs",
        ),
        (
            "INSERT INTO reservation (id, state, meter, month, created_at, expires_at, organization_id,"
            " key_id, currency, unit_price, knowledge_base_ids, creator_ids, api_prices, hold_subjects,"
            " hold_amounts, units, amount)"
            " VALUES (gen_random_uuid(), 'settled', 'passages', '2026-01-01', now(), now(),"
            " gen_random_uuid(), gen_random_uuid(), 'cny', 2, '{}', '{}', '{}', '{}', '{}', 1, 2)",
            "meter.calls",
        ),
        (
            "INSERT INTO answer (id, account_id, knowledge_base_ids, question, created_at)"
            " VALUES (gen_random_uuid(), NULL, '{}', '', now() - interval '1 hour')",
            "meter.answers_end",
        ),
        (
            "INSERT INTO usage_check (organization_id, meter, period_start, ours, theirs, checked_at)"
            " VALUES (gen_random_uuid(), 'answers', now(), 5, 4, now())",
            "meter.counted",
        ),
        (
            "INSERT INTO invoice_line (id, organization_id, meter, late, description, quantity, included,"
            " amount, currency, period_start, period_end, difference, created_at)"
            " VALUES (gen_random_uuid(), gen_random_uuid(), 'answers', false, '', 3, 0, 60, 'cny', now(),"
            " now(), 3, now())",
            "invoice.lines",
        ),
        (
            "WITH line AS (INSERT INTO invoice_line (id, organization_id, meter, late, description, quantity,"
            " included, amount, currency, period_start, period_end, created_at)"
            " VALUES (gen_random_uuid(), gen_random_uuid(), 'answers', false, '', 3, 0, 60, 'cny', now(),"
            " now(), now()) RETURNING id, organization_id)"
            " INSERT INTO invoice_slice"
            " SELECT organization_id, 'answers', date_trunc('hour', now()), 2, 5, id"
            " FROM line",
            "invoice.slices",
        ),
    ],
)
async def test_damage_is_named(database: Database, damage: str, found: str) -> None:
    async with database.transaction() as session:
        await session.execute(text(damage))
    assert await _faulty(database) == set(found.split())
