"""Databases with very many messages and calls and all that comes of them."""

import asyncio
import time
from typing import Any

from bench import pages_data
from bench.stored import Filling, Sql, Told
from db.connection import Row
from db.migrate import upgrade
from db.searched import LISTS
from db.session import open_database
from telephony.secrets import Vault
from telephony.users.mails import Post
from tests.users.world import People
from tests.web.furniture import furnish

KEY = "MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA="
"""Seals what is made up here; a database that is used again must be read with the same one."""
PUBLIC_URL = "http://127.0.0.1:8000"
DAYS = pages_data.DAYS
MILLISECOND = 1_000_000


def filling(rows: int) -> Filling:
    """Some of everything, and so many of what there is most of."""
    tables = frozenset(pages_data.tables())
    return Filling(f"pages-{rows}", rows, _furnished, tables, _fill, LISTS)


def people(db: Any) -> People:
    """Who knows the people of such a database."""
    return People(db, Post(Vault(KEY), PUBLIC_URL))


def _furnished(url: str) -> None:
    async def run() -> None:
        database = await open_database(url)
        await furnish(people(database))
        await database.close()

    upgrade(url)
    asyncio.run(run())


def _fill(run: Sql, rows: int, told: Told) -> None:
    def sample(table: str, like: str) -> Row:
        found = run(f'SELECT * FROM "{table}" WHERE {like} ORDER BY 1 DESC LIMIT 1').fetchone()
        assert found, f"nothing in {table} is like that: {like}"
        return dict(found)

    pages_data.fill(run, _facts(run), rows, sample, told)
    run("UPDATE audit_head SET seq = (SELECT MAX(seq) FROM audit_log)")


def _facts(run: Sql) -> dict[str, Any]:
    """The ids of those whom nearly all rows belong to, and the instant of the last row."""

    def first(sql: str) -> str:
        return str(next(iter(run(sql).fetchone().values())))

    account = first("SELECT id FROM account WHERE name = 'Northwind Couriers'")
    pot = "SELECT id FROM ledger_account WHERE mode = 'live' AND"
    return {
        "account": account, "end": time.time_ns() // MILLISECOND,
        "wallet": first(f"{pot} kind = 'wallet' AND account_id = '{account}'"),
        "sip": first(f"{pot} kind = 'sip' AND account_id = '{account}'"),
        "revenue": first(f"{pot} kind = 'revenue'"),
        "endpoint": first("SELECT id FROM webhook_endpoint WHERE mode = 'live'"),
    }  # fmt: skip
