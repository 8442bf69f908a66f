"""Runs in a network namespace of its own, whose every route leads out of an interface that nobody
answers at: tries to reach what it must not, and prints as JSON what came of it and which SYNs
left."""

import asyncio
import json
import socket
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from telephony.settings import Settings
from telephony.webhooks import attempt, egress
from telephony.webhooks.egress import Egress, check_url
from tests.webhooks.hostile import HOSTILE, NAMES
from tests.webhooks.sinks import raw_server

CONTROLS = ("http://10.77.0.1/", "http://[fd77::1]/", "http://ten.trap.example/")
"""Where webhooks go once the operator allows it: these must be heard."""
REDIRECTED_TO = "10.55.55.55"
REBOUND_TO = "10.66.66.66"
ETH_P_ALL, OUTGOING, TCP, SYN = 3, 4, 6, 0x02
ROUTES = (
    "ip link set lo up", "ip link add out0 type veth peer name out1",
    "ip link set out0 arp off", "ip link set out1 up", "ip link set out0 up",
    "ip addr add 192.0.2.2/24 dev out0", "ip route add default dev out0",
    "ip -6 addr add 2001:db8:1::2/64 dev out0 nodad", "ip -6 route add default dev out0",
)  # fmt: skip


class Hosts:
    """Laid over the machine's own /etc/hosts in this process's namespace; no other name server
    answers."""

    def __init__(self) -> None:
        folder = Path(tempfile.mkdtemp())
        self._file, resolver = folder / "hosts", folder / "resolv.conf"
        self.say({})
        resolver.write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
        for file in (self._file, resolver):
            subprocess.run(["mount", "--bind", file, f"/etc/{file.name}"], check=True)

    def say(self, names: dict[str, list[str]]) -> None:
        lines = ["127.0.0.1 localhost"]
        lines += [f"{address} {name}" for name, found in names.items() for address in found]
        self._file.write_text("\n".join(lines) + "\n")


class Ear:
    """Hears every packet that leaves by any interface."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self._socket.setblocking(False)

    def syns(self) -> set[str]:
        """Where TCP connections were begun to since the last time."""
        return set(self._heard())

    def _heard(self) -> Iterator[str]:
        while True:
            try:
                packet, (_, protocol, kind, *_) = self._socket.recvfrom(2048)
            except BlockingIOError:
                return
            if kind == OUTGOING and (address := _syn_to(packet, protocol)):
                yield address


def _syn_to(packet: bytes, protocol: int) -> str | None:
    if protocol == 0x0800 and packet[9] == TCP:
        length, address = (packet[0] & 15) * 4, socket.inet_ntop(socket.AF_INET, packet[16:20])
    elif protocol == 0x86DD and packet[6] == TCP:
        length, address = 40, socket.inet_ntop(socket.AF_INET6, packet[24:40])
    else:
        return None
    (flags,) = struct.unpack("!H", packet[length + 12 : length + 14])
    return address if flags & 0x12 == SYN else None


def judged(url: str, guard: Egress) -> str | None:
    """What registration says of it."""
    try:
        check_url(url, guard)
    except ValueError as refused:
        return str(refused)
    return None


async def dialled(url: str, guard: Egress) -> str:
    """What comes of a POST, though registration may refuse it."""
    async with guard.session() as session:
        made = await attempt.post(session, url, {}, b"{}", 0)
    return made.error or str(made.status_code)


@contextmanager
def home_only() -> Iterator[Egress]:
    """Only 127.0.0.1 is allowed, and names are asked anew each time."""
    egress.DNS_CACHE_SECONDS = 0
    yield Egress(Settings(bind_host="0.0.0.0", webhook_allow_cidrs=["127.0.0.1/32"]))


async def redirected() -> str:
    reply = f"HTTP/1.1 307 Go\r\nLocation: http://{REDIRECTED_TO}/\r\nContent-Length: 0\r\n\r\n"
    with home_only() as guard:
        async with raw_server(reply.encode()) as server:
            return await dialled(f"http://127.0.0.1:{server.port}/", guard)


async def rebound(hosts: Hosts) -> list[str]:
    """The same name leads home first, and elsewhere then."""
    outcomes = []
    with home_only() as guard:
        async with raw_server(b"HTTP/1.1 204 No\r\nConnection: close\r\n\r\n") as server:
            for address in ("127.0.0.1", REBOUND_TO):
                hosts.say({"rebinding.example": [address]})
                url = f"http://rebinding.example:{server.port}/"
                outcomes.append(await dialled(url, guard))
    return outcomes


async def main() -> None:
    for command in ROUTES:
        subprocess.run(command.split(), check=True)
    hosts, ear = Hosts(), Ear()
    public = Egress(Settings(bind_host="0.0.0.0", webhook_allow_cidrs=[]))
    hosts.say(NAMES)
    told = {}
    for trick, url in HOSTILE.items():
        plain = url.replace("https://", "http://", 1)
        told[trick] = {
            "registration": judged(url, public),
            "dialled": [await dialled(url, public), await dialled(plain, public)],
        }
    told_more = {"redirected": await redirected(), "rebound": await rebound(hosts)}
    syns = ear.syns() - {"127.0.0.1"}
    hosts.say(NAMES)
    egress.POST_SECONDS_MAX = 0.3
    allowing = Egress(Settings(webhook_allow_cidrs=["10.0.0.0/8", "fd00::/8"]))
    for url in CONTROLS:
        await dialled(url, allowing)
    print(json.dumps(
        {"urls": told, **told_more, "syns": sorted(syns), "control": sorted(ear.syns())}
    ))  # fmt: skip


if __name__ == "__main__":
    asyncio.run(main())
