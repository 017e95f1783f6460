"""Readers who have not signed in are told apart by their network, and only where it tells anything."""

import pytest

from service.http.networks import network_of_address


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("8.8.8.8", "8.8.8.0/24"),
        ("8.8.8.200", "8.8.8.0/24"),
        ("::ffff:8.8.8.8", "8.8.8.0/24"),
        ("2001:4860:4860::8888", "2001:4860:4860::/48"),
        ("127.0.0.1", None),
        ("10.1.2.3", None),
        ("::1", None),
        ("fe80::1%eth0", None),
        ("testclient", None),
        ("", None),
    ],
)
def test_a_public_address_has_a_network(host: str, network: str | None) -> None:
    assert network_of_address(host) == network
