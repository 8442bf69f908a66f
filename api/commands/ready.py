"""Waits until every part of an installation is there."""

import asyncio
import json
import urllib.request
from typing import Any

from telephony.settings import Settings

READY_SECONDS_MAX = 30.0
POLL_SECONDS = 0.1
PROBE_SECONDS_MAX = 2.0
SANDBOX = "sms:sandbox"


async def wait_operational(settings: Settings) -> None:
    """Return once `/status` says that every part of this installation is there; TimeoutError
    with the last answer."""
    last = "no answer yet"
    for _ in range(int(READY_SECONDS_MAX / POLL_SECONDS)):
        status = await asyncio.to_thread(_status, settings)
        if all_there(status):
            return
        last = json.dumps(status) if status else last
        await asyncio.sleep(POLL_SECONDS)
    raise TimeoutError(f"not every part came up in {READY_SECONDS_MAX:g} s: {last}")


def all_there(status: dict[str, Any]) -> bool:
    """What others run may be down: a carrier or an SMSC that does not answer stops no start."""
    parts = status.get("components", [])
    ours = [part for part in parts if not part["remote"] or part["name"] == SANDBOX]
    well = all(part["status"] == "operational" for part in ours)
    return well and any(part["name"] == SANDBOX for part in ours)


def _status(settings: Settings) -> dict[str, Any]:
    url = f"http://{settings.local_host}:{settings.http_port}/api/v1/status"
    try:
        with urllib.request.urlopen(url, timeout=PROBE_SECONDS_MAX) as answer:
            return dict(json.load(answer))
    except OSError:
        return {}
