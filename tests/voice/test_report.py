"""What the worker reports of its parts, and when."""

import asyncio

import pytest

from db import components
from db.database import Database
from telephony import worker
from tests.fixtures_pbx import Pbx
from tests.patience import PATIENCE_SECONDS
from tests.voice.real_pbx import working


async def states(database: Database) -> dict[str, str]:
    return {row["name"]: row["status"] for row in await components.every(database)}


async def test_a_part_that_comes_up_is_reported_before_the_next_regular_report(
    pbx: Pbx, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "REPORT_SECONDS", 10 * PATIENCE_SECONDS)
    name = pbx.settings.node
    async with working(pbx, database, pbx.settings), asyncio.timeout(PATIENCE_SECONDS):
        while (await states(database)).get(name) != "operational":
            await asyncio.sleep(0.02)
