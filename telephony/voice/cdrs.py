"""Call detail records: the PBX's file of JSON lines is the truth of how calls ended."""

import asyncio
import json
import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from db import call_ends, calls, cdrs
from db.calls import CallStatus
from db.connection import Conn, Row
from db.database import Database
from db.search import keep_up
from db.searched import CALLS
from telephony.clock import Instant, from_epoch, now
from telephony.queue import Kick, repeat
from telephony.voice import causes, probe_calls
from telephony.voice.cdr_file import Chunk, read_chunk
from telephony.voice.settle import End, phone_rings_first
from telephony.voice.settle_all import finish_all

LINES_TOGETHER = 512
OWN = f"{probe_calls.PREFIX}_"
ID = re.compile(r"[!-~]{1,200}")
CAUSE = re.compile(r"[0-9]{1,3}")
SIP_CODE = re.compile(r"[1-6][0-9]{2}")
SECOND_HALF = ";2"
"""What Asterisk adds to the id of a Local channel for its side in the dialplan."""
FAR = 1 << 53
"""Microseconds: the year 2255."""
POLL_SECONDS = 1.0
LATE_SECONDS = 30
HANGUP_SECONDS = 1.0
"""As a rule the manager told of the hang-up before its record was written."""
UNANSWERED = b"NO ANSWER"
PROBE = f'"{probe_calls.PREFIX}_'.encode()


class CdrTail:
    """Reads one node's file, wherever it stopped; the position is committed with the rows.
    `on_probe` gets uniqueid and disposition of records of the platform's own calls."""

    def __init__(
        self, db: Database, path: Path, node: str,
        on_probe: Callable[[str, str], None] = lambda *_: None,
    ) -> None:  # fmt: skip
        self.look = Kick()
        self._on_probe = on_probe
        self._reached_at = time.monotonic()
        self._db = db
        self._path = path
        self._node = node
        self._turn = asyncio.Lock()
        self._waits_since: float | None = None

    async def run(self) -> None:
        """Work until cancelled; looks when kicked and every second."""
        await repeat("cdr", self.look, self.step, POLL_SECONDS)

    async def step(self) -> int:
        """Store one chunk, but for what still waits; how many lines were stored."""
        async with self._turn:
            inode, offset = await self._db.write(cdrs.position, self._node)
            chunk = await asyncio.to_thread(read_chunk, self._path, inode, offset)
            if chunk is None:
                self._reached_at = time.monotonic()
                return 0
            stored = await self._db.write(store, self._node, chunk, now(), self._patient())
            if stored == len(chunk.lines):
                self._waits_since = None
            elif stored or self._waits_since is None:
                self._waits_since = time.monotonic()
            self._tell_probes(chunk.lines[:stored])
            return stored

    def _patient(self) -> bool:
        since = self._waits_since
        return since is None or time.monotonic() - since < HANGUP_SECONDS

    def lag(self) -> tuple[bool, str]:
        """Whether the file is read as fast as it is written, and a sentence."""
        seconds = time.monotonic() - self._reached_at
        if seconds <= LATE_SECONDS:
            return True, "the call records are read to their end"
        return False, f"the end of the call records was last reached {seconds:.0f} s ago"

    def _tell_probes(self, lines: list[bytes]) -> None:
        for line in lines:
            with suppress(ValueError, KeyError, TypeError):  # that it is unreadable is noted
                if PROBE in line:
                    record = parse(line.decode("utf-8", "replace"))
                    self._on_probe(record.uniqueid, record.disposition)

    async def catch_up(self) -> None:
        """Store everything that is in the file by now and waits for nothing."""
        while await self.step():
            pass


def store(conn: Conn, node: str, chunk: Chunk, at: Instant, patient: bool) -> int:
    """Keep records, end the calls they belong to, and remember how far we are: all of them, or
    those before the first one that comes too early. How many it were."""
    if patient:
        chunk = chunk.up_to(_timely(conn, chunk.lines))
    read_lines(conn, node, chunk.lines, at)
    cdrs.set_position(conn, node, chunk.inode, chunk.end)
    return len(chunk.lines)


