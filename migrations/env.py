"""Alembic's environment: the one file that imports every room's tables.

It is driven by ``service.platform.migrating``, which hands over a connection; there is no ``alembic.ini``.
"""

from importlib import import_module

from alembic import context
from sqlalchemy.engine import Connection
from sqlmodel import SQLModel

TABLES = (
    "service.platform.tables",
    "service.accounts.tables",
    "service.knowledge.tables",
    "service.answering.tables",
    "billing.ledger.tables",
    "billing.processor.tables",
    "billing.plans.tables",
    "billing.subscriptions.tables",
    "billing.refunds.tables",
    "billing.tips.tables",
    "billing.entitlements.tables",
    "billing.metering.tables",
    "billing.shares.tables",
    "billing.payouts.tables",
    "service.outgoing.tables",
    "service.mail.tables",
    "billing.reconciliation.tables",
    "billing.rates.tables",
)

for module in TABLES:
    import_module(module)


def ours(name: str | None, kind: str, _parent: object) -> bool:
    """Whether autogenerate compares this object: procrastinate's tables are its own SQL's."""
    return not (kind == "table" and name is not None and name.startswith("procrastinate_"))


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=SQLModel.metadata,
        include_name=ours,
        transaction_per_migration=True,
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


run(context.config.attributes["connection"])
