"""What a shared link opens, in a browser without JavaScript and in hostile hands."""

import re
from html import unescape
from html.parser import HTMLParser
from urllib.parse import quote
from uuid import uuid4

import pytest

from tests.journeys import texts
from tests.journeys.people import Caller, Person, eventually
from tests.journeys.serving import Served

PAYLOADS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'--><svg/onload=alert(1)>",
    "{{ 7 * 7 }}{% raw %}",
    "</title></textarea><iframe srcdoc=x>",
    "javascript:alert(1)",
]
ELEMENTS = """
    html head meta title link body header a form input button main section article aside h1 h2 p ul ol li
    strong span small details summary pre code footer mark em div dl dt dd
"""
ALLOWED = frozenset(ELEMENTS.split())


class Elements(HTMLParser):
    """The elements of a page with their attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def assert_runs_nothing(html: str) -> None:
    for tag, attributes in Elements(html).found:
        assert tag in ALLOWED, tag
        assert not [name for name in attributes if name.startswith("on") or name == "style"], attributes
        for name in ("href", "src", "action"):
            assert re.match(r"(/|\?|#|https?://|$)", attributes.get(name) or ""), attributes


@pytest.fixture
def anybody(service: Served) -> Caller:
    caller = Caller(service.url)
    caller.http.headers["Accept-Language"] = "en"
    return caller


def test_a_published_base_has_a_page_with_its_plans_and_free_documents(
    anybody: Caller, creator: Person
) -> None:
    base = creator.publish_texts("陽台園藝", [texts.ROSE], [texts.FREE], free_questions=2)
    response = anybody.http.get(f"/k/{base['slug']}")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/html")
    policy = response.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    html = response.text
    assert "陽台園藝" in html
    assert "林知行" in html
    assert "¥9.90" in html
    assert "2 free questions a month" in html
    assert '<meta property="og:title" content="陽台園藝">' in html
    assert "noindex" not in html
    assert "potash" not in html
    (path,) = re.findall(r'href="(/k/[^"]+/d/[^"]+)"', html)
    document = anybody.get(path)
    assert "This preface is free for everybody." in document
    assert_runs_nothing(html)
    assert_runs_nothing(document)
    assert not response.cookies


def test_the_pages_speak_chinese_and_english(anybody: Caller) -> None:
    english = anybody.http.get("/")
    chinese = anybody.http.get("/", headers={"Accept-Language": "zh-CN,zh;q=0.9"})
    assert (english.headers["content-language"], chinese.headers["content-language"]) == ("en", "zh")
    assert "Search" in english.text
    assert "搜索" in chinese.text


def test_the_style_is_our_own_file_and_may_be_kept(anybody: Caller) -> None:
    (path,) = re.findall(r'<link rel="stylesheet" href="([^"]+)">', anybody.get("/"))
    style = anybody.http.get(path)
    assert style.status_code == 200
    assert style.headers["content-type"].startswith("text/css")
    assert "immutable" in style.headers["cache-control"]
    assert "@import" not in style.text
    assert "url(" not in style.text


def test_a_citation_opens_its_exact_span_under_the_same_access(anybody: Caller, creator: Person) -> None:
    base = creator.publish_texts("引文", [texts.ROSE], [texts.FREE])
    answer = creator.ask(base["id"], "When should I feed roses with potash?")
    citation = answer["citations"][0]
    path = f"/k/{base['slug']}/d/{citation['document_id']}"
    query = {name: citation[name] for name in ("start", "end", "revision_id")}
    html = creator.get(path, params=query)
    marked = "".join(re.findall(r"<mark[^>]*>(.*?)</mark>", html, re.DOTALL))
    assert marked == citation["quote"]
    closed = anybody.http.get(path, params=query)
    assert closed.status_code == 402
    assert "potash" not in closed.text
    assert "¥9.90" in closed.text
    other = str(uuid4())
    assert anybody.http.get(f"/k/{base['slug']}/d/{other}").status_code == 404


def test_a_receipt_has_a_page_without_question_and_answer(anybody: Caller, creator: Person) -> None:
    base = creator.publish_texts("收據", [texts.ROSE])
    answer = creator.ask(base["id"], "When should I feed roses with potash?")
    html = anybody.get(f"/r/{answer['receipt_id']}")
    assert anybody.get(f"/v1/receipts/{answer['receipt_id']}")["signature"] in html
    assert "potash" not in html
    assert "收據" not in html
    assert_runs_nothing(html)
    assert anybody.http.get(f"/r/{uuid4()}").status_code == 404


def test_what_is_not_public_has_no_page(anybody: Caller, creator: Person) -> None:
    draft = creator.make_base("草稿")
    private = creator.publish_texts("私人", [texts.ROSE], visibility="private")
    for base in (draft, private, {"slug": "nothing-of-this-name"}):
        response = anybody.http.get(f"/k/{base['slug']}")
        assert response.status_code == 404
        assert response.headers["content-type"].startswith("text/html")
        assert "草稿" not in response.text
        assert "私人" not in response.text


def test_an_unlisted_base_is_for_those_with_the_link_and_not_for_search_engines(
    anybody: Caller, creator: Person
) -> None:
    base = creator.publish_texts("不列出", [texts.ROSE], visibility="unlisted")
    response = anybody.http.get(f"/k/{base['slug']}")
    assert response.status_code == 200
    assert '<meta name="robots" content="noindex">' in response.text
    assert response.headers["x-robots-tag"] == "noindex"


def test_a_creator_has_a_page_and_other_names_have_none(anybody: Caller, service: Served) -> None:
    author = Person(service.url)
    handle = author.open_profile()
    base = author.publish_texts("作者頁", [texts.ROSE])
    html = anybody.get(f"/@{handle}")
    assert "林知行" in html
    assert f"/k/{quote(base['slug'])}" in html
    assert anybody.get(f"/@{handle.upper()}")
    assert anybody.http.get("/@nobody-of-this-name").status_code == 404
    for accept, kind in (("text/html", "text/html"), ("*/*", "application/problem+json")):
        nothing = anybody.http.get("/nothing-here", headers={"Accept": accept})
        assert nothing.status_code == 404
        assert nothing.headers["content-type"].startswith(kind)


def test_the_square_is_a_page_with_a_search(anybody: Caller, creator: Person) -> None:
    word = f"s{uuid4().hex[:10]}"
    base = creator.publish_texts(f"Square {word}", [texts.ROSE])

    def shown() -> str | None:
        html: str = anybody.get("/", params={"q": word})
        return html if f"/k/{quote(base['slug'])}" in html else None

    html = eventually(shown, what="the card")
    assert f"<em>{word}</em>" in html
    assert_runs_nothing(html)
    assert_runs_nothing(anybody.get("/"))
    assert "Nothing found" in anybody.get("/", params={"q": "no such words at all xyzzyq"})


@pytest.mark.parametrize("payload", PAYLOADS)
def test_text_of_any_kind_runs_nothing(anybody: Caller, service: Served, payload: str) -> None:
    author = Person(service.url, payload)
    handle = f"p{uuid4().hex[:10]}"
    profile = {"handle": handle, "name": payload, "bio": payload}
    author.call("PUT", "/creator/v1/profile", json=profile)
    base = author.publish_texts(
        f"t {payload}",
        [texts.ROSE],
        [f"# {payload}\n\n{payload}\n\nThe rose {payload} is free.\n"],
        summary=payload,
        category=payload,
        tags=[payload],
    )
    card = anybody.get(f"/v1/knowledge-bases/{base['id']}")
    (free,) = card["free_documents"]
    pages = [
        anybody.get(f"/k/{base['slug']}", params={"ref": payload}),
        anybody.get(f"/k/{base['slug']}/d/{free['id']}", params={"start": 2, "end": 2 + len(payload)}),
        anybody.get(f"/@{handle}"),
        anybody.get("/", params={"q": payload}),
        anybody.get("/", params={"category": payload, "tag": payload}),
    ]
    for html in pages:
        assert_runs_nothing(html)
    for html in pages[:3]:
        assert payload in unescape(html), "it is shown as it was written"


def test_odd_addresses_are_answered_with_a_page_and_never_with_a_fault(
    anybody: Caller, creator: Person
) -> None:
    base = creator.publish_texts("奇怪", [texts.ROSE], [texts.FREE])
    (free,) = anybody.get(f"/v1/knowledge-bases/{base['id']}")["free_documents"]
    path = f"/k/{base['slug']}/d/{free['id']}"
    for query in (
        {"start": "x"},
        {"start": "-1", "end": "5"},
        {"start": str(10**30), "end": "1"},
        {"begin": "-5"},
        {"revision_id": "no"},
        {"revision_id": str(uuid4())},
    ):
        assert anybody.http.get(path, params=query).status_code in {200, 400, 404}
    for odd in (
        "/k/%00",
        "/k/..%2f..%2fetc",
        "/k/" + "x" * 3000,
        "/?cursor=nonsense",
        "/?sort=no",
        "/@%F0%9F",
    ):
        assert anybody.http.get(odd).status_code in {200, 400, 404}
