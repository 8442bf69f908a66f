"""kill -9 right before and right after each commit of a business day: the next process finishes
it, and no answered fact is lost or counted twice."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from db import accounts, ledger
from db.connection import Conn
from db.database import Database
from db.session import open_database
from telephony.billing import holds, verify
from telephony.clock import now
from telephony.money import MICROS
from telephony.secrets import Vault
from tests.api.world import add_phone
from tests.factories import Customer, customer
from tests.fixtures_db import until_left

DEEDS = ("top_up", "send_message", "place_call", "claim", "record", "take", "settle_call",
         "expire_due", "send_messages", "set_password", "finish_reply")  # fmt: skip
ROOT = Path(__file__).parents[2]
FORGOTTEN = {"hold of a call or message that is not there"}
SMS, MINUTE = 7_000, 12_000


@pytest.fixture(scope="module")
def shop() -> Iterator[subprocess.Popen[str]]:
    """Lives days on request."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.money.shop"], cwd=ROOT, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    with process:
        yield process
        process.kill()


class Days:
    """The days of one customer on one database."""

    def __init__(self, shop: subprocess.Popen[str], url: str, who: Customer, vault: str) -> None:
        self._shop = shop
        self._order = {"url": url, "vault": vault, "key": who.key}

    def live(self, told: Path, failpoint: str = "") -> int:
        assert self._shop.stdin
        assert self._shop.stdout
        order = {**self._order, "told": str(told), "failpoint": failpoint}
        self._shop.stdin.write(json.dumps(order) + "\n")
        self._shop.stdin.flush()
        code = int(self._shop.stdout.readline())
        until_left(self._order["url"])
        return code


@pytest.mark.parametrize("deed", DEEDS)
@pytest.mark.parametrize("instant", ["before-commit", "after-commit"])
async def test_a_kill_at_a_commit_loses_and_doubles_nothing(
    shop: subprocess.Popen[str], database_url: str, tmp_path: Path, deed: str, instant: str
) -> None:
    vault = Fernet.generate_key().decode()
    who = await _open_shop(database_url, vault)
    days = Days(shop, database_url, who, vault)
    assert days.live(tmp_path / "first", f"{instant}:{deed}") == -signal.SIGKILL
    database = await open_database(database_url)
    assert set(await verify.verify(database)) <= FORGOTTEN
    await database.write(_let_leases_run_out)
    await database.close()
    assert days.live(tmp_path / "second") == 0
    first, second = _told(tmp_path / "first"), _told(tmp_path / "second")
    assert first == {name: second[name] for name in first}
    database = await open_database(database_url)
    await _everything_is_there_once(database, who)
    await database.close()


async def _open_shop(url: str, vault: str) -> Customer:
    database = await open_database(url)
    who = await customer(database, funds="10", sip_funds="1")
    await add_phone(database, Vault(vault), who)

    def forgotten(conn: Conn) -> None:
        holds.place(conn, who.account_id, "test", "sip", 5, reference="call_x", now=now(),
                    expires_at=now() - 1)  # fmt: skip
        accounts.change(conn, who.account_id, spend_day_max=5 * MICROS)

    await database.write(forgotten)
    await database.close()
    return who


def _let_leases_run_out(conn: Conn) -> None:
    conn.run("UPDATE message SET lease_until = 0 WHERE status = 'sending'")


def _told(path: Path) -> dict[str, Any]:
    lines = path.read_text().splitlines() if path.exists() else []
    return dict(json.loads(line) for line in lines)


async def _everything_is_there_once(database: Database, who: Customer) -> None:
    assert await verify.verify(database) == {}
    found = await ledger.balances(database, who.account_id, "test")
    assert (found["wallet"]["balance"], found["wallet"]["held"]) == (9 * MICROS - 5 * SMS, 0)
    assert (found["sip"]["balance"], found["sip"]["held"]) == (2 * MICROS - MINUTE, 0)
    kinds = await database.all("SELECT kind, COUNT(*) AS n FROM journal GROUP BY kind")
    assert {row["kind"]: row["n"] for row in kinds} == {"fund": 1, "sip_topup": 2, "charge": 5}
    states = await database.all("SELECT status FROM message ORDER BY status")
    assert [row["status"] for row in states] == ["delivered"] * 4 + ["failed"]
    ends = await database.all("SELECT subject FROM event WHERE type = 'call_completed'")
    assert len(ends) == 1
    spent = await database.all("SELECT amount FROM spend WHERE subject = :id", id=who.account_id)
    assert {row["amount"] for row in spent} == {5 * SMS + MINUTE}
