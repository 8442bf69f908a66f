"""What Asterisk tells of a call while it lasts: ringing, answered, first leg failed."""

from collections.abc import Sequence

from db import calls, sip_contacts
from db.calls import CallStatus
from db.connection import Conn, Row
from db.database import Database
from telephony.clock import Instant, now
from telephony.queue import Kick, unbroken
from telephony.voice import causes, settle
from telephony.voice.ami import AmiEvent, AmiLink, Connected, Resync
from telephony.voice.originate import SIMULATED_PHONE, Originator, to_simulated_phone

EVENTS_PER_COMMIT_MAX = 200
CHANNEL_UP = "6"
RINGING = ("RINGING", "PROGRESS")
"""180 and 183: many a carrier sends early media alone, and the caller hears it ring in that."""
FIRST_RINGING = "first_leg_ringing"


class CallEvents:
    """Reads one node's event stream in batches; `reconcile` and `cdrs` are kicked when the
    stream has a gap and when a channel has ended."""

    def __init__(
        self, db: Database, link: AmiLink, originator: Originator, reconcile: Kick, cdrs: Kick
    ) -> None:
        self._db = db
        self._link = link
        self._originator = originator
        self._reconcile = reconcile
        self._cdrs = cdrs

    async def run(self) -> None:
        """Work until cancelled."""
        stream = self._link.events()
        async for event in stream:
            batch = [event]
            while len(stream) and len(batch) < EVENTS_PER_COMMIT_MAX:
                batch.append(await anext(stream))
            await self.handle(batch)

    async def handle(self, batch: Sequence[AmiEvent]) -> None:
        """Write what a batch tells of calls, in order, in one transaction."""
        told = [event for event in batch if event.name in _DEEDS]
        if told:
            await unbroken(self._apply(told))
        if any(event.name == "Hangup" for event in batch):
            self._cdrs.kick()
        if any(isinstance(event, Connected | Resync) for event in batch):
            self._reconcile.kick()

    async def _apply(self, told: Sequence[AmiEvent]) -> None:
        for call in await self._db.write(apply, told):
            await self._originator.ring(call)


def apply(conn: Conn, events: Sequence[AmiEvent]) -> list[Row]:
    """Move the calls that the events belong to; the calls to be rung again."""
    again = (_DEEDS[event.name](conn, event) for event in events)
    return [call for call in again if call is not None]


def _new_channel(conn: Conn, event: AmiEvent) -> None:
    """The first sign of life: from here on the call has a channel."""
    call = _dialling(conn, event)
    if call and call["status"] == CallStatus.dialing:
        seen_at = max(event.timestamp, call["started_at"] + 1)
        calls.change(conn, call["id"], last_seen_at=seen_at)


def _dial_begin(conn: Conn, event: AmiEvent) -> None:
    """Another carrier is tried: from here on the call is one of its calls."""
    channel = event.fields.get("destchannel", "").removeprefix("PJSIP/")
    endpoint = channel.rpartition("-")[0]
    call = _dialling(conn, event) if endpoint.startswith("_") else None
    if call and call["direction"] != "inbound" and call["trunk"] != endpoint[1:]:
        calls.change(conn, call["id"], trunk=endpoint[1:])


def _dial_state(conn: Conn, event: AmiEvent) -> None:
    if event.fields.get("dialstatus") not in RINGING:
        return
    if call := _dialling(conn, event):
        settle.ringing(conn, call, event.timestamp)
    elif call := _rung_first(conn, event):
        calls.note_once(conn, call["id"], CallStatus.dialing, event.timestamp, FIRST_RINGING)


def _dial_end(conn: Conn, event: AmiEvent) -> None:
    call, status = _dialling(conn, event), event.fields.get("dialstatus", "")
    if call and status == "ANSWER":
        settle.answered(conn, call, event.timestamp)
    elif first := _rung_first(conn, event):
        _first_leg(conn, first, status, event.timestamp)


def _hangup(conn: Conn, event: AmiEvent) -> None:
    """DialEnd says NOANSWER of a phone that declines, and of one that just rings; the cause tells
    them apart. A first leg that answered is Up, and its record tells how it went on; so does one
    of a number that is called first."""
    call = _dialling(conn, event)
    if call and settle.phone_rings_first(call) and event.fields.get("channelstate") != CHANNEL_UP:
        end = causes.first_leg(event.fields.get("cause", ""))
        settle.finish(conn, call, settle.End(*end, event.timestamp))


def _first_leg(conn: Conn, call: Row, status: str, at: Instant) -> None:
    """OriginateResponse tells nothing of why a phone did not answer: its reason is 0 for one that
    is busy and for one that is not registered, of which only the busy one had a channel. Why a
    number that is called first did not, its own record tells."""
    if status == "ANSWER":
        settle.first_answered(conn, call, at)
    elif status in _REFUSED and not call["first_legs"]:
        settle.finish(conn, call, settle.End(*_REFUSED[status], at))


def _rung_first(conn: Conn, event: AmiEvent) -> Row | None:
    """The call whose first leg an event is about: that has no channel that dials."""
    if event.fields.get("uniqueid"):
        return None
    call = calls.by_channel(conn, event.fields.get("destuniqueid", ""))
    return call if call and call["status"] == CallStatus.dialing else None


def _dialling(conn: Conn, event: AmiEvent) -> Row | None:
    """The call whose first channel dials; the ringing of a first leg itself has no Uniqueid."""
    uniqueid = event.fields.get("uniqueid")
    return calls.by_channel(conn, uniqueid) if uniqueid else None


def _originate_response(conn: Conn, event: AmiEvent) -> Row | None:
    """A first leg that never had a channel: its phone is not registered, or else the PBX had none
    left, for want of RTP ports perhaps. One that had a channel is told of by its DialEnd, which
    may come later, and by its record."""
    if event.fields.get("response") != "Failure":
        return None
    call = calls.by_channel(conn, event.action_id.partition("/")[0])
    if call is None or call["status"] != CallStatus.dialing:
        return None
    if calls.had_channel(call) or call["first_legs"]:
        return None
    if call["mode"] == "test" and call["first_leg"] != SIMULATED_PHONE:
        return to_simulated_phone(conn, call)
    at, name = now(), call["sip_account"]
    absent = name and not sip_contacts.registered(conn, name, call["node"], at)
    cause = causes.PHONE_NOT_REGISTERED if absent else causes.NO_CHANNEL
    settle.finish(conn, call, settle.End(*cause, at))
    return None


_REFUSED = {
    "BUSY": (CallStatus.busy, "phone_busy"),
    "CONGESTION": (CallStatus.failed, "phone_rejected"),
    "CHANUNAVAIL": (CallStatus.failed, "phone_rejected"),
}
_DEEDS = {
    "Newchannel": _new_channel,
    "DialBegin": _dial_begin,
    "DialState": _dial_state,
    "DialEnd": _dial_end,
    "Hangup": _hangup,
    "OriginateResponse": _originate_response,
}
