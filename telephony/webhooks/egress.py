"""Keeps webhooks off our own networks: judged by the address that is dialled, not by the name."""

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any
from urllib.parse import SplitResult, urlsplit

import aiohttp
from aiohttp.typedefs import LooseHeaders

from telephony.settings import Settings
from telephony.webhooks.resolver import Resolver

URL_CHARS_MAX = 2048
POST_SECONDS_MAX = 10.0
DNS_CACHE_SECONDS = 10
KEEP_ALIVE_SECONDS = 2.0
"""Short, since a POST on a connection that the server has just closed is a failed attempt."""
HEADERS: LooseHeaders = {"User-Agent": "sms-voip-webhooks", "Accept-Encoding": "identity"}

# A list of our own: `is_global` of Python 3.11 is true for NAT64, 6to4, ::127.0.0.1, multicast
# and 192.0.0.192.
DENIED_V4 = tuple(map(ip_network, (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
    "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
    "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
    "168.63.129.16/32",  # the metadata service of Azure, in a public range
)))  # fmt: skip
GLOBAL_V6 = ip_network("2000::/3")
"""Outside lie loopback, v4-compatible, NAT64, unique local, link-local and multicast."""
DENIED_V6 = tuple(map(ip_network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")))
LOOPBACK = ("127.0.0.0/8", "::1/128")


class EgressRefusedError(OSError):
    """The name resolved to an address where webhooks do not go."""


class Egress:
    """Where this installation's webhooks may go. Raises ValueError for a malformed CIDR."""

    def __init__(self, settings: Settings) -> None:
        cidrs = [*settings.webhook_allow_cidrs, *(LOOPBACK if settings.on_loopback else ())]
        self._allowed = tuple(ip_network(cidr, strict=False) for cidr in cidrs)
        self.plain_http = bool(cidrs)

    def allows(self, address: str) -> bool:
        """True for a public address (v4 or v6 as text) and for one that the operator allows."""
        ip = _unmapped(ip_address(address))
        return any(ip in network for network in self._allowed) or _is_public(ip)

    def socket(self, addr_info: tuple[Any, ...]) -> socket.socket:
        """A socket for one result of getaddrinfo; raises EgressRefusedError before any packet."""
        family, kind, proto, _, address = addr_info
        if not self.allows(address[0]):
            raise EgressRefusedError("the host's address is private or reserved")
        return socket.socket(family, kind, proto)

    def session(self) -> aiohttp.ClientSession:
        """A client that dials only through `socket`; close it. Needs a running event loop."""
        connector = aiohttp.TCPConnector(
            socket_factory=self.socket, resolver=Resolver(), limit=0,
            ttl_dns_cache=DNS_CACHE_SECONDS, keepalive_timeout=KEEP_ALIVE_SECONDS,
        )  # fmt: skip
        return aiohttp.ClientSession(
            connector=connector, headers=HEADERS, cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False, auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=POST_SECONDS_MAX),
        )  # fmt: skip


def check_url(url: str, egress: Egress) -> None:
    """Raises ValueError with a sentence for a URL that can never be called. It asks no DNS: where
    a name leads is judged at every dial."""
    if len(url) > URL_CHARS_MAX:
        raise ValueError(f"The URL is longer than {URL_CHARS_MAX} characters.")
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise ValueError("The URL has characters that must be percent-encoded or in punycode.")
    parts = _split(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and egress.plain_http):
        raise ValueError("The URL must start with https://.")
    if parts.username is not None or parts.password is not None:
        raise ValueError("The URL must not hold a user name or password.")
    if "#" in url:
        raise ValueError("The URL must not have a fragment (#).")
    if not _may_lead_out(parts.hostname or "", egress):
        raise ValueError("The URL's host is missing, private or reserved.")


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        valid = parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise ValueError("The URL is not valid.")
    return parts


def _may_lead_out(host: str, egress: Egress) -> bool:
    if host.rstrip(".") == "localhost":
        host = "127.0.0.1"
    try:
        return egress.allows(host)
    except ValueError:
        pass
    try:
        return egress.allows(socket.inet_ntoa(socket.inet_aton(host)))  # 127.1, 0x7f000001, 0177.1
    except OSError:
        return bool(host)


def _unmapped(ip: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    return (ip.ipv4_mapped if isinstance(ip, IPv6Address) else None) or ip


def _is_public(ip: IPv4Address | IPv6Address) -> bool:
    if isinstance(ip, IPv4Address):
        return not any(ip in network for network in DENIED_V4)
    return ip in GLOBAL_V6 and not any(ip in network for network in DENIED_V6)
