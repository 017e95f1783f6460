"""Every route and everybody who might come to it: what is not theirs is refused, what is theirs is not."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from litestar.routes import ASGIRoute, HTTPRoute

from service.app import build_app
from service.platform.database import Database
from tests.contract.sandbox_process import Sandbox
from tests.integration.serving import SETTINGS
from tests.security.askers import ASKERS, PEOPLE, Everything, everything

ROWS = Path(__file__).with_name("rows.txt")
REFUSED = {401, 402, 403, 404}
UNPROVEN = {"invalid_event", "invalid_email_token", "sign_in_expired"}
GROUPS = {"everyone": ASKERS, "nobody": (), "all": (*PEOPLE, "nobody"), "people": PEOPLE}
LAST = ("unpublish", "PUT /creator/v1/profile", "/contract", "/suspend", "DELETE ")
"""What takes away from others is done after all else, the account last."""


@dataclass(frozen=True)
class Row:
    """``who`` may do this; ``body`` and ``filled`` still have names in them."""

    route: str
    who: frozenset[str]
    body: str
    filled: dict[str, str]
    query: str

    @property
    def method(self) -> str:
        return self.route.partition(" ")[0]


def rows() -> Iterator[Row]:
    for line in filter(None, ROWS.read_text().splitlines()):
        if line.startswith("#"):
            continue
        route, who, body, filled = [*re.split(r"\s*\|\s*", line), "", ""][:4]
        named = {each for word in who.split() for each in GROUPS.get(word, (word,))}
        fields = dict(part.split("=", 1) for part in filled.split() if not part.startswith("?"))
        yield Row(route, frozenset(named), body, fields, filled if filled.startswith("?") else "")


def routes() -> list[str]:
    """Method and path of every handler that the application has."""
    app = build_app(SETTINGS)
    found = [f"POST {route.path}" for route in app.routes if isinstance(route, ASGIRoute)]
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            path = re.sub(r"\{(\w+):\w+\}", r"{\1}", route.path)
            path = re.sub(r"/zhihao-\w+\.css$", "/{stylesheet}", path)
            for handler in route.route_handlers:
                found += [f"{method} {path}" for method in handler.http_methods - {"OPTIONS", "HEAD"}]
    return found


def test_every_route_has_a_row_and_every_row_a_route() -> None:
    assert {row.route for row in rows()} == set(routes())


def test_no_route_has_two_handlers_of_which_one_is_never_reached() -> None:
    assert [route for route, times in Counter(routes()).items() if times > 1] == []


async def test_what_is_not_theirs_is_refused_and_what_is_theirs_is_not(
    database: Database, tmp_path: Path, till: Sandbox
) -> None:
    async with everything(database, tmp_path, till) as made:
        wrong = [
            (row.route, who, *_told(answer))
            for row in rows()
            for who in ASKERS
            if who not in row.who and not _refused(answer := await _ask(made, row, who))
        ]
        assert wrong == []
        for row in sorted(rows(), key=_turn):
            for who in ASKERS:
                if who in row.who:
                    answer = await _ask(made, row, who)
                    if row.route == "POST /auth/logout":
                        await made.market.sign_in(who)
                    if not _let_in(row, answer) or _leaks(made, row, who, answer):
                        wrong.append((row.route, who, *_told(answer)))
        assert wrong == []


def _turn(row: Row) -> tuple[bool, bool, bool, int]:
    """Reading before writing, parts before the whole."""
    late = any(word in f"{row.route}" for word in LAST)
    return row.route == "DELETE /me", late, row.method != "GET", -row.route.count("/")


def _refused(answer: httpx.Response) -> bool:
    """For who asks, and nothing else; where a secret is what lets in, a wrong one is bad input."""
    if answer.status_code == 400:
        return any(f'"{code}"' in answer.text for code in UNPROVEN) or "<!doctype html>" in answer.text
    return answer.status_code in REFUSED or '"isError":true' in answer.text


def _let_in(row: Row, answer: httpx.Response) -> bool:
    """Done, or refused for another reason than who asks; an operator may ask for what is not there."""
    if '"isError":true' in answer.text:
        return False
    if row.method == "GET" and "operator" not in row.who:
        return answer.status_code in {200, 202, 303}
    allowed = {409} | ({404} if row.who == {"operator"} else set())
    return answer.is_success or answer.status_code in allowed


def _leaks(made: Everything, row: Row, who: str, answer: httpx.Response) -> bool:
    """Whether somebody reads, in what everybody may ask, the name of what is another's."""
    if who not in {"other", "nobody", "key"}:
        return False
    return any(private in answer.text for private in made.private - _own(made, who))


def _own(made: Everything, who: str) -> set[str]:
    return {made.ids["others_draft"], made.ids["others_organization"]} if who == "other" else set()


async def _ask(made: Everything, row: Row, who: str) -> httpx.Response:
    known = made.ids | {"fresh": f"n{uuid4().hex[:20]}"}

    def given(text: str) -> str:
        return re.sub(r"\$(\w+)", lambda name: known[name.group(1)], text)

    def place(name: re.Match[str]) -> str:
        return given(row.filled[name.group(1)]) if name.group(1) in row.filled else known[name.group(1)]

    path = re.sub(r"\{(\w+)\}", place, row.route.partition(" ")[2]) + row.query
    request: dict[str, Any] = {}
    if row.body.startswith("url"):
        request["data"] = dict(part.split("=") for part in row.body.split()[1:])
    elif row.body.startswith("form"):
        request["files"] = {"file": ("heron.txt", b"A heron.\n")}
        request["data"] = dict(part.split("=") for part in row.body.split()[1:])
    elif row.body:
        request["json"] = json.loads(given(row.body))
    if path == "/mcp":
        request["headers"] = {"accept": "application/json, text/event-stream"}
    return await made.market.send(who, row.method, path, **request)


def _told(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.text[:200]
