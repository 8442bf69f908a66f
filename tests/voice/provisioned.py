"""Accounts for the tests of provisioning, and a look at the AstDB of a real Asterisk."""

from collections.abc import Iterable

from db import sip_nodes
from db.connection import Conn
from db.database import Database
from telephony.clock import now
from telephony.voice import sip_accounts
from telephony.voice.ami import AmiLink, DBGetTree
from telephony.voice.astdb import FAMILIES, astdb_rows, wanted
from telephony.voice.drift import Drift
from telephony.voice.provisioning import Provisioner
from tests.factories import Customer
from tests.fixtures_pbx import Pbx
from tests.voice.calling import NUMBER, VAULT

SECRET = "the first good secret"
Rows = dict[tuple[str, str], str]


async def add_phones(database: Database, who: Customer, names: Iterable[str], realm: str) -> None:
    def deed(conn: Conn) -> None:
        for name in names:
            sip_accounts.create(
                conn, VAULT, realm, account_id=who.account_id, username=name, secret=SECRET,
                caller_id=NUMBER, dial_mode="test", now=now(),
            )  # fmt: skip

    await database.write(deed)


async def rotate(database: Database, pbx: Pbx, who: Customer, name: str, secret: str) -> None:
    await database.write(sip_accounts.set_secret, VAULT, pbx.settings.realm, who.account_id,
                         name, secret, now())  # fmt: skip


async def astdb(link: AmiLink) -> Rows:
    """The rows of phones; those of trunks begin with an underscore, and belong to others."""
    found: Rows = {}
    for family in FAMILIES:
        for row in await link.action(DBGetTree(family)):
            name = row.fields["key"].removeprefix(f"/{family}/")
            if not name.startswith("_"):
                found[family, name] = row.fields["val"]
    return found


async def truth(database: Database, pbx: Pbx) -> Rows:
    return {
        (family, row["username"]): value
        for row in await sip_nodes.batch(database, pbx.settings.node, "", 1000)
        if wanted(row)
        for family, value in astdb_rows(row, VAULT, pbx.settings).items()
    }


async def drain(provisioner: Provisioner) -> int:
    """Steps until there is nothing to do; how many accounts they told of."""
    told = 0
    while count := await provisioner.step():
        told += count
    return told


async def repair(watch: Drift, provisioner: Provisioner) -> None:
    """Compare, and tell of whatever differs."""
    await watch.compare()
    await drain(provisioner)


def ignore(_: set[str]) -> None:
    """For those who are not told of accounts that were taken away."""
