"""No foreign key crosses rooms; these find what one would have refused."""

from service.usecases.invariants.invariant import Invariant

_REFERENCES = (
    ("knowledge_base", "owner_id", "account"),
    ("access_grant", "account_id", "account"),
    ("access_grant", "knowledge_base_id", "knowledge_base"),
    ("subscription", "account_id", "account"),
    ("subscription", "knowledge_base_id", "knowledge_base"),
    ("plan", "knowledge_base_id", "knowledge_base"),
    ("refund", "sale_id", "sale"),
    ("refund_request", "sale_id", "sale"),
    ("dispute", "sale_id", "sale"),
    ("contract", "organization_id", "organization"),
    ("usage_event", "organization_id", "organization"),
    ("usage_event", "key_id", "api_key"),
    ("answer", "account_id", "account"),
)

ORPHANS = tuple(
    Invariant(
        f"orphans.{table}.{column}",
        f"Every {column} of {table} exists.",
        f"SELECT DISTINCT format('%s', {column}) AS what FROM {table} WHERE {column} IS NOT NULL"  # noqa: S608 - the names above
        f" AND NOT EXISTS (SELECT FROM {other} WHERE {other}.id = {table}.{column})",
    )
    for table, column, other in _REFERENCES
)
