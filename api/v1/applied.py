"""Replies that wait until every PBX node has what was written."""

from typing import Any

from api.endpoint import Context
from db import sip, sip_nodes
from telephony.clock import SECOND, now
from telephony.voice import sip_accounts

APPLIED_POLL_SECONDS = 0.2
APPLIED_SECONDS_MAX = 2.0


async def wait_applied(context: Context, username: str) -> tuple[int, int]:
    """Wait until every PBX node has the SIP account's newest state, at most 2 s: how many have
    it, and how many there are; (0, 0) for an account that is gone."""
    ear = context.db.wakeups.subscribe(sip_accounts.APPLIED)
    deadline = now() + int(APPLIED_SECONDS_MAX * SECOND)
    try:
        while True:
            done, nodes = await sip_nodes.nodes_applied(context.db, username)
            if nodes > 0 and done == nodes:
                return done, nodes
            if now() >= deadline or not await sip.exists(context.db, username):
                return done, nodes
            await ear.wait(APPLIED_POLL_SECONDS)
    finally:
        context.db.wakeups.unsubscribe(sip_accounts.APPLIED, ear)


async def when_applied(context: Context, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """The reply once it is in force everywhere: 200, or 202 after 2 s."""
    done, nodes = await wait_applied(context, body["sip_account"])
    applied = nodes > 0 and done == nodes
    shown = {name: value for name, value in body.items() if value is not None}
    return (200 if applied else 202), shown | {"applied": applied, "nodes": f"{done}/{nodes}"}
