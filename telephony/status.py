"""How the platform is: what its workers report, what anybody is shown, and what went before."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, cast

from db import components, incidents, sip_nodes
from db.connection import Conn, Reader, Row
from telephony.clock import SECOND, Instant

STALE_SECONDS = 30
"""A part that nobody has looked at for so long is taken for down: its worker is."""
PATIENCE_SECONDS = 10
"""What is over sooner, such as a link that is made anew, is no incident."""
FLAP_SECONDS = 600
"""A part that fails again so soon has not recovered: its incident goes on."""
DAY = 86_400 * SECOND
FORGOTTEN_MAX = 500
PBX = "pbx"
OF_NODE = ("call", "cdr")
"""Kinds of parts that a PBX node has besides itself, named `<kind>:<node>`."""

State = Literal["operational", "degraded", "outage"]


@dataclass(frozen=True)
class Part:
    """A part of the platform whose state is reported. `look` tells whether it is well, and a
    sentence; `unwell` is its state if not; `remote` if others run it."""

    name: str
    kind: str
    look: Callable[[], tuple[bool, str]]
    unwell: str = "outage"
    remote: bool = False


@dataclass(frozen=True)
class Component:
    """A part as a probe last found it; `since` is when its status began."""

    name: str
    status: State
    remote: bool
    checked_at: Instant
    since: Instant
    detail: str


@dataclass(frozen=True)
class Snapshot:
    """The whole: `status` is the worst of the platform's own parts."""

    status: State
    notice: str | None
    components: list[Component]
    updated_at: Instant


@dataclass(frozen=True)
class Day:
    """A day (UTC) of a component: the worst that it was, and the share of the day, from 0 to 1,
    without an outage; None where it was no component yet."""

    date: str
    status: State | None
    uptime: float | None


@dataclass(frozen=True)
class History:
    """Days by component, the oldest first, and incidents, the newest first."""

    components: dict[str, list[Day]]
    incidents: list[Row]


async def look(reader: Reader, at: Instant) -> Snapshot:
    """How the platform is."""
    found = [_component(row, at) for row in await components.every(reader)]
    notice = await incidents.notice(reader, at)
    return Snapshot(_overall(found), notice, found, at)


def unreachable(at: Instant) -> Snapshot:
    """What is shown while the database, which knows the rest, does not answer."""
    detail = "it does not answer"
    return Snapshot("outage", None, [Component("database", "outage", False, at, at, detail)], at)


async def history(reader: Reader, at: Instant, days: int) -> History:
    """How each component was on so many days, this one included."""
    begins = at // DAY * DAY - (days - 1) * DAY
    rows = await incidents.since(reader, begins)
    found = {
        shown_name(one): [
            _day(one, [row for row in rows if row["component"] == shown_name(one)], start, at)
            for start in range(begins, at, DAY)
        ]
        for one in await components.every(reader)
    }
    return History(found, rows)


def report(conn: Conn, parts: list[Part], at: Instant) -> None:
    """Write how every part is; what has not been well for a while is an incident."""
    before = {row["name"]: row for row in components.every_one(conn)}
    for part in parts:
        well, detail = part.look()
        status = "operational" if well else part.unwell
        components.report(conn, part.name, part.kind, status, detail, at, part.remote)
    for part in parts:
        known = before.get(part.name)
        if known and _is_stale(known, at):
            _unseen(conn, known, at)
    _follow(conn, at)


def set_notice(conn: Conn, text: str, until: Instant | None, actor: str, now: Instant) -> None:
    """Show a sentence on top of the status."""
    if not text.strip():
        raise ValueError("a notice has a text; `sms-voip status clear` takes one away")
    if until is not None and until <= now:
        raise ValueError("the notice would end before it begins")
    incidents.set_notice(conn, text.strip(), actor, until, now)


def clear_notice(conn: Conn, now: Instant) -> bool:
    """Take the notice away; False if there was none."""
    return incidents.clear_notice(conn, now)


def annotate(conn: Conn, incident_id: str, note: str) -> None:
    """Tell customers something about an incident."""
    if not incidents.annotate(conn, incident_id, note.strip()):
        raise ValueError(f"there is no incident {incident_id}")


