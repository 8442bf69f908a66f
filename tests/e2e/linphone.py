"""Linphone's own command line, which knows nothing but the URL that its QR code holds."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# No fixed ports; the certificate of this installation is trusted, and no other.
CONFIG = """\
[misc]
config-uri={url}
[sip]
sip_port=-1
sip_tcp_port=-1
sip_tls_port=-1
root_ca={certificate}
"""


def without_certificate(process: "subprocess.Popen[bytes]") -> None:
    """Say none: over TLS it asks at its prompt for a certificate of its own and its password,
    because the PBX would take one, and waits."""
    assert process.stdin
    process.stdin.write(b"none\n")
    process.stdin.flush()


@contextmanager
def linphone(folder: Path, url: str, certificate: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Run it for a while; it needs no sound card to register."""
    (folder / ".local/share/linphone").mkdir(parents=True)
    (folder / "rc").write_text(CONFIG.format(url=url, certificate=certificate))
    command = ["linphonec", "-c", str(folder / "rc"), "-d", "6", "-l", str(folder / "log.txt")]
    with (
        (folder / "output.txt").open("wb") as output,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=output, stderr=output,
            env={**os.environ, "HOME": str(folder)},
        ) as process,
    ):  # fmt: skip
        try:
            yield process
        finally:
            process.terminate()
            process.wait(5)
