"""Where a request came from, coarsely: what tells readers apart who have not signed in."""

from ipaddress import ip_address, ip_network

from service.http.login import Connection

PREFIXES = {4: 24, 6: 48}
"""What one household or office usually has."""


def network_of(connection: Connection) -> str | None:
    """The public network of the peer. ``None`` for a private or unknown one: behind a proxy every reader
    would have the proxy's."""
    return None if connection.client is None else network_of_address(connection.client.host)


def network_of_address(host: str) -> str | None:
    """``203.0.113.0/24`` of an address in it; ``None`` for what is no public address."""
    try:
        address = ip_address(host)
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped or address
    if not address.is_global:
        return None
    return str(ip_network((address, PREFIXES[address.version]), strict=False))