def _timely(conn: Conn, lines: list[bytes]) -> int:
    """How many lines come before the first that tells less of its call than a hang-up that was
    not heard of yet: for the record, a phone that declines did not answer."""
    suspects: dict[str, int] = {}
    for at, line in enumerate(lines):
        with suppress(ValueError, KeyError, TypeError):  # that it is unreadable is noted
            if UNANSWERED in line:
                record = parse(line.decode("utf-8", "replace"))
                suspects.setdefault(record.uniqueid, at)
    found = call_ends.of_channels(conn, suspects) if suspects else {}
    early = (suspects[channel] for channel, call in found.items() if phone_rings_first(call))
    return min(early, default=len(lines))


class Outcome(StrEnum):
    """What became of a line."""

    matched = "matched"
    """A record that was not kept yet, and its call."""
    stray = "stray"
    """A record that was not kept yet, and belongs to no call."""
    known = "known"
    unreadable = "unreadable"


def read_lines(conn: Conn, node: str, lines: list[bytes], at: Instant) -> list[Outcome]:
    """Keep records and end their calls. What cannot be read is kept apart and never stops the
    others."""
    found: list[Outcome] = []
    for first in range(0, len(lines), LINES_TOGETHER):
        found += _read_together(conn, node, lines[first : first + LINES_TOGETHER], at)
    return found


def _read_together(conn: Conn, node: str, lines: list[bytes], at: Instant) -> list[Outcome]:
    readable: list[tuple[Record, str]] = []
    for line in lines:
        text = line.decode("utf-8", "replace")
        try:
            readable.append((parse(text), text))
        except (ValueError, KeyError, TypeError) as error:
            # PostgreSQL stores no NUL, of which a file is full after a power cut.
            raw, why = text.replace("\0", "\N{REPLACEMENT CHARACTER}"), repr(error)
            cdrs.bury(conn, f"cdr:{node}", raw, why.replace("\0", ""), at)
    found = [Outcome.unreadable] * (len(lines) - len(readable))
    # Those of the platform's own calls: nobody's to pay or to look for.
    own = [record for record, _ in readable if record.linkedid.startswith(OWN)]
    if own:
        readable = [one for one in readable if not one[0].linkedid.startswith(OWN)]
    return found + [Outcome.known] * len(own) + _keep(conn, node, readable, at)


@dataclass(frozen=True)
class Record:
    """What the platform uses of a record."""

    uniqueid: str
    linkedid: str
    sequence: int
    disposition: str
    ended_at: Instant
    answered_at: Instant | None
    first_answered_at: Instant | None
    dial_status: str
    cause: str
    sip_code: int | None
    trunk: str
    phone: str
    more: bool
    """Another record of the same call follows: that one ends it."""


def parse(line: str) -> Record:
    """One JSON line; raises ValueError, KeyError or TypeError if it is not a record, or one that
    no database could store."""
    fields = _object(line)
    texts = {name: str(value) for name, value in fields.items()}
    sip = texts.get("sv_sip", "")
    answered, first = texts.get("sv_answered", ""), texts.get("sv_first", "")
    cause = texts.get("sv_cause", "") or texts.get("hangupcause", "")
    record = Record(
        uniqueid=texts["uniqueid"], linkedid=texts["linkedid"], sequence=int(texts["sequence"]),
        disposition=texts["disposition"], ended_at=from_epoch(texts["end"]),
        answered_at=from_epoch(answered) if answered else None,
        first_answered_at=from_epoch(first) if first else None,
        dial_status=texts.get("sv_dialstatus", ""),
        cause=cause if CAUSE.fullmatch(cause) else "",
        sip_code=int(sip) if SIP_CODE.fullmatch(sip) else None,
        trunk=texts.get("sv_trunk", ""), phone=texts.get("sv_phone", ""),
        more=texts.get("sv_more") == "1",
    )  # fmt: skip
    if not (ID.fullmatch(record.uniqueid) and ID.fullmatch(record.linkedid)):
        raise ValueError("an id is empty or has characters that no channel's has")
    answers = (record.answered_at, record.first_answered_at)
    times = [record.ended_at, *(at for at in answers if at is not None)]
    if not 0 <= record.sequence < 1 << 31 or not all(0 < at < FAR for at in times):
        raise ValueError("the sequence or a time is out of range")
    return record


