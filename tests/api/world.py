"""What API tests set up and look at beside the door."""

from typing import Any

import httpx
from starlette.types import ASGIApp

from db import audit, caller_ids, components, ledger, sip_nodes
from db.connection import Conn, Row
from db.database import Database
from telephony.clock import now
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.voice import sip_accounts
from tests.api.client import URL
from tests.factories import Customer

NUMBER = "+15550111222"
SECRET = "a phone's first secret"
NODE = "pbx1"


def client_of(app: ASGIApp) -> httpx.AsyncClient:
    """A client of the application; a crash in it is a response, as behind a real server."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url=URL)


async def add_phone(
    database: Database, vault: Vault, owner: Customer, username: str = "alice",
    number: str = NUMBER, dial_mode: str = "test",
) -> None:  # fmt: skip
    """A verified number and a phone that shows it."""

    def deed(conn: Conn) -> None:
        caller_ids.verify(conn, owner.account_id, number, "test", now())
        sip_accounts.create(
            conn, vault, Settings().realm, account_id=owner.account_id, username=username,
            secret=SECRET, caller_id=number, dial_mode=dial_mode, now=now(),
        )  # fmt: skip

    await database.write(deed)


async def report_node(database: Database, node: str = NODE) -> None:
    """A PBX node that is up."""
    await database.write(
        components.report, node, "pbx", "operational", "both links are ready", now()
    )


def apply_everywhere(conn: Conn, *nodes: str) -> None:
    """What the provisioners of the nodes do."""
    for node in nodes:
        rows = conn.all(
            "SELECT s.id, s.generation FROM sip_account s JOIN sip_account_node n"
            " ON n.sip_account_id = s.id AND n.behind WHERE n.node = :node",
            node=node,
        )
        sip_nodes.applied(conn, node, {row["id"]: row["generation"] for row in rows}, now())
    conn.wake(sip_accounts.APPLIED)


async def pots(database: Database, who: Customer) -> dict[str, tuple[int, int]]:
    """(balance, held) in millionths, by wallet."""
    found = await ledger.balances(database, who.account_id, who.mode)
    return {kind: (row["balance"], row["held"]) for kind, row in found.items()}


async def assert_books_balance(database: Database) -> None:
    """No promise of the ledger is broken."""
    drift = await database.write(audit.drift)
    assert not any(drift.values()), drift


async def count(database: Database, table: str) -> int:
    """Rows of a table."""
    row = await database.one(f'SELECT COUNT(*) AS n FROM "{table}"')
    assert row is not None
    return int(row["n"])


class Counting:
    """A database that counts what it is asked; each call is passed on."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.wakeups, self.dialect = database.wakeups, database.dialect
        self.calls = 0

    async def write(self, deed: Any, *args: Any, **kwargs: Any) -> Any:
        self.calls += 1
        return await self._database.write(deed, *args, **kwargs)

    async def one(self, sql: str, **params: Any) -> Row | None:
        self.calls += 1
        return await self._database.one(sql, **params)

    async def all(self, sql: str, **params: Any) -> list[Row]:
        self.calls += 1
        return await self._database.all(sql, **params)

    async def close(self) -> None:
        await self._database.close()