def forget(conn: Conn, name: str, at: Instant) -> bool:
    """Take a part that is out of service off the list; one that was looked at lately would only
    come back. True once it is done: of a PBX node, some of the SIP accounts that it was to be
    told of are forgotten at a time, and the deleted ones that waited for it go with them."""
    row = next((one for one in components.every_one(conn) if shown_name(one) == name), None)
    if row is None:
        raise ValueError(f"there is no component {name}")
    if not _is_stale(row, at):
        raise ValueError(f"{name} is in service: stop it, and try again after {STALE_SECONDS} s")
    if row["kind"] == PBX:
        if sip_nodes.forget(conn, row["name"], FORGOTTEN_MAX) == FORGOTTEN_MAX:
            return False
        for kind in OF_NODE:
            components.forget(conn, f"{kind}:{row['name']}")
    components.forget(conn, row["name"])
    _follow(conn, at)
    return True


def shown_name(row: Row) -> str:
    """`smpp` of kind `sms` → `sms:smpp`; `pbx1`, which begins with its kind, stays as it is."""
    name, kind = str(row["name"]), str(row["kind"])
    return name if name.startswith(kind) else f"{kind}:{name}"


def _component(row: Row, at: Instant) -> Component:
    name, remote, checked_at = shown_name(row), bool(row["remote"]), row["checked_at"]
    if _is_stale(row, at):
        detail = f"not checked for {(at - checked_at) // SECOND} s"
        return Component(name, "outage", remote, checked_at, checked_at, detail)
    status = cast(State, row["status"])
    return Component(name, status, remote, checked_at, row["since"], row["detail"])


def _is_stale(row: Row, at: Instant) -> bool:
    return bool((at - row["checked_at"]) // SECOND > STALE_SECONDS)


def _overall(found: list[Component]) -> State:
    """One carrier or SMSC that is down degrades the platform, which goes on without it."""
    ours = {one.status for one in found if not one.remote}
    if not found or "outage" in ours:
        return "outage"
    return "operational" if {one.status for one in found} == {"operational"} else "degraded"


def _unseen(conn: Conn, row: Row, at: Instant) -> None:
    """A part that nobody looked at for long was down meanwhile, whoever noticed."""
    name = shown_name(row)
    if name not in incidents.open_ones(conn):
        incidents.begin(
            conn, component=name, status="outage", detail="nobody looked at it",
            opened_at=row["checked_at"], closed_at=at,
        )  # fmt: skip


def _follow(conn: Conn, at: Instant) -> None:
    """Open and close incidents as the components are by now."""
    found = {one.name: one for one in (_component(row, at) for row in components.every_one(conn))}
    if not _changes(found, incidents.open_ones(conn), at):
        return
    conn.lock(incidents.LOCK)
    lasting = incidents.open_ones(conn)
    for name, status in _changes(found, lasting, at).items():
        one = found.get(name)
        begins = one.since if one else at
        if name in lasting:
            # One that is looked at again after its worker was away has been as it is for longer.
            ended = begins if begins > lasting[name]["opened_at"] else at
            incidents.close(conn, lasting[name]["id"], ended)
        if one is None or status == "operational":
            continue
        if not incidents.reopen(conn, name, status, begins - FLAP_SECONDS * SECOND):
            incidents.begin(conn, component=name, status=status, detail=one.detail,
                            opened_at=begins, closed_at=None)  # fmt: skip


def _changes(
    found: dict[str, Component], lasting: dict[str, Row], at: Instant
) -> dict[str, State]:  # fmt: skip
    """The components whose incidents do not tell how they are."""
    changed: dict[str, State] = {name: "operational" for name in lasting if name not in found}
    for name, one in found.items():
        told = lasting[name]["status"] if name in lasting else "operational"
        lately = one.status != "operational" and at - one.since < PATIENCE_SECONDS * SECOND
        if one.status != told and not lately:
            changed[name] = one.status
    return changed


def _day(component: Row, rows: list[Row], start: Instant, at: Instant) -> Day:
    date = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=start // SECOND)).date()
    begins, ends = max(start, component["first_seen_at"]), min(start + DAY, at)
    if begins >= ends:
        return Day(date.isoformat(), None, None)
    within = [row for row in rows if _overlap(row, begins, ends, at) > 0]
    down = sum(_overlap(row, begins, ends, at) for row in within if row["status"] == "outage")
    status = max((row["status"] for row in within), key=incidents.UNWELL.index, default=None)
    return Day(
        date.isoformat(), cast(State, status or "operational"),
        round(max(0.0, 1 - down / (ends - begins)), 6),
    )  # fmt: skip


def _overlap(row: Row, begins: Instant, ends: Instant, at: Instant) -> int:
    """Microseconds of an incident within a time."""
    opened, closed = int(row["opened_at"]), int(row["closed_at"] or at)
    return max(0, min(ends, closed) - max(begins, opened))
