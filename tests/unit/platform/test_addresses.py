"""Which addresses strangers may have us connect to."""

import pytest

from service.platform.addresses import is_loopback, is_the_worlds, parse_address
from service.platform.egress import Egress, EgressRefused, parse_target

OURS = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:10.1.2.3",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "3fff::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]
WORLDS = ["1.1.1.1", "8.8.8.8", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]


@pytest.mark.parametrize("address", OURS)
def test_what_is_ours_or_nobodys_is_not_the_worlds(address: str) -> None:
    assert not is_the_worlds(parse_address(address))


@pytest.mark.parametrize("address", WORLDS)
def test_what_anybody_may_reach_is_the_worlds(address: str) -> None:
    assert is_the_worlds(parse_address(address))


@pytest.mark.parametrize(
    ("address", "is_it"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("::ffff:127.0.0.2", True),
        ("10.0.0.1", False),
        ("::ffff:10.0.0.1", False),
    ],
)
def test_loopback_is_known_in_every_form(address: str, is_it: bool) -> None:
    assert is_loopback(parse_address(address)) is is_it


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://example.com/",
        "gopher://example.com/",
        "//example.com/",
        "example.com",
        "http://",
        "http:///path",
        "http://user:password@example.com/",
        "http://example.com@10.0.0.1/",
        "http://example.com\\@10.0.0.1/",
        "http://exa mple.com/",
        "http://example.com/\r\nHost: inside",
        "http://example.com:99999/",
        "http://example.com:x/",
        "http://[fe80::1%25eth0]/",
        "http://[::1",
        "http://-/",
        "http://exam%70le.com/",
        "http://ex/ample.com:80/" + "x" * 2000,
        "http://\ud800/",
        "javascript:alert(1)",
    ],
)
def test_what_is_no_plain_web_address_is_refused(url: str) -> None:
    with pytest.raises(EgressRefused):
        parse_target(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[fd00:ec2::254]/",
        "http://１２７.０.０.１/",
        "https://example.com:22/",
        "http://example.com:6379/",
    ],
)
def test_an_inner_address_or_a_foreign_port_is_refused_before_anything_is_looked_up(url: str) -> None:
    with pytest.raises(EgressRefused):
        Egress(ports=(80, 443)).check(url)


def test_an_address_keeps_its_meaning() -> None:
    target = Egress(ports=(80, 443)).check(
        "HTTPS://Bücher.example/a b".replace(" ", "%20") + "?q=知#fragment"
    )
    assert target.url == "https://xn--bcher-kva.example/a%20b?q=%E7%9F%A5"
    assert parse_target("http://example.com:8080").authority == "example.com:8080"
    assert parse_target("http://[2606:4700::1111]/").authority == "[2606:4700::1111]"
