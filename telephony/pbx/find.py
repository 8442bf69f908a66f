"""Which Asterisk to run: the one that was named, the system's, the cached one, or a new one."""

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from telephony.pbx.bootstrap import bootstrap
from telephony.pbx.errors import PbxError
from telephony.pbx.process import Report, run
from telephony.settings import Settings

OLDEST = (22, 2)
SYSTEM = Path("/")
CACHED = "asterisk-root"


@dataclass(frozen=True)
class Installation:
    """An Asterisk that may be used: its root folder (`/` is the system's own) and version."""

    root: Path
    binary: str
    version: str

    @property
    def is_system(self) -> bool:
        """True where no root file system of its own is involved."""
        return self.root == SYSTEM


async def find(settings: Settings, report: Report = lambda line: None) -> Installation:
    """The Asterisk to use; makes a root file system in the cache (30–60 s) if there is none."""
    found = await find_existing(settings, report)
    if found is None:
        root = settings.cache_dir / CACHED
        await bootstrap(root, report)
        found = await _checked(root)
    return found


async def find_existing(
    settings: Settings, report: Report = lambda line: None
) -> Installation | None:
    """The Asterisk to use if one is here already; raises PbxError for one that was named and is
    of no use."""
    if settings.asterisk_root:
        return await _checked(settings.asterisk_root)
    if shutil.which("asterisk"):
        try:
            return await _checked(SYSTEM)
        except PbxError as too_old:
            report(f"{too_old} Looking further.")
    root = settings.cache_dir / CACHED
    return await _checked(root) if _holds_asterisk(root) else None


def parse_version(banner: str) -> tuple[int, ...]:
    """`Asterisk 22.10.1~dfsg` → (22, 10, 1); a development build without numbers is refused."""
    found = re.search(r"Asterisk (?:certified[/-])?(\d+)\.(\d+)(?:\.(\d+))?", banner)
    if not found:
        raise PbxError(f"Cannot tell the version of Asterisk from “{banner.strip()[:80]}”.")
    return tuple(int(part) for part in found.groups(default="0"))


def _holds_asterisk(root: Path) -> bool:
    return (root / "usr/sbin/asterisk").exists()


async def _checked(root: Path) -> Installation:
    binary = _binary(root)
    if root != SYSTEM and os.geteuid() != 0:
        raise PbxError(
            f"Only root may run the Asterisk in {root}: use sudo, or install the package"
            " `asterisk` 22.2 or later on this system."
        )
    change_root = [] if root == SYSTEM else ["chroot", str(root)]
    try:
        _, banner = await run([*change_root, binary, "-V"])
    except OSError as error:
        raise PbxError(f"Cannot run {binary} in {root}: {error.strerror}.") from error
    version = parse_version(banner)
    if version < OLDEST:
        raise PbxError(
            f"Asterisk {'.'.join(map(str, version))} in {root} is too old; 22.2 or later is needed."
        )
    return Installation(root, binary, ".".join(map(str, version)))


def _binary(root: Path) -> str:
    if root == SYSTEM:
        return shutil.which("asterisk") or "/usr/sbin/asterisk"
    if not _holds_asterisk(root):
        raise PbxError(
            f"There is no usr/sbin/asterisk in {root}; let SMS_VOIP_ASTERISK_ROOT name the root"
            " file system of an Asterisk 22.2 or later, or leave it empty."
        )
    return "/usr/sbin/asterisk"
