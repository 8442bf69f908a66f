"""Turns the templates of `asterisk-config/` into one installation's configuration."""

import ipaddress
import os
import re
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path

from telephony.pbx.certificate import certificate
from telephony.pbx.errors import PbxError
from telephony.pbx.find import Installation
from telephony.secrets import Secrets
from telephony.settings import Settings

TEMPLATES = Path(__file__).parents[2] / "asterisk-config"
USER = "asterisk"
# Written before a line, it makes the line a comment.
OFF = ";"
WRITABLE = ("lib", "db", "spool", "spool/monitor", "cache", "run", "log")
# Where group `asterisk` may delete: a platform that is not root takes recordings away.
SHARED = ("spool/monitor",)
LOGS = ("log/cdr-csv", "log/cdr-custom")
READ_ONLY = ("etc", "tls", "keys", "agi", "root")
# A semicolon starts a comment, a line end another option, `#` an include.
UNSAFE = re.compile(r"[\x00-\x1f\x7f;#]")


@dataclass(frozen=True)
class Layout:
    """The folder of one Asterisk, the same path inside and outside its root."""

    folder: Path
    uid: int
    gid: int

    @property
    def config(self) -> Path:
        """The file to start Asterisk with."""
        return self.folder / "etc/asterisk.conf"

    def seal(self, closed: bool) -> None:
        """Close `manager.conf` to Asterisk once it is loaded: AMI's GetConfig could read it."""
        (self.folder / "etc/manager.conf").chmod(0o600 if closed else 0o640)

    @property
    def cdr_file(self) -> Path:
        """JSON lines, one per call detail record; appears with the first call."""
        return self.folder / "log/cdr-custom/cdr.jsonl"

    @property
    def log_file(self) -> Path:
        """What Asterisk itself logs, from notices up."""
        return self.folder / "log/messages.log"

    @property
    def console_file(self) -> Path:
        """What the process wrote to standard output and error; holds why a start failed."""
        return self.folder / "log/console.log"


def render(settings: Settings, secrets: Secrets, installation: Installation) -> Layout:
    """Write folders and configuration below `var/asterisk`; data of earlier runs is kept."""
    layout = Layout(settings.var_dir / "asterisk", *_owner(installation))
    shutil.rmtree(layout.folder / "etc", ignore_errors=True)
    for name in (*READ_ONLY, *WRITABLE, *LOGS):
        _folder(layout, name)
    values = _values(settings, secrets, layout)
    unused = _unused(settings)
    for template in sorted(TEMPLATES.glob("*.conf")):
        text = "" if template.name in unused else fill(template.read_text(), values)
        _write(layout, f"etc/{template.name}", text)
    tls = certificate(settings)
    _write(layout, "tls/tls.crt", tls.certificate.read_text())
    _write(layout, "tls/tls.key", tls.key.read_text())
    return layout


def fill(template: str, values: dict[str, str]) -> str:
    """Replace each `@@NAME@@`; a value that could break out of its line is refused."""
    for name, value in values.items():
        if value != OFF and UNSAFE.search(value):
            raise PbxError(f"The setting behind {name} holds a character that is not allowed.")
    return re.sub(r"@@([A-Z_]+)@@", lambda found: values[found[1]], template)


def _values(settings: Settings, secrets: Secrets, layout: Layout) -> dict[str, str]:
    first, _, last = settings.rtp_range.partition("-")
    bind = _address(settings.bind_host)
    return {
        "DIR": str(layout.folder),
        "NODE": settings.node,
        "REALM": settings.realm,
        "SIP_BIND": bind,
        "SIP_PORT": str(settings.sip_port),
        "SIPS_PORT": str(settings.sips_port),
        "WSS_PORT": str(settings.wss_port),
        "RTP_FIRST": first,
        "RTP_LAST": last,
        "AMI_HOST": _address(settings.ami_host),
        "AMI_PORT": str(settings.ami_port),
        "AMI_PERMIT": _address(settings.ami_host).strip("[]"),
        "AMI_CALLS_SECRET": secrets.ami_calls,
        "AMI_PROVISIONING_SECRET": secrets.ami_provisioning,
        "AGI_HOST": _address(settings.agi_host),
        "AGI_PORT": str(settings.agi_port),
        "TRUNK_HOST": settings.trunk_host,
        # Audio, too, is bound to the one address that SIP is bound to.
        "BOUND": OFF if ipaddress.ip_address(bind.strip("[]")).is_unspecified else "",
    }


def _unused(settings: Settings) -> set[str]:
    """Files that stay empty: pjsip.conf includes them, and a missing one is an error."""
    return set() if settings.trunk_host else {"pjsip_trunk.conf"}


def _address(host: str) -> str:
    """Asterisk binds addresses, not names; IPv6 is written in brackets."""
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return socket.gethostbyname(host)
    return f"[{address}]" if address.version == 6 else str(address)


def _owner(installation: Installation) -> tuple[int, int]:
    """The ids of user `asterisk` in the Asterisk's own root, or ours where we are not root."""
    if os.geteuid() != 0:
        return os.getuid(), os.getgid()
    for line in (installation.root / "etc/passwd").read_text().splitlines():
        name, _, uid, gid, *_ = line.split(":")
        if name == USER:
            return int(uid), int(gid)
    raise PbxError(f"There is no user `{USER}` in {installation.root}: create it and start again.")


def _folder(layout: Layout, name: str) -> None:
    path = layout.folder / name
    path.mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0:
        os.chown(layout.folder, 0, layout.gid)
        os.chown(path, 0 if name in READ_ONLY else layout.uid, layout.gid)
    layout.folder.chmod(0o750)
    path.chmod(0o770 if name in SHARED else 0o750)


def _write(layout: Layout, name: str, text: str) -> None:
    path = layout.folder / name
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640), "w") as file:
        os.fchmod(file.fileno(), 0o640)  # whatever the umask
        file.write(text)
    if os.geteuid() == 0:
        os.chown(path, 0, layout.gid)
