"""Schemathesis reads the served OpenAPI document and tries to find an answer that breaks it.

SMS_VOIP_CONTRACT_EXAMPLES sets how many bodies it makes up for each operation: 40 make more than
5,000 cases; without it, a run is short.
"""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from api.app import ENDPOINTS
from api.v1 import applied, event_stream
from db.database import Database
from telephony.secrets import Vault
from tests.api.world import add_phone
from tests.contract.serving import served
from tests.factories import Customer, customer

EXAMPLES = os.environ.get("SMS_VOIP_CONTRACT_EXAMPLES", "2")
CASES_MIN = 1000
FOLDER = Path(__file__).parent
HOOKS = {"SCHEMATHESIS_HOOKS": "schemathesis_hooks", "PYTHONPATH": str(FOLDER)}
FUNDS = "100000000"
SECONDS_MAX = 3600
CLOSED = {"GET /voip/setup/{token}", "POST /voip/caller-id"}
"""What needs a link or a number that nobody makes up."""
SHOWN_CHARS = 6000


async def judged(url: str, who: Customer, report: Path) -> tuple[str, dict[str, Any]]:
    """What Schemathesis prints, and its report."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "schemathesis.cli",
        "--config-file", str(FOLDER / "schemathesis.toml"), "run",
        f"{url}/api/v1/openapi.json", "--header", f"Authorization: Bearer {who.key}",
        "--checks", "all", "--max-examples", EXAMPLES, "--continue-on-failure",
        "--wait-for-schema", "20", "--suppress-health-check", "all",
        "--report", "json", "--report-json-path", str(report),
        cwd=report.parent, env={**os.environ, **HOOKS},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    async with asyncio.timeout(SECONDS_MAX):
        printed, _ = await process.communicate()
    return printed.decode(errors="replace"), json.loads(report.read_text())


async def test_no_answer_breaks_the_document(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(applied, "APPLIED_SECONDS_MAX", 0.02)
    monkeypatch.setattr(event_stream, "LIFE_SECONDS", 0.05)
    vault = Vault(Fernet.generate_key().decode())
    who = await customer(sqlite, funds=FUNDS, sip_funds=FUNDS)
    await add_phone(sqlite, vault, who)
    async with served(sqlite, vault) as url:
        printed, report = await judged(url, who, tmp_path / "report.json")
    assert report["exit_code"] == 0, printed[-SHOWN_CHARS:]
    operations, cases = report["operations"], report["test_cases"]["generated"]
    assert operations["tested"] == operations["total"] == len(ENDPOINTS)
    assert cases >= CASES_MIN
    refused = set(report["warnings"]["missing_auth"])  # whatever was asked, 401 or 403 came
    assert refused <= CLOSED, refused
    print(f"\n  {cases} cases of {len(ENDPOINTS)} operations in {report['running_time']:.0f} s")
