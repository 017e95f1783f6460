"""Whatever happens to money, in whatever order, the books agree in the end."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from service.platform.database import Database
from tests.contract.sandbox_process import Sandbox
from tests.scale import times
from tests.simulation.machine import MoneyMachine, Stage
from tests.simulation.market import market_open


@pytest.mark.soak
# A crash leaves a connection to the garbage collector, as a process that ends leaves its own to PostgreSQL.
@pytest.mark.filterwarnings("ignore:The garbage collector is trying to clean up")
@pytest.mark.filterwarnings(
    "ignore:.*AsyncConnection object at .* was deleted while still open:ResourceWarning"
)
def test_the_books_agree_after_anything(database_url: str, till: Sandbox, tmp_path: Path) -> None:
    with asyncio.Runner() as runner:
        runner.run(asyncio.sleep(0))
        loop = runner.get_loop()
        database = Database(database_url, pool_size=10, max_overflow=10, pool_timeout=10)
        market = market_open(database, till, tmp_path, retries=0)
        opened = loop.run_until_complete(market.__aenter__())
        try:
            MoneyMachine.stage = Stage(opened, loop)
            MoneyMachine.stage.do(MoneyMachine.stage.open())
            run_state_machine_as_test(
                MoneyMachine,
                settings=settings(
                    max_examples=times(24, 2000),
                    stateful_step_count=times(40, 60),
                    # Runs share a database, so a failing one is shown as it was and not made smaller.
                    phases=[Phase.generate],
                    database=None,
                    derandomize=True,
                    suppress_health_check=list(HealthCheck),
                    print_blob=False,
                ),
            )
        finally:
            loop.run_until_complete(market.__aexit__(None, None, None))
            loop.run_until_complete(database.close())
