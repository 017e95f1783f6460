"""The document names the errors that can happen: the table of them is what the source says."""

from litestar.routes import HTTPRoute

from service.http.failures import TABLE, failures_of, table
from service.http.problems import BY_STATUS, PROBLEMS, all_codes
from tests.architecture import failing


def test_the_table_of_failures_is_what_the_source_says() -> None:
    assert TABLE.read_text() == failing.table(), "run: python -m tests.architecture.failing"


def test_every_code_has_one_status() -> None:
    listed = [*BY_STATUS.values(), *PROBLEMS.values()]
    assert {
        problem.code: problem.status
        for problem in listed
        if problem.status != all_codes()[problem.code].status
    } == {}


def test_every_line_of_the_table_is_an_operation_and_adds_to_what_is_usual() -> None:
    shown = {
        f"{method} {route.path_format}": handler
        for route in failing.every_door().routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        for method in handler.http_methods
    }
    for operation, codes in table().items():
        method, _, path = operation.partition(" ")
        found = failures_of(method, path, shown[operation])
        assert set(codes) <= {problem.code for problems in found.values() for problem in problems}


def test_what_is_asked_of_a_key_is_not_refused_as_to_a_reader() -> None:
    asked, keyed = table()["POST /v1/ask"], table()["POST /api/v1/answers"]
    assert "entitlement_required" in asked and "entitlement_required" not in keyed
    assert "spend_cap_reached" in keyed and "spend_cap_reached" not in asked
    assert {"search_unavailable", "model_unavailable"} <= set(asked) & set(keyed)
