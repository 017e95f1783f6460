"""A reader follows a knowledge base: over a socket, by a feed reader, and as it is taken away."""

import time
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

from tests.journeys.people import Caller, Person, eventually
from tests.journeys.serving import Served

OLD = "# 测试法\n\n第一条 押金不得超过一个月的租金，租期为二十年。\n"
NEW = "# 测试法\n\n第一条 押金不得超过两个月的租金，租期为三十年。\n"
ATOM = "{http://www.w3.org/2005/Atom}"


class Follower:
    """Somebody who goes on from where they were."""

    def __init__(self, caller: Caller, base: dict[str, Any]) -> None:
        self.caller, self.path, self.cursor = caller, f"/v1/knowledge-bases/{base['id']}/changes", None
        self.catch_up()

    def catch_up(self) -> list[tuple[str, str | None]]:
        told = self.caller.get(self.path, params={"cursor": self.cursor} if self.cursor else {})
        self.cursor = told["resume_cursor"]
        return [(entry["kind"], entry["title"]) for entry in told["data"]]

    def hears(self, *expected: tuple[str, str | None]) -> None:
        """Within two seconds, and in this order."""
        heard: list[tuple[str, str | None]] = []

        def all_of_it() -> bool | None:
            heard.extend(self.catch_up())
            return len(heard) >= len(expected) or None

        eventually(all_of_it, seconds=2, what=f"{expected} after {heard}")
        assert heard == list(expected)


def test_a_change_is_told_and_found_within_two_seconds_and_a_removal_at_once(
    service: Served, creator: Person
) -> None:
    base = creator.publish_texts("跟进", ["# 序\n\n第一条 付费的文字。\n"], ["# 引\n\n引言。\n"])
    anybody = Caller(service.url)
    follower, owner = Follower(anybody, base), Follower(creator, base)
    own = f"/creator/v1/knowledge-bases/{base['id']}/documents"

    def send(method: str, path: str, text: str, expect: int) -> dict[str, Any]:
        form: dict[str, Any] = {"files": {"file": ("规则.md", text)}}
        if method == "POST":
            form["data"] = {"tier": "free"}
        made: dict[str, Any] = creator.call(method, path, expect=expect, **form)
        return made

    made = send("POST", own, OLD, 202)
    follower.hears(("added", "规则"))
    owner.hears(("added", "规则"))
    page = f"/v1/knowledge-bases/{base['id']}/documents/{made['id']}"
    assert anybody.get(page)["text"] == OLD
    send("PUT", f"{own}/{made['id']}/file", NEW, 202)
    follower.hears(("changed", "规则"))
    assert anybody.get(page)["text"] == NEW
    answer = creator.ask(base["id"], "押金不得超过几个月的租金？")
    assert "两个月" in answer["text"]
    creator.call("DELETE", f"{own}/{made['id']}", expect=204)
    assert follower.catch_up() == [("removed", None)]
    anybody.get(page, expect=404)
    assert not creator.ask(base["id"], "押金不得超过几个月的租金？")["citations"]


def test_the_newer_edition_is_named_in_the_feed_the_page_and_the_citations(
    service: Served, creator: Person
) -> None:
    base = creator.publish_texts("法规", ["# 序\n\n第一条 付费的文字。\n"], [OLD])
    anybody = Caller(service.url)
    own = f"/creator/v1/knowledge-bases/{base['id']}/documents"
    old = creator.upload(base["id"], "测试法(2007-06-29).md", OLD, tier="free")
    follower = Follower(anybody, base)
    new = creator.upload(base["id"], "测试法(2012-12-28).md", NEW, tier="free")
    follower.hears(("added", "测试法(2012-12-28)"), ("superseded", "测试法(2007-06-29)"))
    page = anybody.get(f"/k/{base['slug']}/d/{old['id']}", headers={"Accept-Language": "en"})
    assert f'Superseded by a newer edition: <a href="/k/{quote(base["slug"])}/d/{new["id"]}">' in page
    answer = creator.ask(base["id"], "2007年的押金不得超过几个月的租金？")
    links = {c["document_id"]: c["superseded_by"] for c in answer["citations"]}
    assert links[old["id"]]["document_id"] == new["id"]
    assert links[old["id"]]["revision_id"] == new["revision_id"]
    home = anybody.get(f"/k/{base['slug']}")
    assert (
        f'type="application/atom+xml" title="订阅更新" href="/k/{quote(base["slug"])}/changes.atom"' in home
    )
    response = anybody.http.get(f"/k/{base['slug']}/changes.atom")
    assert response.headers["content-type"].startswith("application/atom+xml")
    feed = ElementTree.fromstring(response.content)  # our own service's answer
    titles = [entry.findtext(f"{ATOM}title") for entry in feed.iter(f"{ATOM}entry")]
    assert titles[:2] == ["已被取代：测试法(2007-06-29)", "新增：测试法(2012-12-28)"]
    assert not [title for title in titles if "paid" in str(title)]
    creator.call("PATCH", f"{own}/{new['id']}", json={"tier": "paid"})
    assert "2012" not in anybody.http.get(f"/k/{base['slug']}/changes.atom").text
    assert "2012" not in anybody.get(f"/k/{base['slug']}/d/{old['id']}")


def test_what_is_unpublished_is_told_to_nobody_and_what_is_deleted_leaves_no_index(
    service: Served, creator: Person
) -> None:
    base = creator.publish_texts("将去", ["# 序\n\n第一条 付费的文字。\n"], [OLD])
    anybody = Caller(service.url)
    folder = next(service.data_dir.rglob(f"passages/{base['id']}"))
    path = f"/v1/knowledge-bases/{base['id']}/changes"
    assert anybody.get(path)["data"]
    creator.post(f"/creator/v1/knowledge-bases/{base['id']}/unpublish", expect=200)
    anybody.get(path, expect=404)
    anybody.get(f"/k/{base['slug']}/changes.atom", expect=404)
    assert creator.get(path)["data"]  # its owner reads on, as who has paid does, and so the index stays
    assert folder.exists()
    creator.call("DELETE", f"/creator/v1/knowledge-bases/{base['id']}", expect=204)
    creator.get(path, expect=404)
    deadline = time.monotonic() + 5
    while folder.exists():
        assert time.monotonic() < deadline
        time.sleep(0.1)
