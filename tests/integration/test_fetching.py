"""Fetching what strangers name never reaches what is inside, and takes no more than it may."""

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator

import pytest

from service.platform.egress import Egress
from service.platform.fetching import Fetched, Fetcher, FetchFailed
from tests.integration.names import Names, listening, names
from tests.integration.websites import Site, website

MOST = 100_000


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with website() as opened:
        yield opened


def fetcher(
    resolve: Names | None = None, *, loopback: bool = True, ports: tuple[int, ...] = (80, 443)
) -> Fetcher:
    return Fetcher(
        Egress(ports=ports, allow_loopback=loopback, resolve=resolve),
        user_agent="Zhihao (+http://127.0.0.1)",
        seconds=1.0,
        max_bytes=MOST,
        redirects=3,
        concurrency=4,
        pause_seconds=0.0,
    )


async def refusal(fetcher: Fetcher, url: str) -> str:
    with pytest.raises(FetchFailed) as failed:
        await fetcher.get(url)
    assert "127.0.0.1" not in failed.value.detail
    return failed.value.code


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.8", "192.168.1.1", "169.254.169.254", "100.100.100.200", "::1", "fe80::1",
     "fd00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1", "2002:7f00:1::",
     "0.0.0.0"],
)  # fmt: skip
async def test_no_name_and_no_literal_leads_inside(address: str) -> None:
    async with listening() as (port, came):
        closed = fetcher(names(inside_example=[address]), loopback=False, ports=(port,))
        assert await refusal(closed, f"http://inside.example:{port}/") == "address_refused"
        literal = f"[{address}]" if ":" in address else address
        assert await refusal(closed, f"http://{literal}:{port}/") == "address_refused"
        assert came == []


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "gopher://a.example/", "ftp://a.example/", "http://user:pw@a.example/",
     "http://a.example:22/", "data:text/html,x", "//a.example/", "http://a.example\\@b.example/", "http://[fe80::1%25eth0]/"],
)  # fmt: skip
async def test_other_schemes_ports_and_tricks_of_form_are_refused(url: str) -> None:
    resolve = names(a_example=["8.8.8.8"])
    assert await refusal(fetcher(resolve, loopback=False), url) == "address_refused"
    assert resolve.asked == []


async def test_a_name_that_changes_its_mind_is_looked_up_once(site: Site) -> None:
    resolve = Names({"rebinding.example": [["8.8.8.8"], ["127.0.0.1"]]})
    closed = fetcher(resolve, loopback=False, ports=(site.port,))
    assert await refusal(closed, f"http://rebinding.example:{site.port}/") == "fetch_failed"
    assert resolve.asked == ["rebinding.example"]
    assert site.asked == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_each_hop_of_a_redirect_is_looked_at(site: Site, status: int) -> None:
    resolve = names(site_example=["127.0.0.1"], inside_example=["10.0.0.1"])
    for onward in (
        "http://inside.example/",
        "file:///etc/passwd",
        "http://169.254.169.254/",
        "http://[::ffff:a00:1]/",
    ):
        site.put("/", b"", status=status, headers={"Location": onward})
        assert await refusal(fetcher(resolve), f"http://site.example:{site.port}/") == "address_refused"
    site.put("/", b"", status=status, headers={"Location": "/"})
    assert await refusal(fetcher(), site.url + "/") == "too_many_redirects"
    site.put("/", b"", status=status, headers={"Location": "/there"})
    site.put("/there", "<p>There</p>")
    found = await fetcher().get(site.url + "/")
    assert found is not None
    assert (found.url, found.body) == (site.url + "/there", b"<p>There</p>")


async def test_what_is_too_long_packed_or_not_is_stopped(site: Site) -> None:
    bomb = gzip.compress(b"\0" * 100_000_000)
    assert len(bomb) < MOST
    site.put("/long", b"x" * (MOST + 1))
    site.put("/bomb", bomb, headers={"Content-Encoding": "gzip"})
    site.put("/deflated", zlib.compress(b"\0" * 10_000_000), headers={"Content-Encoding": "deflate"})
    for path in ("/long", "/bomb", "/deflated"):
        assert await refusal(fetcher(), site.url + path) == "file_too_large"
    site.put("/br", b"x", headers={"Content-Encoding": "br"})
    assert await refusal(fetcher(), site.url + "/br") == "unsupported_encoding"
    site.put("/cut", gzip.compress(b"hello" * 1000)[:-9], headers={"Content-Encoding": "gzip"})
    assert await refusal(fetcher(), site.url + "/cut") == "fetch_failed"
    site.put("/small", gzip.compress(b"hello"), headers={"Content-Encoding": "gzip"})
    found = await fetcher().get(site.url + "/small")
    assert isinstance(found, Fetched)
    assert found.body == b"hello"


async def test_who_is_too_slow_or_answers_otherwise_is_named(site: Site) -> None:
    site.put("/slow", "late", seconds=5.0)
    assert await refusal(fetcher(), site.url + "/slow") == "fetch_failed"
    assert await refusal(fetcher(), site.url + "/missing") == "http_error"


async def test_an_answer_that_has_not_changed_is_none(site: Site) -> None:
    url = site.put("/page", "<p>Once</p>", tagged=True)
    first = await fetcher().get(url)
    assert first is not None
    assert await fetcher().get(url, validators=first.validators) is None
    site.put("/page", "<p>Twice</p>", tagged=True)
    changed = await fetcher().get(url, validators=first.validators)
    assert changed is not None
    assert changed.body == b"<p>Twice</p>"


async def test_from_one_host_one_is_fetched_at_a_time() -> None:
    async with website() as one, website() as other:
        resolve = names(one_example=["127.0.0.1"], other_example=["127.0.0.1"])
        both = fetcher(resolve)
        for site in (one, other):
            site.put("/", "<p>Here</p>", seconds=0.05)
        urls = [f"http://{name}.example:{site.port}/" for name, site in (("one", one), ("other", other))]
        await asyncio.gather(*(both.get(url) for url in urls * 3))
        assert (one.at_once, other.at_once) == (1, 1)
        assert len(one.asked) == len(other.asked) == 3
