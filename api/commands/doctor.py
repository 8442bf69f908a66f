"""Looks at every real part and says, a line each, whether it is well or what to do."""

import asyncio
import os
import shutil
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from sqlalchemy.exc import SQLAlchemyError

from api.commands.options import console, settings
from api.commands.running import running
from db.migrate import pending
from telephony.pbx.errors import PbxError
from telephony.pbx.find import find_existing
from telephony.pbx.ready import fully_booted, ports_in_use
from telephony.secrets import load
from telephony.settings import Settings
from telephony.voice.recordings.store import why_not

DISK_BYTES_MIN = 1 << 30
LINK_SECONDS_MAX = 3.0
FUTURE_SECONDS_MAX = 60
EARLIEST = datetime(2026, 1, 1, tzinfo=UTC)
"""A clock before this is wrong: signatures and certificates would be refused."""


class UnwellError(Exception):
    """What is wrong and what to do, in a sentence."""


Check = Callable[[Settings], Awaitable[str]]


def doctor() -> None:
    """Check settings, ports, database, Asterisk, disk and clock; say what to do."""
    if not asyncio.run(examine(settings(), console)):
        raise SystemExit(1)


async def examine(settings: Settings, console: Console) -> bool:
    """Run every check and print its line; False if one of them is unwell."""
    well = True
    for name, check in CHECKS.items():
        try:
            line, mark, style = await check(settings), "✓", "green"
        except UnwellError as error:
            line, mark, style, well = str(error), "✗", "red", False
        console.print(f"{mark} {name:9}", style=style, markup=False, highlight=False, end=" ")
        console.print(line, markup=False, highlight=False)
    return well


async def settings_fit(settings: Settings) -> str:
    """Settings that contradict each other or name files that are not there."""
    for name in ("tls_cert", "tls_key"):
        path: Path | None = getattr(settings, name)
        if path and not os.access(path, os.R_OK):
            raise UnwellError(f"SMS_VOIP_{name.upper()}: {path} cannot be read; check the path.")
    if bool(settings.tls_cert) != bool(settings.tls_key):
        raise UnwellError("Set both SMS_VOIP_TLS_CERT and SMS_VOIP_TLS_KEY, or neither.")
    if settings.smpp_host and not settings.smpp_system_id:
        raise UnwellError("SMS_VOIP_SMPP_HOST is set: set SMS_VOIP_SMPP_SYSTEM_ID, too.")
    reach = "this machine only" if settings.on_loopback else f"whoever reaches {settings.bind_host}"
    return f"read; the platform listens for {reach}"


async def ports_free(settings: Settings) -> str:
    """Ports that another program has."""
    if running(settings):
        return "in use by the running platform"
    taken = ports_in_use(settings)
    if taken:
        raise UnwellError(f"{'; '.join(taken)}. Stop that program or choose other ports.")
    return "free"


async def database_current(settings: Settings) -> str:
    """A database that does not answer or has an older schema."""
    where = settings.db_url.rpartition("@")[2]
    try:
        waiting = await asyncio.to_thread(pending, settings.db_url)
    except SQLAlchemyError as error:
        reason = str(error).partition("\n")[0]
        raise UnwellError(
            f"{where} does not answer: {reason}. Check the server and URL."
        ) from error
    if waiting and running(settings):
        raise UnwellError(f"{where} lacks {len(waiting)} migrations: run `sms-voip migrate`.")
    return f"{where}, " + ("made or migrated at the next start" if waiting else "schema is current")


async def asterisk_found(settings: Settings) -> str:
    """No Asterisk, or one that is too old."""
    try:
        installation = await find_existing(settings)
    except PbxError as error:
        raise UnwellError(str(error)) from error
    if installation is None:
        return "not here yet; `sms-voip up` makes one (about 30 s, 340 MB)"
    return f"version {installation.version} in {installation.root}"


async def link_answers(settings: Settings) -> str:
    """A manager interface that does not let us in."""
    if not running(settings):
        return "not checked: the platform is not running"
    place = f"{settings.ami_host}:{settings.ami_port}"
    try:
        async with asyncio.timeout(LINK_SECONDS_MAX):
            await fully_booted(settings, load(settings))
    except TimeoutError as error:
        raise UnwellError(
            f"The manager interface at {place} does not answer; see "
            f"{settings.var_dir}/asterisk/log/messages.log."
        ) from error
    return f"logged in at {place}, fully booted"


async def recordings_kept(settings: Settings) -> str:
    """A bucket that does not answer, or not to this key."""
    bucket = settings.recordings_bucket
    reason = await why_not(settings)
    if reason:
        raise UnwellError(
            f"The store of recordings does not answer: {reason}. Check SMS_VOIP_RECORDINGS_BUCKET,"
            " the endpoint, region and keys beside it, or SMS_VOIP_RECORDINGS_DIR."
        )
    return f"in bucket {bucket}, which answers" if bucket else f"in {settings.recordings_folder}"


async def disk_free(settings: Settings) -> str:
    """Too little room for calls and recordings."""
    folder = settings.var_dir
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if free < DISK_BYTES_MIN:
        raise UnwellError(f"Only {free >> 20} MiB free at {folder}: make room, at least 1 GiB.")
    return f"{free >> 30} GiB free at {folder}"


async def clock_right(settings: Settings) -> str:
    """A clock that is behind what has been written already."""
    now = datetime.now(UTC)
    files = [path for path in settings.var_dir.glob("*") if path.is_file()]
    newest = max((path.stat().st_mtime for path in files), default=0.0)
    if now < EARLIEST or newest > now.timestamp() + FUTURE_SECONDS_MAX:
        raise UnwellError(f"The clock says {now:%Y-%m-%d %H:%M:%S} UTC, which is past: set it.")
    return f"{now:%Y-%m-%d %H:%M:%S} UTC"


CHECKS: dict[str, Check] = {
    "settings": settings_fit,
    "ports": ports_free,
    "database": database_current,
    "Asterisk": asterisk_found,
    "PBX link": link_answers,
    "disk": disk_free,
    "recording": recordings_kept,
    "clock": clock_right,
}
