"""Imports from the web, kept in step: over HTTP, with a real worker and real sites on loopback."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest

from service.knowledge.tables import source
from service.platform.database import Database
from service.usecases.follow_sources import follow_sources
from tests.integration.importing import imported, read, uploaded, work
from tests.integration.library import Library, open_library
from tests.integration.websites import Site, article, rss, website

OPEN = {"egress_allow_loopback": True, "import_host_pause_seconds": 0.0, "import_fetch_seconds": 2.0}
LONG = "Roses are pruned in early spring, when the buds begin to swell and the frost has gone. " * 4


@pytest.fixture
async def library(database: Database, database_url: str, tmp_path: Path) -> AsyncIterator[Library]:
    async with open_library(database, database_url, tmp_path, settings=OPEN) as opened:
        yield opened


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with website() as opened:
        yield opened


async def look_again(library: Library) -> None:
    """The time of every source has come."""
    async with library.context.database.transaction() as session:
        await session.execute(source.update().values(next_check_at=source.c.created_at))
    await follow_sources(library.context)
    await work(library)


async def test_a_page_becomes_its_article_with_its_address_and_who_wrote_it(
    library: Library, site: Site
) -> None:
    creator = await library.creator("maker")
    base = await creator.knowledge_base()
    url = site.put("/pruning?utm_source=x", article("How to prune", LONG, "Cut at 45 degrees."))
    state = await imported(creator, base, kind="url", url=url)
    assert (state["status"], state["total"], state["done"], state["failed"]) == ("done", 1, 1, [])
    (document,) = await creator.documents(base)
    assert (document["title"], document["status"], document["tier"]) == ("How to prune", "ready", "paid")
    assert document["origin"]["url"] == url
    assert (document["origin"]["author"], document["origin"]["published"]) == ("Ada Writer", "2024-03-05")
    page = await read(creator, base, document)
    assert "Cut at 45 degrees." in page["text"]
    assert "Copyright" not in page["text"]
    assert {anchor["locator"]["url"] for anchor in page["anchors"]} == {url}
    (_, headers), *_ = site.asked
    assert "Zhihao" in headers["user-agent"]


async def test_the_address_is_in_the_citation(library: Library, site: Site) -> None:
    creator = await library.creator("cited")
    base = await creator.knowledge_base()
    url = site.put("/zorvia", article("Zorvia", "The capital of Zorvia is Lumen."))
    await imported(creator, base, kind="url", url=url, tier="free")
    await creator.publish(base)
    answer = await library.client.post(
        f"/v1/knowledge-bases/{base['id']}/ask",
        json={"question": "What is the capital of Zorvia?"},
        headers=creator.person.headers,
    )
    assert answer.status_code == 200, answer.text
    citation = answer.json()["citations"][0]
    assert (citation["quote"], citation["locator"]["url"]) == ("The capital of Zorvia is Lumen.", url)


async def test_the_same_page_again_makes_nothing_and_a_changed_one_a_revision(
    library: Library, site: Site
) -> None:
    creator = await library.creator("again")
    base = await creator.knowledge_base()
    url = site.put("/a", article("Pruning", LONG))
    await imported(creator, base, kind="url", url=url)
    (first,) = await creator.documents(base)
    site.put("/a", article("Pruning", LONG, frame="Another advertisement"))
    assert (await imported(creator, base, kind="url", url=url))["done"] == 1
    assert (await creator.documents(base))[0]["revision_id"] == first["revision_id"]
    site.put("/a", article("Pruning", LONG, "And in autumn."))
    assert (await imported(creator, base, kind="url", url=url))["done"] == 1
    (changed,) = await creator.documents(base)
    assert (changed["id"], changed["revision_id"] != first["revision_id"]) == (first["id"], True)


async def test_of_a_list_of_links_each_that_cannot_be_had_is_named_and_the_rest_goes_on(
    library: Library, site: Site
) -> None:
    creator = await library.creator("lister")
    base = await creator.knowledge_base()
    good = [site.put(f"/{n}", article(f"Page {n}", f"Seed packet number {n}. {LONG}")) for n in range(3)]
    image = site.put("/x.png", b"\x89PNG", "image/png")
    bad = [site.url + "/missing", image, "file:///etc/passwd", "http://10.0.0.8/", "gopher://x/", good[0]]
    state = await imported(creator, base, kind="url", urls=[*good, *bad])
    assert (state["status"], state["total"], state["done"]) == ("done", 8, 3)
    assert {each["name"]: each["code"] for each in state["failed"]} == {
        site.url + "/missing": "http_error",
        image: "unsupported_content_type",
        "file:///etc/passwd": "address_refused",
        "http://10.0.0.8/": "address_refused",
        "gopher://x/": "address_refused",
    }
    assert all(each["detail"] for each in state["failed"])
    assert site.at_once == 1, "one at a time from one host"


@pytest.mark.parametrize("form", ["links.txt", "links.json", "links.opml"])
async def test_a_list_of_links_may_be_a_file(library: Library, site: Site, form: str) -> None:
    creator = await library.creator("filer")
    base = await creator.knowledge_base()
    urls = [site.put(f"/{n}", article(f"Page {n}", f"Number {n}. {LONG}")) for n in range(2)]
    written = {
        "links.txt": "# my list\n" + "\n".join(f"- {url}" for url in urls),
        "links.json": json.dumps({"items": [{"url": url, "title": "x"} for url in urls]}),
        "links.opml": '<?xml version="1.0"?><opml><body>'
        + "".join(f'<outline type="link" url="{url}"/>' for url in urls)
        + "</body></opml>",
    }[form]
    state = await uploaded(creator, base, form, written, kind="url")
    assert (state["total"], state["done"], state["failed"]) == (2, 2, [])


async def test_a_feed_is_imported_and_kept_in_step_by_what_changed(library: Library, site: Site) -> None:
    creator = await library.creator("feeder")
    base = await creator.knowledge_base()
    for name in ("one", "two"):
        site.put(f"/{name}", article(name.title(), f"This is {name}. {LONG}"))
    entries = [("/one", "One", "a teaser"), ("/two", "Two", "a teaser")]
    feed = site.put("/feed", rss(site, *entries), "application/rss+xml", tagged=True)
    state = await imported(creator, base, kind="feed", url=feed)
    assert (state["status"], state["total"], state["done"], state["failed"]) == ("done", 2, 2, [])
    path = f"/knowledge-bases/{base['id']}/sources"
    (kept,) = (await creator.get(path))["data"]
    assert (kept["kind"], kept["url"], kept["title"], kept["entries"]) == ("feed", feed, "A feed", 2)

    site.asked.clear()
    await look_again(library)
    assert site.paths() == ["/feed"], "nothing changed, and only the feed was asked"
    assert site.asked[0][1]["if-none-match"] == site.pages["/feed"].etag

    site.put("/three", article("Three", f"This is three. {LONG}"))
    entries = [("/three", "Three", "a teaser"), ("/two", "Two", "another teaser"), entries[0]]
    site.put("/two", article("Two", f"This is two, changed. {LONG}"))
    site.put("/feed", rss(site, *entries), "application/rss+xml", tagged=True)
    site.asked.clear()
    await look_again(library)
    assert sorted(site.paths()) == ["/feed", "/three", "/two"]
    documents = {each["title"]: each for each in await creator.documents(base)}
    assert set(documents) == {"One", "Two", "Three"}
    assert "two, changed" in (await read(creator, base, documents["Two"]))["text"]

    await creator.delete(f"{path}/{kept['id']}")
    assert (await creator.get(path))["data"] == []
    site.asked.clear()
    await look_again(library)
    assert site.asked == []
    assert len(await creator.documents(base)) == 3, "what was imported stays"
    gone = await creator.send("DELETE", f"{path}/{kept['id']}")
    assert (gone.status_code, gone.json()["code"]) == (404, "source_not_found")


async def test_an_entry_that_could_not_be_had_is_tried_again_at_the_next_looks(
    library: Library, site: Site
) -> None:
    creator = await library.creator("patient")
    base = await creator.knowledge_base()
    feed = site.put("/feed", rss(site, ("/late", "Late", "")), "application/rss+xml", tagged=True)
    state = await imported(creator, base, kind="feed", url=feed)
    assert (state["done"], [each["code"] for each in state["failed"]]) == (0, ["http_error"])
    site.put("/late", article("Late", f"Here at last. {LONG}"))
    await look_again(library)
    assert [each["title"] for each in await creator.documents(base)] == ["Late"]


async def test_an_entry_with_its_whole_text_is_taken_from_the_feed(library: Library, site: Site) -> None:
    creator = await library.creator("whole")
    base = await creator.knowledge_base()
    said = f"<![CDATA[<p>{LONG * 3}</p><p>Told in the feed.</p>]]>"
    feed = site.put("/atom", rss(site, ("/elsewhere", "Whole", said)), "text/xml")
    state = await imported(creator, base, kind="feed", url=feed)
    assert (state["done"], state["failed"]) == (1, [])
    (document,) = await creator.documents(base)
    assert document["origin"]["url"] == site.url + "/elsewhere"
    assert "Told in the feed." in (await read(creator, base, document))["text"]
    assert site.paths() == ["/atom"]


async def test_a_source_that_fails_says_why_and_waits_longer(library: Library, site: Site) -> None:
    creator = await library.creator("failing")
    base = await creator.knowledge_base()
    site.put("/one", article("One", LONG))
    feed = site.put("/feed", rss(site, ("/one", "One", "")), "application/rss+xml")
    await imported(creator, base, kind="feed", url=feed)
    site.put("/feed", "<html>no feed any more</html>")
    await look_again(library)
    (kept,) = (await creator.get(f"/knowledge-bases/{base['id']}/sources"))["data"]
    assert kept["reason"]["code"] == "not_a_feed"
    assert kept["next_check_at"] > kept["checked_at"]


async def test_a_page_is_kept_in_step_where_asked(library: Library, site: Site) -> None:
    creator = await library.creator("follower")
    base = await creator.knowledge_base()
    url = site.put("/page", article("Page", f"As it was. {LONG}"))
    await imported(creator, base, kind="url", url=url, follow=True)
    imports = f"/knowledge-bases/{base['id']}/imports"
    await look_again(library)
    assert len((await creator.get(imports))["data"]) == 1, "what did not change makes no import"
    site.put("/page", article("Page", f"As it is. {LONG}"))
    await look_again(library)
    (document,) = await creator.documents(base)
    assert "As it is." in (await read(creator, base, document))["text"]


async def test_sources_are_their_owners_alone(library: Library, site: Site) -> None:
    creator, other = await library.creator("owner"), await library.creator("stranger")
    base = await creator.knowledge_base()
    site.put("/one", article("One", LONG))
    feed = site.put("/feed", rss(site, ("/one", "One", "")), "application/rss+xml")
    await imported(creator, base, kind="feed", url=feed)
    path = f"/knowledge-bases/{base['id']}/sources"
    (kept,) = (await creator.get(path))["data"]
    assert (await other.send("GET", path)).status_code == 404
    assert (await other.send("DELETE", f"{path}/{kept['id']}")).status_code == 404
    assert UUID(kept["id"])


async def test_a_saved_wechat_article_is_read_from_its_content(library: Library) -> None:
    creator = await library.creator("reader")
    base = await creator.knowledge_base()
    saved = (
        '<html><head><meta property="og:title" content="立夏养生">'
        '<meta property="og:url" content="https://mp.weixin.qq.com/s/abc"></head><body>'
        '<h1 id="activity-name">立夏养生</h1><a id="js_name">中医小课</a><div id="js_content" '
        'style="visibility: hidden"><section><p>立夏宜养心，午时小憩三刻。</p>'
        '<img data-src="https://mmbiz.qpic.cn/a.png"></section></div><div>在看</div>'
        '<script>var ct = "1714900000";</script></body></html>'
    )
    state = await uploaded(creator, base, "立夏.html", saved, kind="wechat_article")
    assert (state["done"], state["failed"]) == (1, [])
    (document,) = await creator.documents(base)
    assert document["title"] == "立夏"
    assert document["origin"] == {
        "url": "https://mp.weixin.qq.com/s/abc",
        "author": "中医小课",
        "published": "2024-05-05",
        "site": "中医小课",
    }
    assert (await read(creator, base, document))["text"] == "立夏养生\n\n立夏宜养心，午时小憩三刻。"


async def test_one_address_that_is_none_is_refused_at_once(library: Library) -> None:
    creator = await library.creator("refused")
    base = await creator.knowledge_base()
    path = f"/knowledge-bases/{base['id']}/imports"
    for url in (
        "file:///etc/passwd",
        "http://169.254.169.254/latest",
        "http://[::ffff:10.0.0.1]/",
        "nonsense",
    ):
        refused = await creator.send("POST", path, json={"kind": "url", "url": url})
        assert (refused.status_code, refused.json()["code"]) == (400, "invalid_address"), url
        assert refused.json()["errors"][0]["pointer"] == "/url"
    for body in (
        {"kind": "url"},
        {"kind": "feed", "urls": []},
        {"kind": "url", "url": "http://a.b", "urls": ["x"]},
    ):
        assert (await creator.send("POST", path, json=body)).status_code == 400
