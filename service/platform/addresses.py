"""Which addresses of the network are the world's, and which are ours or our neighbours'.

Asked of resolved addresses, never of names: a name can be made to mean anything.
"""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address

# What the registries call global, and is not the world's all the same: it leads to an address inside, or
# answers inside a cloud only.
_NOT_THE_WORLDS = tuple(
    ip_network(network)
    for network in (
        "100.64.0.0/10",  # shared by carriers; a cloud's metadata at 100.100.100.200
        "168.63.129.16/32",  # Azure's host
        "192.0.0.0/24",  # protocol assignments; a cloud's metadata at 192.0.0.192
        "192.88.99.0/24",  # once the relays of 6to4
        "198.18.0.0/15",  # benchmarks
        "240.0.0.0/4",  # reserved, and broadcast
        "2001::/23",  # protocol assignments, Teredo among them
        "2620:4f:8000::/48",  # a test network
        "3fff::/20",  # documentation
        "5f00::/16",  # segment routing
        "64:ff9b:1::/48",  # translation to addresses of one's own
        "fec0::/10",  # site-local, as it once was
    )
)

# An IPv4 address stands in the last four octets of these.
_TRANSLATED = tuple(IPv6Network(network) for network in ("64:ff9b::/96", "::/96", "::ffff:0:0:0/96"))


def parse_address(text: str) -> Address:
    """The address, a zone left off. Raises ``ValueError``."""
    return ip_address(text.partition("%")[0])


def is_the_worlds(address: Address) -> bool:
    """Whether anybody at all may be reached there: not this machine, its network or its cloud."""
    if isinstance(address, IPv6Address):
        inner = _embedded(address)
        if inner is not None:
            return is_the_worlds(inner)
    if not address.is_global or address.is_multicast or address.is_reserved or address.is_unspecified:
        return False
    return not any(address.version == network.version and address in network for network in _NOT_THE_WORLDS)


def is_loopback(address: Address) -> bool:
    """Whether it is this machine, also where an IPv6 address says so for IPv4."""
    inner = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (inner or address).is_loopback


def _embedded(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that traffic to an IPv6 one ends up at, for what is mapped, 6to4 or translated."""
    if (mapped := address.ipv4_mapped or address.sixtofour) is not None:
        return mapped
    if any(address in network for network in _TRANSLATED):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return None
