"""Requests to addresses that strangers name never reach what is inside."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from service.platform.egress import Egress, EgressFailed, EgressRefused
from service.platform.embedded import UnsafeSettings, refuse_unsafe
from service.platform.settings import Settings
from tests.integration.certificates import self_signed
from tests.integration.names import Names, listening, names
from tests.integration.receiving import Received, Receiver, receiving


async def get(egress: Egress, url: str, *, max_bytes: int = 1000, cut: bool = False, redirects: int = 0,
              seconds: float = 2) -> bytes:  # fmt: skip
    reply = await egress.request(
        "GET", url, seconds=seconds, max_bytes=max_bytes, cut=cut, redirects=redirects
    )
    return reply.body


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving((200, "hello")) as receiver:
        yield receiver


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["::1"],
        ["::ffff:127.0.0.1"],
        ["10.0.0.8"],
        ["169.254.169.254"],
        ["fd00::1"],
        ["fe80::1%lo"],
        ["0.0.0.0"],
        ["8.8.8.8", "127.0.0.1"],  # one inside refuses all
        ["not an address"],
    ],
)
async def test_a_name_that_leads_inside_is_refused_and_nothing_is_connected_to(addresses: list[str]) -> None:
    async with listening() as (port, came):
        egress = Egress(ports=(port,), resolve=names(inside_example=addresses))
        with pytest.raises(EgressRefused) as refused:
            await get(egress, f"http://inside.example:{port}/")
        assert came == []
        assert not any(address in str(refused.value) for address in addresses)


@pytest.mark.parametrize("host", ["localhost", "2130706433", "0x7f000001", "0177.0.0.1", "127.1"])
async def test_other_ways_to_write_this_machine_lead_nowhere(host: str) -> None:
    """With the system's own resolver, which takes all of these for loopback."""
    async with listening() as (port, came):
        with pytest.raises((EgressRefused, EgressFailed)):
            await get(Egress(ports=(port,)), f"http://{host}:{port}/")
        assert came == []


async def test_a_name_that_changes_its_mind_between_look_and_connection_gains_nothing(
    receiver: Receiver,
) -> None:
    """The rebinding attack: a harmless answer first, an inner address at once after."""
    resolve = Names({"rebinding.example": [["8.8.8.8"], ["127.0.0.1"]]})
    egress = Egress(ports=(receiver.port,), resolve=resolve)
    with pytest.raises(EgressFailed):
        await get(egress, f"http://rebinding.example:{receiver.port}/", seconds=0.5)
    assert resolve.asked == ["rebinding.example"], "it is looked up once, and that address connected to"
    assert receiver.received == []


async def test_the_connection_goes_to_the_looked_up_address_under_the_name(receiver: Receiver) -> None:
    egress = Egress(ports=(80,), allow_loopback=True, resolve=names(shop_example=["127.0.0.1"]))
    reply = await egress.request(
        "POST",
        f"http://shop.example:{receiver.port}/a?b=c",
        headers={"X-Own": "1"},
        content=b"{}",
        seconds=2,
        max_bytes=100,
    )
    assert (reply.status, reply.body) == (200, b"hello")
    (got,) = receiver.received
    assert (got.method, got.path, got.body) == ("POST", "/a?b=c", b"{}")
    assert got.headers["host"] == f"shop.example:{receiver.port}"
    assert got.headers["x-own"] == "1"


async def test_a_redirect_inside_is_refused_at_its_hop(receiver: Receiver) -> None:
    async with listening() as (port, came):
        resolve = names(shop_example=["127.0.0.1"], inside_example=["10.0.0.1"])
        for location in (f"http://inside.example:{port}/", "file:///etc/passwd", "http://169.254.169.254/"):
            receiver.answer = (302, location)
            egress = Egress(ports=(80,), allow_loopback=True, resolve=resolve)
            with pytest.raises(EgressRefused):
                await get(egress, f"http://shop.example:{receiver.port}/", redirects=3)
        assert came == []


