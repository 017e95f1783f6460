"""A creator brings in what is elsewhere: pages, articles, feeds, links, chats, meetings. One story each."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.journeys.people import Person, eventually

LONG = "Roses are pruned in early spring, when the buds begin to swell and the frost has gone. " * 4
CHAT = "张三 2024-05-01 10:02:33\n退款要几天到账？\n李四 2024-05-01 10:03:00\n退款三个工作日到账。\n"
MEETING = (
    "WEBVTT\n\n00:00:12.000 --> 00:00:15.500\n<v 张三>我们决定把新品发布定在九月八日。</v>\n\n"
    "00:01:05.000 --> 00:01:08.000\n<v 李四>我负责场地，周五之前完成。</v>\n"
)


class Site:
    """Pages on this machine, by path."""

    def __init__(self) -> None:
        self.pages: dict[str, tuple[str, str]] = {}
        pages = self.pages

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                kind, body = pages.get(self.path, ("text/plain", ""))
                self.send_response(200 if body else 404)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body.encode())))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_: object) -> None:
                """Nothing is told of a request."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def put(self, path: str, body: str, kind: str = "text/html; charset=utf-8") -> str:
        self.pages[path] = (kind, body)
        return self.url + path


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    running = threading.Thread(target=made.server.serve_forever, args=(0.05,))
    running.start()
    yield made
    made.server.shutdown()
    running.join()
    made.server.server_close()


def page(title: str, *paragraphs: str) -> str:
    body = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    article = f"<article><h1>{title}</h1>{body}</article>"
    return f"<html><head><title>{title}</title></head><body>{article}</body></html>"


def documents(creator: Person, base: dict[str, Any]) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = creator.get(f"/creator/v1/knowledge-bases/{base['id']}/documents")["data"]
    return listed


def test_a_page_by_its_address_is_cited_with_it(creator: Person, site: Site) -> None:
    base = creator.make_base()
    url = site.put("/zorvia", page("Zorvia", "The capital of Zorvia is Lumen.", LONG))
    state = creator.import_links(base["id"], "url", url=url)
    assert (state["status"], state["done"], state["failed"]) == ("done", 1, [])
    answer = creator.ask(base["id"], "What is the capital of Zorvia?")
    assert answer["citations"][0]["locator"]["url"] == url
    refused = creator.post(
        f"/creator/v1/knowledge-bases/{base['id']}/imports",
        {"kind": "url", "url": "http://169.254.169.254/latest/meta-data"},
        expect=400,
    )
    assert refused["code"] == "invalid_address"


def test_a_wechat_article_by_its_address(creator: Person, site: Site) -> None:
    base = creator.make_base()
    article = (
        '<html><body><h1 id="activity-name">立夏养生</h1><a id="js_name">中医小课</a><div id="js_content">'
        "<p>立夏宜养心，午时小憩三刻。</p></div></body></html>"
    )
    state = creator.import_links(base["id"], "wechat_article", url=site.put("/s/abc", article))
    assert (state["done"], state["failed"]) == (1, [])
    (document,) = documents(creator, base)
    assert (document["title"], document["origin"]["author"]) == ("立夏养生", "中医小课")


def test_a_list_of_links_names_those_that_cannot_be_had(creator: Person, site: Site) -> None:
    base = creator.make_base()
    urls = [site.put(f"/{n}", page(f"Page {n}", f"Seed packet number {n}.", LONG)) for n in range(2)]
    state = creator.import_file(base["id"], "url", "links.txt", "\n".join([*urls, site.url + "/missing"]))
    assert (state["total"], state["done"]) == (3, 2)
    assert [(each["name"], each["code"]) for each in state["failed"]] == [
        (site.url + "/missing", "http_error")
    ]


def test_a_feed_is_kept_in_step_until_it_is_stopped(creator: Person, site: Site) -> None:
    base = creator.make_base()

    def publish(*names: str) -> str:
        items = ""
        for name in names:
            url = site.put(f"/{name}", page(name, f"This is {name}.", LONG))
            items += f"<item><title>{name}</title><link>{url}</link></item>"
        body = f'<rss version="2.0"><channel><title>A feed</title>{items}</channel></rss>'
        return site.put("/feed", body, "application/rss+xml")

    state = creator.import_links(base["id"], "feed", url=publish("one"))
    assert (state["done"], state["failed"]) == (1, [])
    publish("one", "two")
    eventually(lambda: len(documents(creator, base)) == 2 or None, seconds=30, what="the new entry")
    path = f"/creator/v1/knowledge-bases/{base['id']}/sources"
    (kept,) = creator.get(path)["data"]
    assert (kept["kind"], kept["title"], kept["reason"]) == ("feed", "A feed", None)
    creator.call("DELETE", f"{path}/{kept['id']}", expect=204)
    assert creator.get(path)["data"] == []


def test_a_chat_is_cited_by_who_said_it_and_when_or_without_names(creator: Person) -> None:
    base = creator.make_base()
    assert creator.import_file(base["id"], "chat_export", "客服群.txt", CHAT)["done"] == 1
    answer = creator.ask(base["id"], "退款几天到账？")
    assert "三个工作日" in answer["text"]
    assert answer["citations"][0]["locator"]["time"].startswith("2024-05-01T10:0")
    hidden = creator.make_base("没有名字")
    state = creator.import_file(hidden["id"], "chat_export", "与张三的聊天.txt", CHAT, hide_names="true")
    assert state["done"] == 1
    (document,) = documents(creator, hidden)
    shown = creator.get(f"/v1/knowledge-bases/{hidden['id']}/documents/{document['id']}")
    assert "张三" not in str(shown)
    assert "张三" not in str(document)
    assert "退款三个工作日到账。" in shown["text"]


def test_a_meeting_becomes_minutes_that_lead_into_its_transcript(creator: Person) -> None:
    base = creator.make_base()
    assert creator.import_file(base["id"], "transcript", "周会.vtt", MEETING)["done"] == 1
    (document,) = documents(creator, base)
    assert document["title"] == "周会"
    shown = creator.get(f"/v1/knowledge-bases/{base['id']}/documents/{document['id']}")
    assert "- 我们决定把新品发布定在九月八日。（张三 00:00:12）" in shown["text"]
    decided = [a["locator"] for a in shown["anchors"] if a["locator"]["heading_path"] == ["会议纪要", "决定"]]
    target = decided[-1]["target"]
    assert shown["text"][target["start"] : target["end"]].startswith("张三 00:00:12\n")
    answer = creator.ask(base["id"], "新品发布定在哪一天？")
    assert "九月八日" in answer["text"]
    assert answer["citations"][0]["locator"]["timecode"] == "00:00:12"
