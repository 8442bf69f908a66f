"""The manager link is cut at random while calls are placed, ring and talk: 6 times during 60
calls, or with `SOAK=full` 50 times during 500. No call is placed twice, none is forgotten, and
what the PBX recorded as talk is what is charged.

    SOAK=full python -m pytest tests/voice/test_soak_cut.py -s
"""

import asyncio
import random
import time
from collections import Counter
from pathlib import Path

import pytest

from db.connection import Row
from db.session import open_database
from tests.fixtures_pbx import Pbx
from tests.voice.ami_proxy import AmiProxy, ami_proxy
from tests.voice.real_pbx import BOTH
from tests.voice.soak import (
    FULL,
    HUNG_UP,
    KINDS,
    TALKED,
    Kind,
    no_channel_is_left,
    soaking,
    the_money_adds_up,
    the_records_agree,
)

CALLS, CUTS = (500, 50) if FULL else (60, 6)
SEED = 20261123
"""Of the instants; what happens at them depends on the machine."""
UP_SECONDS, DOWN_SECONDS = (0.05, 1.0), (0.0, 0.3)
NEVER_PLACED = ("failed", "pbx_lost")


async def cut_at_random(proxy: AmiProxy, cuts: int) -> int:
    """Cut and heal; half of the cuts meet the next Originate, before or after it arrives."""
    chance, made = random.Random(SEED), 0
    while made < cuts:
        await asyncio.sleep(chance.uniform(*UP_SECONDS))
        proxy.cut_at_originate = chance.choice(["", "", "before", "after"])
        if not proxy.cut_at_originate:
            proxy.cut()
            await asyncio.sleep(chance.uniform(*DOWN_SECONDS))
            proxy.heal()
        made += 1
    return made


def ended_well(row: Row, wanted: Kind, invites: int) -> bool:
    """As the carrier said; or the order to place it was lost, and then nobody was called. Where
    nobody heard it ring, nobody hung up."""
    found = (row["status"], row["hangup_cause"])
    if invites == 0:
        return found == NEVER_PLACED and row["cost"] == 0
    if wanted.hung_up and row["hangup_at"] is None:
        return found == ("no_answer", "no_answer")
    return found == (wanted.status, wanted.cause)


@pytest.mark.parametrize("kind", BOTH if FULL else BOTH[:1])
async def test_no_call_is_placed_twice_and_none_forgotten(
    pbx: Pbx, kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    database = await open_database(request.getfixturevalue(f"{kind}_url"))
    began = time.monotonic()
    async with ami_proxy(pbx.settings.ami_host, pbx.settings.ami_port) as proxy:
        settings = pbx.settings.model_copy(update={"ami_port": proxy.port})
        async with soaking(pbx, database, settings, tmp_path) as soak:
            cutting = asyncio.create_task(cut_at_random(proxy, CUTS))
            soak.mixed = (*KINDS, HUNG_UP)
            await soak.run(CALLS)
            cuts = await cutting
            took = time.monotonic() - began
            rows, invited = await soak.rows(), soak.invited()
            assert len(rows) == CALLS
            assert max(invited.values()) == 1
            assert proxy.originates <= CALLS
            odd = [row for row in rows if not ended_well(
                row, soak.kinds[row["id"]], invited[row["to_number"]])]  # fmt: skip
            assert odd == []
            paid = await the_money_adds_up(soak, rows)
            await the_records_agree(soak, rows)
            heard = soak.heard()
            await no_channel_is_left(soak)
    assert set(heard.values()) == {1}
    talked = [row["id"] for row in rows if row["status"] == "completed"]
    assert {(call_id, event) for call_id in talked for event in TALKED} <= set(heard)
    assert {call_id for call_id, event in heard if event == "call_completed"} == set(soak.kinds)
    lost = sum(not invited[row["to_number"]] for row in rows)
    print(f"\n  {kind}: {CALLS} calls in {took:.0f} s, {cuts} cuts, {lost} never placed,"
          f" {dict(Counter(row['status'] for row in rows))}, {paid} paid")  # fmt: skip
    assert cuts == CUTS
    await database.close()
