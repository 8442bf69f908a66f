"""IP addresses and networks: an IPv4 address that is written as IPv6 is that IPv4 address."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
NOWHERE = IPv4Address(0)
"""Of a peer without an address, such as one behind a Unix socket."""
CLIENT_PREFIX_V6 = 64
"""One customer has at least a /64 of IPv6 and may use any address in it."""
_MAPPED = IPv6Network("::ffff:0:0/96")
_MAPPED_BITS = 96


@lru_cache(maxsize=4096)
def address(text: str) -> Address:
    """`192.0.2.1`, `2001:db8::1`, `::ffff:192.0.2.1` (which is the first); ValueError."""
    found = ip_address(text.strip().strip("[]").partition("%")[0])
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found


def network(text: str) -> Network:
    """`192.0.2.0/24`, `2001:db8::/32` or one address, host bits dropped; ValueError."""
    found = ip_network(text.strip(), strict=False)
    if isinstance(found, IPv6Network) and found.subnet_of(_MAPPED):
        mapped = found.network_address.ipv4_mapped
        return ip_network(f"{mapped}/{found.prefixlen - _MAPPED_BITS}")
    return found


@lru_cache(maxsize=4096)
def networks(listed: str) -> tuple[Network, ...]:
    """Those of a list with commas; ValueError."""
    return tuple(network(one) for one in listed.split(",") if one.strip())


def within(found: Address, allowed: Iterable[Network]) -> bool:
    """True if one of the networks has the address."""
    return any(found in one for one in allowed)


@lru_cache(maxsize=4096)
def client_prefix(found: Address) -> str:
    """What is counted as one client: an IPv4 address, or the /64 of an IPv6 one."""
    if found.version == 4:
        return str(found)
    return str(ip_network((found, CLIENT_PREFIX_V6), strict=False))
