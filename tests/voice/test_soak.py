"""Calls by the dozen, or with `SOAK=full` a thousand: every one has one row, one end, one
settlement, and each of its webhooks came once.

    SOAK=full python -m pytest tests/voice/test_soak.py -s
"""

import time
from collections import Counter
from pathlib import Path

import pytest

from db.session import open_database
from tests.fixtures_pbx import Pbx
from tests.voice.real_pbx import BOTH
from tests.voice.soak import (
    FULL,
    HUNG_UP,
    KINDS,
    no_channel_is_left,
    soaking,
    the_money_adds_up,
    the_records_agree,
)

CALLS = 1_000 if FULL else 60


@pytest.mark.parametrize("kind", BOTH if FULL else BOTH[:1])
async def test_every_call_counts_once(
    pbx: Pbx, kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    database = await open_database(request.getfixturevalue(f"{kind}_url"))
    began = time.monotonic()
    async with soaking(pbx, database, pbx.settings, tmp_path) as soak:
        soak.mixed = (*KINDS, HUNG_UP)
        await soak.run(CALLS)
        took = time.monotonic() - began
        rows = await soak.rows()
        assert len(rows) == CALLS
        for row in rows:
            wanted = soak.kinds[row["id"]]
            found = (row["status"], row["hangup_cause"], row["sip_code"])
            assert found == (wanted.status, wanted.cause, wanted.sip_code), row
        paid = await the_money_adds_up(soak, rows)
        await the_records_agree(soak, rows)
        heard = Counter({(row["id"], event): 1 for row in rows
                         for event in soak.kinds[row["id"]].events})  # fmt: skip
        assert soak.heard() == heard
        assert soak.invited() == Counter(soak.numbers.values())
        await no_channel_is_left(soak)
    ends = Counter(row["status"] for row in rows)
    print(f"\n  {kind}: {CALLS} calls in {took:.0f} s, {dict(ends)}, {paid} paid,"
          f" {sum(heard.values())} webhooks")  # fmt: skip
    assert len(ends) == len({one.status for one in soak.mixed})
    await database.close()
