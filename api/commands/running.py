"""Whether a platform runs in a var folder: its supervisor holds a lock as long as it lives."""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from telephony.settings import Settings

LOCK = "up.lock"
FACTS = "ready.json"


class AlreadyRunningError(Exception):
    """The message names the folder."""


@contextmanager
def alone(var_dir: Path) -> Iterator[None]:
    """Hold the folder; a second supervisor would overwrite the configuration, facts and call
    records of the first. Raises AlreadyRunningError."""
    var_dir.mkdir(parents=True, exist_ok=True)
    with (var_dir / LOCK).open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AlreadyRunningError(
                f"A platform runs in {var_dir} already. Stop it first, or let SMS_VOIP_VAR_DIR"
                " name another folder for a second one."
            ) from error
        # A supervisor that was killed could not take its facts away.
        (var_dir / FACTS).unlink(missing_ok=True)
        yield


def running(settings: Settings) -> dict[str, Any] | None:
    """The facts of the platform that runs with these settings; None where none runs, or it is
    not ready yet."""
    try:
        facts: dict[str, Any] = json.loads((settings.var_dir / FACTS).read_text())
    except FileNotFoundError:
        return None
    return facts if _held(settings.var_dir / LOCK) else None


def _held(lock: Path) -> bool:
    with lock.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
