"""The command itself: what it imports, which failures are sentences, and the process under it."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli import COMMANDS, FAILURES, commands, mendable
from api.commands.child import Child
from db.database import DatabaseBusyError
from telephony.settings import Settings
from tests.commands import cli

HEAVY = {"api.app", "db.tables", "sqlmodel", "alembic", "panoramisk", "pyVoIP"}


SELDOM = {"alembic", "zxcvbn", "obstore", "pyVoIP"}


def modules_after(script: str) -> set[str]:
    command = [sys.executable, "-c", f"import sys; {script}; print(*sys.modules)"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_help_lists_every_command() -> None:
    listed = CliRunner(env={"COLUMNS": "120"}).invoke(cli, ["--help"]).output
    assert all(f" {name} " in listed for name in COMMANDS)


def test_one_command_is_still_asked_for_by_its_name() -> None:
    alone = CliRunner().invoke(commands(["openapi"]), ["openapi"])
    assert alone.exit_code == 0
    assert alone.output.startswith("{")


def test_an_unknown_command_is_refused() -> None:
    refused = CliRunner().invoke(cli, ["dail"])
    assert refused.exit_code == 2
    assert "dail" in refused.output


@pytest.mark.parametrize("name", sorted(FAILURES))
def test_every_failure_is_an_exception(name: str) -> None:
    module, _, kind = name.partition(":")
    assert issubclass(getattr(importlib.import_module(module), kind), Exception)


def test_a_kind_of_a_failure_is_one_and_a_defect_is_none() -> None:
    assert mendable(DatabaseBusyError("busy"))
    assert mendable(FileNotFoundError("gone"))
    assert not mendable(KeyError("id"))


def test_the_supervisor_starts_the_platform_before_it_imports_what_is_heavy() -> None:
    assert modules_after("import api.commands.up") & HEAVY == set()


def test_the_platform_leaves_out_what_is_seldom_needed() -> None:
    assert modules_after("import api.commands.serve") & SELDOM == set()


async def test_a_process_that_was_never_told_to_begin_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMS_VOIP_VAR_DIR", str(tmp_path))
    child = Child(Settings(), print)
    await child.load()
    assert child.pid is not None
    await child.stop()
    assert child.pid is None
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["platform.log"]
