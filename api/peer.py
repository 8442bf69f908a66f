"""Who is at the other end: the client's address, also behind proxies, and the host it asked."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from starlette.requests import Request

from telephony.addresses import NOWHERE, Address, Network, address, network, within
from telephony.settings import Settings

_FOR = re.compile(r"""(?:^|[;\s])for=(?:"([^"]*)"|([^;\s"]*))""", re.IGNORECASE)
_WITH_PORT = re.compile(r"(\[[0-9A-Fa-f:.%\w]+\]|[0-9.]+)(?::[0-9_]+)?")


@dataclass(frozen=True)
class Proxies:
    """The proxies whose word is believed, and the header that they write."""

    trusted: tuple[Network, ...]
    header: str

    @classmethod
    def of(cls, settings: Settings) -> "Proxies":
        """Those of the settings."""
        return cls(
            tuple(network(str(one)) for one in settings.trusted_proxies), settings.proxy_header
        )

    def client(self, request: Request) -> Address:
        """The client's address: the last one in the header that no trusted proxy has. The header
        counts only where a trusted proxy sent the request, since anybody can write one."""
        peer = address(request.client.host) if request.client else NOWHERE
        if not self.trusted or not within(peer, self.trusted):
            return peer
        for hop in reversed(_hops(self.header, request.headers.getlist(self.header))):
            try:
                peer = address(_without_port(hop))
            except ValueError:  # `unknown`: the proxy that says so is the last one known
                return peer
            if not within(peer, self.trusted):
                return peer
        return peer


def _hops(header: str, lines: Sequence[str]) -> list[str]:
    hops = [hop.strip() for line in lines for hop in line.split(",")]
    if header == "Forwarded":
        named = [_FOR.search(hop) for hop in hops]
        hops = [(found[1] or found[2] or "") if found else "" for found in named]
    return hops


def _without_port(hop: str) -> str:
    found = _WITH_PORT.fullmatch(hop)
    return found[1] if found else hop


@lru_cache(maxsize=256)
def host_name(header: str) -> str:
    """The host of a Host header in lower case, without port and last dot; empty if it is none."""
    try:
        return (urlsplit(f"//{header}").hostname or "").rstrip(".")
    except ValueError:
        return ""
