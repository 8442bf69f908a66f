"""docs/keys.md says what the code does: its commands run, its tables are the code's."""

import asyncio
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api import idempotency
from api.auth import KNOWN_SECONDS
from api.rate_limit import STORE_RETRY_SECONDS, Policy
from db.database import Database
from db.idempotency import KEPT_SECONDS
from telephony import errors
from telephony.accounts import OVERLAP_SECONDS, SCOPES
from telephony.settings import Settings
from tests.commands import cli
from tests.factories import customer

PAGE = (Path(__file__).parents[2] / "docs/keys.md").read_text()
COMMANDS = re.findall(r"(?m)^\$ sms-voip (.*)$", PAGE)


def table(*heading: str) -> list[list[str]]:
    """The rows of the table with that heading."""
    top = re.escape(f"| {' | '.join(heading)} |\n")
    (found,) = re.findall(rf"(?m)^{top}\|(?: --- \|)+\n((?:\|.*\n)+)", PAGE)
    return [line.strip("| ").split(" | ") for line in found.splitlines()]


async def test_the_commands_run_one_after_the_other(
    sqlite: Database, sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMS_VOIP_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("SMS_VOIP_VAR_DIR", str(tmp_path))
    await customer(sqlite)  # brings the price list
    key_id = ""
    for command in COMMANDS:
        words = command.replace("KEY_ID", key_id).split()
        done = await asyncio.to_thread(CliRunner().invoke, cli, words)
        assert done.exit_code == 0, (command, done.output)
        made = re.search(r"Its id is\s+(key_\w+)", done.output)
        key_id = made[1] if made else key_id
    rows = await sqlite.all("SELECT * FROM api_key ORDER BY id")
    assert [row["name"] for row in rows] == ["test key", "shop", "office", "office"]
    office, replaced = rows[2], rows[3]
    assert (office["requests_per_minute"], office["requests_burst"], office["cidrs"]) == (
        600, None, ""
    )  # fmt: skip
    assert (replaced["replaces"], replaced["revoked_at"] is None) == (office["id"], False)
    assert rows[1]["scopes"] == "sms:send sms:read"


def test_every_scope_and_no_other_is_told() -> None:
    assert tuple(scope.strip("`") for scope, _ in table("scope", "lets a key")) == SCOPES


def test_the_codes_have_these_statuses() -> None:
    known = {
        one.code: one.status
        for one in vars(errors).values()
        if isinstance(one, type) and issubclass(one, errors.Problem) and one is not errors.Problem
    }
    for status, code, _ in table("status", "code", "what to do"):
        assert known[code.strip("`")] == int(status), code


def test_the_settings_have_these_defaults() -> None:
    for _, setting, number in table("of what", "setting", "at first"):
        named = re.search(r"SMS_VOIP_(\w+)", setting)
        assert named
        assert Settings.model_fields[named[1].lower()].default == int(number)


def test_the_times_and_windows_are_those_of_the_code() -> None:
    assert OVERLAP_SECONDS == KEPT_SECONDS == 24 * 3600
    assert (KNOWN_SECONDS, idempotency.WAIT_SECONDS, STORE_RETRY_SECONDS) == (1, 5, 5)
    policy = Policy("key", 120, 120)
    assert f'RateLimit-Policy: "key";q={policy.burst};w={policy.window_seconds}' in PAGE
