"""Is the platform there, and how are its parts."""

from typing import Literal

from api.endpoint import PUBLIC, Context, Endpoints
from api.fields import Answer, Time
from api.version import VERSION
from db import components
from db.connection import Reader, Row
from telephony.clock import SECOND, Instant

endpoint = Endpoints()

STALE_SECONDS = 30
"""A part that nobody has looked at for so long is taken for down: its worker is."""

REMOTE = ("trunk:", "sms:")
"""How the names of parts begin that others run."""

State = Literal["operational", "degraded", "outage"]


class Pong(Answer):
    """`account` and `mode` with a key only."""

    pong: Literal[True] = True
    time: Time
    version: str = VERSION
    account: str | None = None
    mode: str | None = None


class Component(Answer):
    """A part of the platform as a probe last found it."""

    name: str
    status: State
    checked_at: Time
    detail: str


class Status(Answer):
    """The worst of the platform's own components, for others' are `trunk:` and `sms:`; `notice`
    is a sentence from the operator."""

    status: State
    notice: str | None = None
    components: list[Component]
    updated_at: Time


@endpoint("GET", "/ping", scope=PUBLIC, returns=Pong)
async def ping(context: Context, _: None) -> Pong:
    """Check that the API answers and that a key is good."""
    caller = context.caller
    return Pong(
        time=context.now, account=caller.account if caller else None,
        mode=caller.mode if caller else None,
    )  # fmt: skip


@endpoint("GET", "/status", scope=PUBLIC, returns=Status)
async def status(context: Context, _: None) -> Status:
    """Tell how every part of the platform is, from real probes."""
    return await current(context.db, context.now)


async def current(reader: Reader, at: Instant) -> Status:
    """How every part was when it was last looked at."""
    found = [_component(row, at) for row in await components.every(reader)]
    return Status(status=_overall(found), components=found, updated_at=at)


def _overall(found: list[Component]) -> State:
    """One carrier or SMSC that is down degrades the platform, which goes on without it."""
    ours = {one.status for one in found if not one.name.startswith(REMOTE)}
    if not found or "outage" in ours:
        return "outage"
    return "operational" if {one.status for one in found} == {"operational"} else "degraded"


def _component(row: Row, at: Instant) -> Component:
    name = row["name"] if row["name"].startswith(row["kind"]) else f"{row['kind']}:{row['name']}"
    age = (at - row["checked_at"]) // SECOND
    if age > STALE_SECONDS:
        detail = f"not checked for {age} s"
        return Component(name=name, status="outage", checked_at=row["checked_at"], detail=detail)
    return Component(
        name=name, status=row["status"], checked_at=row["checked_at"], detail=row["detail"]
    )
