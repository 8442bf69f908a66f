"""A carrier's registrar that challenges, as they do; it also answers OPTIONS."""

import hashlib
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Registrar:
    """What it has heard: who is registered, with the contact, and how many it turned away."""

    port: int
    secrets: dict[str, str]
    registered: dict[str, str] = field(default_factory=dict)
    turned_away: int = 0

    def answer(self, request: str) -> tuple[str, list[str]]:
        """Status line and further headers."""
        if not request.startswith("REGISTER "):
            return "200 OK", []
        given = dict(re.findall(r'(\w+)="?([^",\r]+)"?', _header(request, "Authorization")))
        if not given:
            challenge = 'Digest realm="carrier", nonce="n1", algorithm=MD5, qop="auth"'
            return "401 Unauthorized", [f"WWW-Authenticate: {challenge}"]
        if given["response"] != self._expected(given):
            self.turned_away += 1
            return "403 Forbidden", []
        contact = _header(request, "Contact")
        self.registered[given["username"]] = contact
        return "200 OK", [f"Contact: {contact};expires=120", "Expires: 120"]

    def _expected(self, given: dict[str, str]) -> str:
        secret = self.secrets.get(given["username"], "")
        ha1 = _md5(f"{given['username']}:carrier:{secret}")
        ha2 = _md5(f"REGISTER:{given['uri']}")
        return _md5(f"{ha1}:n1:{given['nc']}:{given['cnonce']}:auth:{ha2}")


@contextmanager
def registrar(port: int, **secrets: str) -> Iterator[Registrar]:
    """Listens on a loopback port; `secrets` by user name."""
    found = Registrar(port, secrets)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.bind(("127.0.0.1", port))
        link.settimeout(0.1)
        over = threading.Event()
        thread = threading.Thread(target=_serve, args=(found, link, over))
        thread.start()
        yield found
        over.set()
        thread.join()


def _serve(registrar: Registrar, link: socket.socket, over: threading.Event) -> None:
    while not over.is_set():
        try:
            data, peer = link.recvfrom(65536)
        except TimeoutError:
            continue
        request = data.decode()
        if request.startswith("SIP/2.0"):
            continue
        status, headers = registrar.answer(request)
        kept = re.findall(r"(?im)^(?:Via|From|To|Call-ID|CSeq): .*$", request)
        lines = [f"SIP/2.0 {status}", *(line.rstrip() for line in kept), *headers]
        link.sendto("\r\n".join([*lines, "Content-Length: 0", "", ""]).encode(), peer)


def _header(request: str, name: str) -> str:
    found = re.search(rf"(?im)^{name}: (.*?)\r$", request)
    return found[1] if found else ""


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()
