"""The doctor's checks: each well, and each unwell with a sentence that says what to do."""

import os
import shutil
import socket
from collections import namedtuple
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from api.commands import doctor
from api.commands.doctor import (
    UnwellError,
    asterisk_found,
    clock_right,
    database_current,
    disk_free,
    examine,
    link_answers,
    ports_free,
    recordings_kept,
    settings_fit,
)
from api.commands.running import FACTS, alone
from db.migrate import upgrade
from telephony import secrets
from telephony.settings import Settings
from tests.fixtures_pbx import Pbx, pbx_settings
from tests.s3 import ACCESS_KEY, BUCKET, REGION, SECRET_KEY, bucket

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def here(tmp_path: Path) -> Settings:
    """Settings of an installation that was never started."""
    return pbx_settings(tmp_path / "var")


def change(settings: Settings, **changes: Any) -> Settings:
    """Other settings; the cached values of the first are not taken along."""
    return Settings(**{**settings.model_dump(include=settings.model_fields_set), **changes})


@contextmanager
def running(settings: Settings) -> Iterator[None]:
    """As if `sms-voip up` ran in the folder."""
    with alone(settings.var_dir):
        (settings.var_dir / FACTS).write_text('{"pids": {}}')
        yield


async def test_settings_that_fit(here: Settings) -> None:
    assert await settings_fit(here) == "read; the platform listens for this machine only"
    outside = change(here, bind_host="0.0.0.0")
    assert "whoever reaches 0.0.0.0" in await settings_fit(outside)


async def test_settings_that_do_not(here: Settings, tmp_path: Path) -> None:
    there = tmp_path / "cert.pem"
    there.write_text("certificate")
    cases: list[tuple[dict[str, Any], str]] = [
        ({"tls_cert": tmp_path / "no.pem"}, r"SMS_VOIP_TLS_CERT: .*no\.pem cannot be read"),
        ({"tls_cert": there}, "Set both SMS_VOIP_TLS_CERT and SMS_VOIP_TLS_KEY"),
        ({"smpp_host": "smsc"}, "set SMS_VOIP_SMPP_SYSTEM_ID"),
    ]
    for changes, sentence in cases:
        with pytest.raises(UnwellError, match=sentence):
            await settings_fit(change(here, **changes))
    both = change(here, tls_cert=there, tls_key=there, smpp_host="smsc", smpp_system_id="me")
    assert await settings_fit(both)


async def test_ports(here: Settings) -> None:
    assert await ports_free(here) == "free"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", here.ami_port))
        taken.listen()
        with pytest.raises(UnwellError, match=f"SMS_VOIP_AMI_PORT: TCP port {here.ami_port}"):
            await ports_free(here)
        with running(here):
            assert await ports_free(here) == "in use by the running platform"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", here.sip_port))
        with pytest.raises(UnwellError, match="Stop that program or choose other ports"):
            await ports_free(here)


async def test_database(here: Settings) -> None:
    assert "made or migrated at the next start" in await database_current(here)
    here.var_dir.mkdir(exist_ok=True)
    with running(here), pytest.raises(UnwellError, match="run `sms-voip migrate`"):
        await database_current(here)
    upgrade(here.db_url)
    assert (await database_current(here)).endswith("schema is current")


async def test_a_database_that_does_not_answer(here: Settings) -> None:
    away = change(here, database_url="postgresql://me:secret@127.0.0.1:1/none")
    with pytest.raises(UnwellError, match="does not answer") as found:
        await database_current(away)
    assert "secret" not in str(found.value)
    assert "Check the server and URL" in str(found.value)


async def test_asterisk(here: Settings, pbx: Pbx, tmp_path: Path) -> None:
    found = await asterisk_found(here)
    assert found == f"version {pbx.installation.version} in {pbx.installation.root}"
    with pytest.raises(UnwellError, match="SMS_VOIP_ASTERISK_ROOT"):
        await asterisk_found(change(here, asterisk_root=tmp_path))


async def test_no_asterisk_yet(
    here: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    empty = change(here, cache_dir=tmp_path / "cache", asterisk_root=None)
    assert "`sms-voip up` makes one" in await asterisk_found(empty)


async def test_the_link_to_a_running_pbx(
    pbx: Pbx, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(pbx.settings):
        assert (await link_answers(pbx.settings)).endswith("fully booted")
    (pbx.settings.var_dir / FACTS).unlink()
    monkeypatch.setattr(doctor, "LINK_SECONDS_MAX", 0.3)
    silent = change(pbx.settings, var_dir=tmp_path)
    assert "not running" in await link_answers(silent)
    with running(silent):
        secrets.load(silent)  # of its own: not those of the PBX that listens there
        with pytest.raises(UnwellError, match=r"does not answer; see .*messages\.log"):
            await link_answers(silent)


async def test_a_file_of_a_killed_supervisor_is_no_running_platform(here: Settings) -> None:
    here.var_dir.mkdir()
    (here.var_dir / FACTS).write_text('{"pids": {"supervisor": 1}}')
    assert "not running" in await link_answers(here)
    assert await ports_free(here) == "free"


async def test_disk(here: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(9 << 30, 4 << 30, 5 << 30))
    assert (await disk_free(here)).startswith("5 GiB free at ")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(9 << 30, 9 << 30, 7 << 20))
    with pytest.raises(UnwellError, match=r"Only 7 MiB free at .* at least 1 GiB"):
        await disk_free(here)


async def test_clock(here: Settings) -> None:
    assert (await clock_right(here)).endswith("UTC")
    here.var_dir.mkdir()
    future = datetime.now(UTC).timestamp() + 3600
    newer = here.var_dir / "secrets.json"
    newer.write_text("{}")
    os.utime(newer, (future, future))
    with pytest.raises(UnwellError, match=r"The clock says .* which is past: set it"):
        await clock_right(here)


async def test_the_whole_examination(here: Settings, pbx: Pbx) -> None:
    lines = StringIO()
    assert await examine(here, Console(file=lines, width=200))
    told = lines.getvalue().splitlines()
    assert [line[:11].strip("✓ ") for line in told] == list(doctor.CHECKS)
    assert all(line.startswith("✓") for line in told)
    lines = StringIO()
    assert not await examine(change(here, smpp_host="smsc"), Console(file=lines, width=200))
    marks = [line[0] for line in lines.getvalue().splitlines()]
    assert marks == ["✗"] + ["✓"] * (len(doctor.CHECKS) - 1)


async def test_where_recordings_are_kept(here: Settings) -> None:
    assert await recordings_kept(here) == f"in {here.var_dir}/recordings"
    blocked = here.var_dir / "recordings"
    blocked.parent.mkdir(parents=True)
    blocked.write_text("not a folder")
    with pytest.raises(UnwellError, match="SMS_VOIP_RECORDINGS_DIR"):
        await recordings_kept(here)
    with bucket() as kept:
        values = {"recordings_bucket": BUCKET, "recordings_endpoint": kept.endpoint,
                  "recordings_region": REGION, "recordings_access_key_id": ACCESS_KEY}  # fmt: skip
        right = change(here, **values, recordings_secret_access_key=SECRET_KEY)
        assert await recordings_kept(right) == f"in bucket {BUCKET}, which answers"
        with pytest.raises(UnwellError, match="Check SMS_VOIP_RECORDINGS_BUCKET"):
            await recordings_kept(change(here, **values, recordings_secret_access_key="another"))
