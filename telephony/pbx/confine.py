"""The command that runs Asterisk where it sees only its own folder and leaves nothing behind."""

import os
import shutil
import subprocess

from telephony.pbx.find import Installation
from telephony.pbx.render import USER, Layout

# Builds a root of its own in a private mount namespace: an empty tmpfs with the Asterisk's
# program folders and the one data folder bound into it at the same path. Nothing is mounted
# in the host's namespace or written into the shared root file system, parents that user
# `asterisk` may not traverse do not matter, and the kernel undoes it all when Asterisk ends.
SCRIPT = r"""
set -eu
base=$1 data=$2 user=$3; shift 3
new=$data/root
mount -t tmpfs -o size=4m,mode=755 tmpfs "$new"
for name in usr bin sbin lib lib32 lib64 etc var/lib/asterisk; do
    if [ -L "$base/$name" ]; then cp -P "$base/$name" "$new/$name"
    elif [ -d "$base/$name" ]; then mkdir -p "$new/$name"; mount --rbind "$base/$name" "$new/$name"
    fi
done
for name in proc dev; do mkdir "$new/$name"; mount --rbind "/$name" "$new/$name"; done
mkdir -m 1777 "$new/tmp"
# Every call looks the host name up, and a name server that is away would stop it for seconds.
{ cat /etc/hosts 2>/dev/null || echo "127.0.0.1 localhost"
  echo "127.0.1.1 $(cat /proc/sys/kernel/hostname)"; } > "$new/hosts"
: 2>/dev/null >> "$base/etc/hosts" || :
[ ! -f "$new/etc/hosts" ] || mount --bind "$new/hosts" "$new/etc/hosts"
[ ! -f "$new/etc/resolv.conf" ] || mount --bind /etc/resolv.conf "$new/etc/resolv.conf" || :
mkdir -p "$new$data"
mount --bind "$data" "$new$data"
ulimit -n 65536 2>/dev/null || :
exec chroot "$new" setpriv --reuid "$user" --regid "$user" --clear-groups \
    --pdeathsig KILL -- "$@"
"""
# A change of user clears the parent death signal, so it is set before the mounts and again
# after the change.
DIE_WITH_PARENT = ("setpriv", "--pdeathsig", "KILL", "--")


def command(installation: Installation, layout: Layout) -> list[str]:
    """What to execute; the process stays the caller's own child and dies when its parent does."""
    asterisk = [installation.binary, "-f", "-C", str(layout.config)]
    if os.geteuid() != 0:
        return [*DIE_WITH_PARENT, *asterisk]
    if installation.is_system and not can_unshare():
        # A container without the right to mount: its own root is fence enough.
        ids = ["--reuid", USER, "--regid", USER, "--clear-groups"]
        return ["setpriv", *ids, "--pdeathsig", "KILL", "--", *asterisk]
    private = ["unshare", "--mount", "--propagation", "private"]
    arguments = [str(installation.root).rstrip("/"), str(layout.folder), USER, *asterisk]
    return [*DIE_WITH_PARENT, *private, "sh", "-c", SCRIPT, "asterisk", *arguments]


def can_unshare() -> bool:
    """True where this process may have a mount namespace of its own."""
    if not shutil.which("unshare"):
        return False
    return subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode == 0
