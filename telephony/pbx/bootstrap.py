"""Makes a root file system with a real Asterisk where the distribution has no package for it."""

import asyncio
import fcntl
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from telephony.pbx.errors import PbxError
from telephony.pbx.process import Report, run

# Debian's own mirror is mmdebstrap's default; `sid` carries the current long-term release.
COMMAND = (
    "mmdebstrap",
    "--variant=apt",
    '--aptopt=Acquire::Check-Valid-Until "false"',
    "--include=asterisk",
    "sid",
)
WHAT_TO_DO = (
    "Install the package `asterisk` 22.2 or later, or `mmdebstrap` (and be root), or let"
    " SMS_VOIP_ASTERISK_ROOT name a root file system that holds one."
)


async def bootstrap(root: Path, report: Report) -> None:
    """Make `root` appear complete or not at all; two starts at once make it once."""
    if os.geteuid() != 0 or not shutil.which("mmdebstrap"):
        raise PbxError(f"There is no Asterisk on this machine. {WHAT_TO_DO}")
    root.parent.mkdir(parents=True, exist_ok=True)
    async with _alone(root.with_name(f"{root.name}.lock")):
        if not await asyncio.to_thread(root.exists):
            await _make(root, report)


async def _make(root: Path, report: Report) -> None:
    half = root.with_name(f"{root.name}.new")
    await _remove(half)
    report("No Asterisk here yet: making a root file system with one (340 MB, once).")
    status, last = await run([*COMMAND, str(half)], lambda line: _progress(line, report))
    if status != 0:
        await _remove(half)
        raise PbxError(f"mmdebstrap failed ({status}): {last[-600:]}\n{WHAT_TO_DO}")
    # Packages that came along are of no use to a service that is never upgraded in place.
    shutil.rmtree(half / "var/cache/apt", ignore_errors=True)
    half.rename(root)
    report(f"Asterisk is in {root}.")


def _progress(line: str, report: Report) -> None:
    if line.startswith("I: "):
        report(line.removeprefix("I: "))


async def _remove(half: Path) -> None:
    """Never crosses into another file system: a killed run may have left /proc mounted."""
    await run(["rm", "-rf", "--one-file-system", str(half)])


@asynccontextmanager
async def _alone(lock: Path) -> AsyncIterator[None]:
    with lock.open("w") as file:
        await asyncio.to_thread(fcntl.flock, file, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    # `make` runs this beside the installation of the Python packages; it needs none of them.
    asyncio.run(bootstrap(Path(sys.argv[1]).expanduser(), print))
