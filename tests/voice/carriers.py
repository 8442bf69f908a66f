"""Carriers for tests: rows, SIPp on a port of its own, and calls that come from them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from db.connection import Conn
from db.database import Database
from telephony.clock import now
from telephony.voice import numbers, trunks
from tests.factories import Customer
from tests.patience import PATIENCE_SECONDS
from tests.pbx.sip_client import SipClient
from tests.pbx.sipp import carrier, sipp
from tests.ports import free_port
from tests.voice.calling import VAULT
from tests.voice.real_pbx import Voice

FACTS: dict[str, Any] = {
    "host": "127.0.0.1", "port": 5070, "transport": "udp", "username": "", "secret": "",
    "registers": False, "codecs": ("ulaw",), "caller_id_format": "e164", "cidrs": (),
    "capacity": None,
}  # fmt: skip
ROUTE: dict[str, Any] = {"prefix": "", "priority": 10, "weight": 1, "strip": 0, "prepend": ""}


async def add_trunk(database: Database, name: str, vault: Any = VAULT, **facts: Any) -> None:
    """A carrier, and where `prefix` or another column of a route is given, a route to it."""
    route = {key: facts.pop(key) for key in ROUTE if key in facts}

    def deed(conn: Conn) -> None:
        trunks.add(conn, vault, name=name, now=now(), **FACTS | facts)
        if route:
            trunks.route(conn, name=name, **ROUTE | route)

    await database.write(deed)


async def own(database: Database, who: Customer, number: str, **facts: Any) -> None:
    """A number of the customer's."""
    usual: dict[str, Any] = {"strategy": "all", "ring_seconds": 5, "targets": (), "forward_to": ""}
    await database.write(
        numbers.own, number=number, account_id=who.account_id, mode=who.mode, now=now(),
        **usual | facts,
    )  # fmt: skip


def astdb(voice: Voice, family: str, name: str) -> str:
    """What Asterisk's AstDB holds of a carrier; empty if nothing."""
    with voice.pbx.ami("provisioning") as ami:
        answer = ami.send("DBGet", Family=family, Key=f"_{name}")
        return ami.wait("DBGetResponse")["Val"] if answer["Response"] == "Success" else ""


async def told(voice: Voice, name: str, port: int) -> None:
    """Wait until Asterisk knows the carrier by its address."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while f":{port}" not in await asyncio.to_thread(astdb, voice, "ps/identify", name):
            await asyncio.sleep(0.05)


@asynccontextmanager
async def sipp_carrier(folder: Path, scenario: str = "") -> AsyncIterator[int]:
    """SIPp as the other end of a trunk; its port."""
    port = free_port()
    async with AsyncExitStack() as stack:
        await asyncio.to_thread(stack.enter_context, sipp(scenario or carrier(), port, folder))
        yield port


def calling_in(voice: Voice, port: int, caller: str = "+15557654321") -> SipClient:
    """A carrier's caller: what comes from that port of this host."""
    return SipClient("127.0.0.1", voice.pbx.settings.sip_port, caller, "", local_port=port)
