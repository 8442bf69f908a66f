"""What tests on a real Asterisk's manager share: its users, calls, a look at events."""

import asyncio
import time
from dataclasses import replace
from itertools import count

from telephony.voice.ami import AmiEvent, AmiLimits, AmiLink, Originate
from tests.fixtures_pbx import Pbx
from tests.patience import PATIENCE_SECONDS

LIMITS = AmiLimits(retry_seconds_min=0.05, retry_seconds_max=0.2, login_retry_seconds=0.1)
SIMULATED = {
    "SV_LEGS": "simulated:15550000001",
    "SV_TO": "+4319990001",
    "SV_CALLER_ID": "+436601234567",
    "SV_SECONDS": "60",
    "SV_RING_SECONDS": "20",
}
"""Variables of a channel that talks to the simulated carrier."""
_numbers = count(1)


def call(**changes: object) -> Originate:
    """A call with an id of its own that is answered after a second and talks until hung up."""
    ready = Originate(
        channel="Local/s@simulated-phone/n",
        context="api-call",
        exten="s",
        priority=1,
        channel_id=f"ami-test-{next(_numbers)}-{time.time_ns()}",
        caller_id="+436601234567",
        variables=SIMULATED,
    )
    return replace(ready, **changes)  # type: ignore[arg-type]


def user(pbx: Pbx, name: str, secret: str | None = None) -> AmiLink:
    known = {"calls": pbx.secrets.ami_calls, "provisioning": pbx.secrets.ami_provisioning}
    settings = pbx.settings
    return AmiLink(settings.ami_host, settings.ami_port, name, secret or known[name], LIMITS)


async def seen(
    link: AmiLink, name: str, seconds: float = PATIENCE_SECONDS, **wanted: str
) -> AmiEvent:
    """The next event of that name with these fields; others are passed over."""
    async with asyncio.timeout(seconds):
        async for event in link.events():
            if event.name == name and wanted.items() <= event.fields.items():
                return event
    raise AssertionError("the stream ended")
