"""How often a thing is tried: a few times by `make test`, until it is believed by `make soak`."""

import os

SOAK = os.environ.get("ZHIHAO_TEST_SOAK") == "1"


def times(test: int, soak: int) -> int:
    """A number for `make test` and another for `make soak`. Mark what uses it with `pytest.mark.soak`."""
    return soak if SOAK else test
