"""Pages, feeds and lists of links as strangers write them."""

import pytest

from service.knowledge.parsing.parsed import UnreadableFile
from service.knowledge.sources.articles import parse_article, read_page, read_wechat
from service.knowledge.sources.feeds import read_feed
from service.knowledge.sources.links import read_links

ATOM = """<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>F</title><entry>
<id>urn:1</id><title>One</title><link href="/one"/><updated>2024-05-01T00:00:00Z</updated>
<summary>s</summary></entry></feed>"""


def test_a_canonical_address_counts_only_for_its_own_host() -> None:
    def found(named: str) -> str | None:
        page = f'<html><head><link rel="canonical" href="{named}"></head><body><p>Text.</p></body></html>'
        return read_page(page.encode(), url="https://a.example/x?utm=1").origin.url

    assert found("https://a.example/x") == found("/x#top") == "https://a.example/x"
    for foreign in ("https://evil.example/x", "javascript:alert(1)", "http://a.example:81/x"):
        assert found(foreign) == "https://a.example/x?utm=1"


def test_a_short_page_is_taken_whole_but_for_what_is_around_it() -> None:
    body = "<nav>Home</nav><h1>Zorvia</h1><p>Its capital is Lumen.</p><footer>©</footer>"
    article = read_page(f"<html><body>{body}</body></html>".encode(), url="https://a.example/")
    assert parse_article(article.page, article.origin).text == "Zorvia\n\nIts capital is Lumen."


def test_a_wechat_article_that_is_gone_or_behind_a_check_says_so() -> None:
    for said in ("该内容已被发布者删除", "环境异常，完成验证后即可继续访问"):
        with pytest.raises(UnreadableFile) as refused:
            read_wechat(f"<html><body>{said}</body></html>".encode(), url="https://mp.weixin.qq.com/s/x")
        assert refused.value.code == "article_unavailable"


def test_a_feed_in_atom_has_absolute_links_and_days() -> None:
    (entry,) = read_feed(ATOM.encode(), url="https://a.example/feed").entries
    assert (entry.link, entry.title, entry.published) == ("https://a.example/one", "One", "2024-05-01")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b'<!DOCTYPE x [<!ENTITY a "b">]><rss version="2.0"><channel/></rss>', "unsafe_feed"),
        ('<?xml version="1.0" encoding="utf-16"?><!ENTITY a "b">'.encode("utf-16"), "unsafe_feed"),
        (b"<html><body>no feed</body></html>", "not_a_feed"),
        (b"", "not_a_feed"),
    ],
)
def test_what_is_no_feed_or_a_bomb_is_refused(data: bytes, code: str) -> None:
    with pytest.raises(UnreadableFile) as refused:
        read_feed(data, url="https://a.example/feed")
    assert refused.value.code == code


def test_links_are_read_out_of_texts_json_and_opml() -> None:
    text = "# http://no.example/\n[x](https://a.example/b_(c)) 见 https://b.example/路。\nhttps://a.example/b_(c)"
    assert read_links("a.md", text.encode(), feeds=False) == [
        "https://a.example/b_(c)",
        "https://b.example/路",
    ]
    assert read_links("a.json", b'["http://a/1", {"url": "http://b/2", "note": "x"}]', feeds=False) == [
        "http://a/1",
        "http://b/2",
    ]
    opml = b'<opml><body><outline><outline xmlUrl="http://a/f" htmlUrl="http://a/h"/></outline></body></opml>'
    assert read_links("a.opml", opml, feeds=True) == ["http://a/f"]
    assert read_links("a.opml", opml, feeds=False) == ["http://a/h"]
    bomb = b'<!DOCTYPE x [<!ENTITY a "b">]><opml><body/></opml>'
    for name, data in (("a.opml", bomb), ("a.json", b"[" * 100_000), ("a.txt", b"nothing here")):
        with pytest.raises(UnreadableFile):
            read_links(name, data, feeds=False)
