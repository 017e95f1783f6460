"""Organizations with keys, a hundred thousand of them, and published knowledge bases: what calls need."""

import hashlib
import random
from dataclasses import dataclass
from uuid import UUID

import psycopg

from service.platform.ids import new_id

KEYS_EACH = 100


@dataclass(frozen=True)
class Key:
    """One key of one organization, and the hash of its secret."""

    id: UUID
    organization_id: UUID
    secret_hash: bytes


@dataclass(frozen=True)
class Market:
    """Whom calls are made by, and what they may ask."""

    keys: list[Key]
    bases: list[UUID]


def build_market(url: str, *, keys: int, bases: int, cap: int = 10**9) -> Market:
    """Every organization has a contract, a cap and a hundred keys, with caps of their own too."""
    chance = random.Random(7)
    owner = new_id()
    made_bases = [new_id() for _ in range(bases)]
    organizations = [new_id() for _ in range(max(1, keys // KEYS_EACH))]
    made = [
        Key(new_id(), organizations[number % len(organizations)], hashlib.sha256(b"%d" % number).digest())
        for number in range(keys)
    ]
    with psycopg.connect(url, autocommit=True) as connection, connection.cursor() as cursor:
        columns = "id, owner_id, slug, title, summary, category, tags, language, status, visibility"
        more = "free_questions, api_access, paid_documents, free_documents"
        with cursor.copy(f"COPY knowledge_base ({columns}, {more}) FROM STDIN") as copy:
            for base in made_bases:
                words = (f"b-{base}", "Base", "", "", "{}", "zh", "published", "public", 0, True, 1, 0)
                copy.write_row((base, owner, *words))
        with cursor.copy("COPY organization (id, name, created_at) FROM STDIN") as copy:
            for organization in organizations:
                copy.write_row((organization, "o", "2026-01-01"))
        columns = "organization_id, status, stripe_customer_id, started_at, created_at, updated_at"
        with cursor.copy(f"COPY contract ({columns}) FROM STDIN") as copy:
            for organization in organizations:
                when = ("2026-01-01", "2026-01-01", "2026-01-01")
                copy.write_row((organization, "active", f"cus_{organization}", *when))
        with cursor.copy("COPY spend_cap (organization_id, amount, currency, updated_at) FROM STDIN") as copy:
            for organization in organizations:
                copy.write_row((organization, cap, "cny", "2026-01-01"))
        columns = "id, organization_id, name, mode, shown, scopes, monthly_cap_amount, monthly_cap_currency"
        with cursor.copy(f"COPY api_key ({columns}, created_by, created_at) FROM STDIN") as copy:
            for key in made:
                scopes = "{passages:read,answers:write}"
                row = (key.id, key.organization_id, "k", "live", "zh", scopes, cap, "cny")
                copy.write_row((*row, owner, "2026-01-01"))
        with cursor.copy("COPY api_key_secret (secret_hash, key_id, created_at) FROM STDIN") as copy:
            for key in made:
                copy.write_row((key.secret_hash, key.id, "2026-01-01"))
        # The month has begun: every counter is there, as after a key's first call.
        cursor.execute(
            "INSERT INTO spend_counter (subject_id, month)"
            " SELECT id, date_trunc('month', now() AT TIME ZONE 'UTC')::date FROM api_key"
            " UNION ALL SELECT id, date_trunc('month', now() AT TIME ZONE 'UTC')::date FROM organization"
        )
        cursor.execute("VACUUM ANALYZE")
    chance.shuffle(made)
    return Market(made, made_bases)
