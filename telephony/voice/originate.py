"""Rings the first leg of queued calls. A call that may have been placed is never placed again."""

import asyncio
import logging
import time

from db import call_queue, calls
from db.calls import CallStatus
from db.connection import Conn, Row
from db.database import Database
from telephony import traces
from telephony.clock import now
from telephony.logs import bound
from telephony.queue import drain, unbroken
from telephony.secrets import Vault
from telephony.traces import Kind
from telephony.voice.ami import AmiError, AmiLink, AmiNotReady, AmiOutcomeUnknown, Originate
from telephony.voice.caller_ids import CODE_SPEAKER, code_of
from telephony.voice.place import CHANNEL
from telephony.voice.settle import End, finish

BATCHES_PER_SECOND = 10
CARRIERS_SECONDS = 35
"""How much longer a number may take to ring: a carrier that is silent is given up after 32 s."""
NEXT_TURN_SECONDS = 0.05
"""How often the queue is looked at while all that is in it waits for its turn."""
SIMULATED_PHONE = "Local/s@simulated-phone/n"

log = logging.getLogger(__name__)


class Originator:
    """Serves one PBX node through its `calls` link."""

    def __init__(
        self, db: Database, link: AmiLink, node: str, per_second: int, vault: Vault
    ) -> None:
        self._db = db
        self._vault = vault
        self._link = link
        self._node = node
        self._per_second = per_second

    async def run(self) -> None:
        """Work until cancelled."""
        await drain(self._db, CHANNEL, self.step)

    async def step(self) -> int:
        """Claim and place one batch, no faster than the node may; while the PBX is down calls
        wait in the queue. How many calls are waiting or were placed."""
        head = await call_queue.head(self._db) if self._link.ready else None
        if head is None:
            return 0
        began = time.monotonic()
        placed = await unbroken(self._place()) if head <= now() else 0
        pause = placed / self._per_second if placed else NEXT_TURN_SECONDS
        await asyncio.sleep(pause - (time.monotonic() - began))
        return placed or 1

    async def _place(self) -> int:
        """Ring as many of the calls whose turn has come as the node may place at once: whoever
        claimed one has to, since no other process will."""
        most = max(1, self._per_second // BATCHES_PER_SECOND)
        rows = await self._db.write(call_queue.claim, self._node, now(), most)
        await asyncio.gather(*map(self.ring, rows))
        return len(rows)

    async def ring(self, call: Row) -> None:
        """Originate a claimed call and note what is certain of the outcome."""
        begun = now()
        with bound(request_id=call["request_id"], call_id=call["id"]):
            await self._ring(call)
        traces.note("originate call", Kind.client, call["request_id"], begun, now(),
                    {"sms_voip.call_id": call["id"], "sms_voip.node": self._node})  # fmt: skip

    async def _ring(self, call: Row) -> None:
        try:
            await self._link.action(originate(call, self._vault))
        except AmiNotReady:
            await self._db.write(_wait_again, call)
        except AmiOutcomeUnknown:
            log.warning(
                "nobody knows if %s was placed; its channel or its absence tells", call["id"]
            )
        except AmiError as error:
            log.error("the PBX refused %s: %s", call["id"], error)
            await self._db.write(_refused, call)


def action_id(call: Row) -> str:
    """The call, and the request that it comes from, so that the PBX's own log tells of it."""
    return f"{call['id']}/{call['request_id']}" if call["request_id"] else str(call["id"])


def originate(call: Row, vault: Vault) -> Originate:
    """The action that rings a call's first leg and then sends it to `api-call`."""
    return Originate(
        channel=call["first_leg"], context="api-call", exten="s", priority=1,
        channel_id=call["id"], action_id=action_id(call), caller_id=call["to_number"],
        timeout_ms=_patience_seconds(call) * 1000, account=call["account_id"],
        variables=_first_legs(call, vault) | {
            "SV_LEGS": call["legs"],
            "SV_TO": call["to_number"],
            "SV_CALLER_ID": call["caller_id"],
            "SV_SECONDS": str(call["granted_seconds"]),
            "SV_RING_SECONDS": str(call["ring_seconds"]),
            "SV_RECORD": call["record"],
        },
    )  # fmt: skip


def _patience_seconds(call: Row) -> int:
    """Phones are rung by Originate itself; numbers by the dialplan, which may try carriers."""
    return int(call["ring_seconds"] + (CARRIERS_SECONDS if call["first_legs"] else 0))


def _first_legs(call: Row, vault: Vault) -> dict[str, str]:
    """What the dialplan needs to call `from` first, or to speak a code."""
    if call["first_leg"] == CODE_SPEAKER:
        return {"SV_CODE": code_of(vault, call["id"])}
    if not call["first_legs"]:
        return {}
    return {"SV_FIRST_LEGS": call["first_legs"], "SV_FIRST_TO": call["from_number"]}


def to_simulated_phone(conn: Conn, call: Row) -> Row:
    """Let a simulated phone answer in place of one that is not registered (test mode only)."""
    calls.change(conn, call["id"], first_leg=SIMULATED_PHONE)
    return {**call, "first_leg": SIMULATED_PHONE}


def _wait_again(conn: Conn, call: Row) -> None:
    calls.go(conn, call["id"], CallStatus.queued, now(), "the PBX was not ready; nothing was sent")


def _refused(conn: Conn, call: Row) -> None:
    finish(conn, call, End(CallStatus.failed, "pbx_refused", now()))
