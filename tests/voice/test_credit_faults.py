"""Credit control where the manager link fails, and holds of calls that never came to be."""

import asyncio
import shutil
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from db.session import open_database
from telephony.voice import reconcile
from telephony.voice.authorize import Authorizer
from telephony.voice.fastagi import AgiRequest, AgiVerdict
from tests.fixtures_pbx import Pbx
from tests.patience import PATIENCE_SECONDS
from tests.ports import free_port
from tests.voice.credit import SECRET, SLICE_SECONDS, Credit, number, on_pbx, price, talk, working
from tests.voice.credit_wire import wire

CLOSE_SECONDS = 1.0
FUNDS_SECONDS = 10


async def with_fault(pbx: Pbx, path: Path, *fault: str | float) -> tuple[dict[str, Any], int]:
    """A call with money for ten seconds over a wire with a fault: it, and how often the PBX was
    to be told of a longer limit."""
    database = await open_database(f"sqlite:///{path}")
    host, port = pbx.settings.ami_host, pbx.settings.ami_port
    async with wire(host, port, *fault) as bad:
        what = on_pbx(pbx, database)
        ports = {"ami_port": bad.port, "agi_port": free_port()}
        what = Credit(database, what.settings.model_copy(update=ports), what.vault)
        async with working(pbx, what):
            who = await what.customer(price("1/1", FUNDS_SECONDS))
            placed = await what.place(who, "1/1")
            row = await what.ended(placed.call_id, 30)
            balance, held = await what.wallet(who)
    await database.close()
    assert (held, balance) == (0, price("1/1", FUNDS_SECONDS) - row["cost"])
    assert row["cost"] == price("1/1", row["billsec"])
    return row, bad.seen


@pytest.fixture(scope="module")
def faulty(migrated_sqlite: Path, pbx: Pbx) -> dict[str, Any]:
    """All faults at the same time, each with a worker and a database of its own."""
    faults: dict[str, tuple[str | float, ...]] = {
        "never": ("before", 8), "before": ("before", 0.2), "after": ("after", 0.2),
        "late": ("late", 1.2), "always late": ("late", 1.2, 99),
    }  # fmt: skip

    async def all_of_them() -> list[tuple[dict[str, Any], int]]:
        copies = [
            Path(shutil.copy(migrated_sqlite, migrated_sqlite.with_name(f"fault{one}.db")))
            for one in range(len(faults))
        ]
        work = zip(copies, faults.values(), strict=True)
        return await asyncio.gather(*(with_fault(pbx, path, *one) for path, one in work))

    return dict(zip(faults, asyncio.run(all_of_them()), strict=True))


def test_a_link_that_is_lost_as_a_call_is_lengthened_gives_no_unpaid_talk(
    faulty: dict[str, Any],
) -> None:
    row, _ = faulty["never"]
    assert abs(talk(row) - SLICE_SECONDS) < CLOSE_SECONDS, talk(row)
    assert (row["granted_seconds"], row["armed_seconds"]) == (2 * SLICE_SECONDS, SLICE_SECONDS)
    assert (row["billsec"], row["hangup_cause"]) == (SLICE_SECONDS, "platform_unavailable")


@pytest.mark.parametrize("fault", ["before", "after", "late"])
def test_what_did_not_arrive_in_time_is_told_again(faulty: dict[str, Any], fault: str) -> None:
    row, told = faulty[fault]
    assert abs(talk(row) - FUNDS_SECONDS) < CLOSE_SECONDS, talk(row)
    assert (row["billsec"], row["hangup_cause"]) == (FUNDS_SECONDS, "funds_exhausted")
    assert row["armed_seconds"] == row["granted_seconds"] == FUNDS_SECONDS
    assert told == 3  # 8 s, 8 s again, 10 s


def test_a_pbx_that_always_hears_late_never_talks_much_longer(faulty: dict[str, Any]) -> None:
    row, told = faulty["always late"]
    assert told > 2
    assert SLICE_SECONDS - CLOSE_SECONDS < talk(row) < row["granted_seconds"] + 1.2 + CLOSE_SECONDS
    assert row["billsec"] <= row["granted_seconds"]


@pytest.mark.parametrize("order", ["record first", "call first"])
async def test_a_phone_call_that_is_allowed_too_late_is_closed_and_released(
    pbx: Pbx, sqlite_url: str, order: str
) -> None:
    """The FastAGI server gives a handler two seconds; then the dialplan hangs up."""
    decide = Authorizer.__call__

    async def slow(self: Authorizer, request: AgiRequest) -> AgiVerdict:
        if order == "call first":
            await decide(self, request)
        await asyncio.sleep(3)
        return await decide(self, request)

    async def shielded(self: Authorizer, request: AgiRequest) -> AgiVerdict:
        return await asyncio.shield(asyncio.create_task(slow(self, request)))

    database = await open_database(sqlite_url)
    what = on_pbx(pbx, database)
    handler = shielded if order == "record first" else slow
    quick = patch.multiple(reconcile, EVERY_SECONDS=0.3, GRACE_SECONDS=1, RECORD_SECONDS=0)
    with quick, patch.object(Authorizer, "__call__", handler):
        async with working(pbx, what):
            who = await what.customer(price("1/1", 60))
            username = await what.phone_of(who)
            assert await asyncio.to_thread(_dial, pbx, username) == 503
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not (rows := await what.calls_of(who)):
                    await asyncio.sleep(0.05)
            row = await what.ended(rows[0]["id"], 10)
            assert await what.wallet(who) == (price("1/1", 60), 0)
    await database.close()
    expected = {"record first": "pbx_lost", "call first": "phone_rejected"}[order]
    assert (row["status"], row["hangup_cause"], row["billsec"]) == ("failed", expected, 0)
    assert row["granted_seconds"] == SLICE_SECONDS


def _dial(pbx: Pbx, username: str) -> int:
    with pbx.phone(username, SECRET) as phone:
        return phone.invite(number("1/1"))