def _object(line: str) -> dict[str, Any]:
    try:
        fields = json.loads(line)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(fields, dict):
        raise TypeError("it is no JSON object")
    return fields


def _keep(conn: Conn, node: str, readable: list[tuple[Record, str]], at: Instant) -> list[Outcome]:
    ids = [one for record, _ in readable for one in (record.uniqueid, record.linkedid)]
    calls_of = call_ends.of_channels(conn, ids)
    rows = [_row(node, record, raw, _call_of(record, calls_of), at) for record, raw in readable]
    new = cdrs.add_all(conn, rows)
    found, ended = [], {}
    for record, _ in readable:
        call = _call_of(record, calls_of)
        if (record.uniqueid, record.sequence) not in new:
            found.append(Outcome.known)
            continue
        new.remove((record.uniqueid, record.sequence))  # the same line again is known by now
        found.append(Outcome.matched if call else Outcome.stray)
        if call and ends(record, call) and call["id"] not in ended:
            ended[call["id"]] = (_carried(conn, call, record), end_of(record, call))
    finish_all(conn, list(ended.values()))
    return found


def _call_of(record: Record, calls_of: dict[str, Row]) -> Row | None:
    return calls_of.get(record.uniqueid) or calls_of.get(record.linkedid)


def _row(node: str, record: Record, raw: str, call: Row | None, at: Instant) -> Row:
    return {
        "node": node, "uniqueid": record.uniqueid, "sequence": record.sequence,
        "linkedid": record.linkedid, "call_id": call["id"] if call else None,
        "disposition": record.disposition, "raw": raw, "ended_at": record.ended_at, "read_at": at,
    }  # fmt: skip


def ends(record: Record, call: Row) -> bool:
    """Whether the record is the one that tells how its call ended: that of its own channel; of a
    call-back whose first leg did not answer, the one of the channel that dialled that."""
    if record.more:
        return False
    if record.uniqueid == call["channel_id"]:
        return not call["first_legs"] or record.first_answered_at is not None
    dialled_first = record.uniqueid == call["channel_id"] + SECOND_HALF
    return dialled_first and bool(call["first_legs"]) and record.dial_status != "ANSWER"


def _carried(conn: Conn, call: Row, record: Record) -> Row:
    """Note who took the call in the end, the carrier or the phone that answered it; the call with
    that."""
    if call["direction"] == "inbound":
        facts = {"sip_account": record.phone or call["sip_account"]}
    else:
        facts = {"trunk": record.trunk or call["trunk"]}
    if any(call[column] != value for column, value in facts.items()):
        calls.change(conn, call["id"], **facts)
        if "sip_account" in facts:
            keep_up(conn, CALLS, [call | facts])
    return call | facts


def end_of(record: Record, call: Row) -> End:
    """How the record says that its call ended."""
    if record.answered_at is not None:
        status, cause = CallStatus.completed, causes.cause_name(record.cause)
    elif record.dial_status == "CANCEL":
        # What the dialled leg says of its being cancelled (487, so 127) is no cause.
        status, cause = CallStatus.canceled, causes.cause_name("16")
    elif record.dial_status:
        status = causes.unanswered(record.dial_status)
        cause = causes.cause_name(record.cause)
    else:
        status, cause = causes.never_dialled(record.disposition)
    return End(
        status, cause, record.ended_at, record.answered_at, record.sip_code,
        record.first_answered_at,
    )  # fmt: skip