async def test_redirects_are_followed_where_asked_and_only_so_far(receiver: Receiver) -> None:
    async def redirects(got: Received) -> tuple[int, str]:
        step = int(got.path.strip("/") or 0)
        return (302, f"/{step + 1}") if step < 3 else (200, "there")

    receiver.answer = redirects
    egress = Egress(ports=(80,), allow_loopback=True)
    assert await get(egress, receiver.url.replace("hook", "0"), redirects=3) == b"there"
    reply = await egress.request(
        "GET", receiver.url.replace("hook", "0"), seconds=2, max_bytes=10, redirects=2
    )
    assert reply.status == 302
    with pytest.raises(EgressRefused, match="Only what is read"):
        await egress.request("POST", receiver.url.replace("hook", "0"), seconds=2, max_bytes=10, redirects=2)


async def test_headers_are_for_the_first_origin_alone(receiver: Receiver) -> None:
    async with receiving((200, "there")) as other:
        receiver.answer = (302, other.url)
        egress = Egress(ports=(80,), allow_loopback=True)
        await egress.request(
            "GET", receiver.url, headers={"Authorization": "secret"}, seconds=2, max_bytes=10, redirects=1
        )
        assert "authorization" in receiver.received[0].headers
        assert "authorization" not in other.received[0].headers


async def test_an_answer_that_is_too_long_is_cut_or_refused(receiver: Receiver) -> None:
    receiver.answer = (200, "x" * 100_000)
    egress = Egress(ports=(80,), allow_loopback=True)
    assert await get(egress, receiver.url, max_bytes=10, cut=True) == b"x" * 10
    with pytest.raises(EgressFailed, match="longer than 10 bytes"):
        await get(egress, receiver.url, max_bytes=10)


async def test_an_answer_that_trickles_ends_with_the_time_that_was_given() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            for _ in range(100):
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.05)
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    egress = Egress(ports=(80,), allow_loopback=True)
    with pytest.raises(EgressFailed, match="no answer within"):
        await get(egress, f"http://127.0.0.1:{port}/", seconds=0.3)
    server.close()


async def test_rubbish_instead_of_http_is_a_failure_and_no_fault_of_ours() -> None:
    for said in (
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"",
        b"HTTP/1.1 200 OK\r\n" + b"a" * 200_000,
    ):

        async def handle(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter, said: bytes = said
        ) -> None:
            writer.write(said)
            writer.close()

        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(EgressFailed):
            await get(Egress(ports=(80,), allow_loopback=True), f"http://127.0.0.1:{port}/")
        server.close()


async def test_no_proxy_of_the_environment_is_used(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with listening() as (port, came):
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
        assert await get(Egress(ports=(80,), allow_loopback=True), receiver.url) == b"hello"
        assert came == []


async def test_loopback_is_reached_only_where_it_is_allowed_and_nothing_else_inside(
    receiver: Receiver,
) -> None:
    with pytest.raises(EgressRefused):
        await get(Egress(ports=(receiver.port,)), receiver.url)
    allowing = Egress(ports=(80,), allow_loopback=True, resolve=names(inside_example=["10.0.0.1"]))
    with pytest.raises(EgressRefused):
        await get(allowing, "http://inside.example/")
    with pytest.raises(UnsafeSettings, match="ZHIHAO_EGRESS_ALLOW_LOOPBACK"):
        refuse_unsafe(Settings(env="production", egress_allow_loopback=True))


async def test_tls_is_for_the_name_and_not_for_the_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A certificate for the name is taken at the pinned address; the same one under another name is not."""
    key, certificate = self_signed("shop.example", tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    asked: list[str | None] = []
    tls.sni_callback = lambda _socket, name, _context: asked.append(name)
    receiver = Receiver(answer=(200, "hello"))
    server = await asyncio.start_server(receiver.handle, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    resolve = names(shop_example=["127.0.0.1"], other_example=["127.0.0.1"])
    egress = Egress(ports=(443,), allow_loopback=True, resolve=resolve)
    assert await get(egress, f"https://shop.example:{port}/") == b"hello"
    assert asked == ["shop.example"]
    with pytest.raises(EgressFailed, match="TLS failed"):
        await get(egress, f"https://other.example:{port}/")
    server.close()
