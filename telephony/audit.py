"""The log of what people do: who, what, to whom, before and after; never a secret."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from db import audit_log
from db.connection import Conn, Reader
from telephony.clock import Instant

VALUE_LENGTH_MAX = 1_000


@dataclass(frozen=True)
class Actor:
    """Who acts: a user's id and email, or `cli:<system user>` twice; the address that it is done
    from, empty for a command."""

    id: str
    name: str
    address: str = ""


def record(
    conn: Conn, actor: Actor, action: str, subject: str, now: Instant, *,
    account_id: str | None = None, before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> str:  # fmt: skip
    """Append what the actor did, `before` and `after` being what changed of the subject; the id.
    Call it last: others who append wait until the transaction has ended."""
    return audit_log.append(
        conn, at=now, account_id=account_id, actor=actor.id, actor_name=actor.name,
        action=action, subject=subject, before=_told(before), after=_told(after),
        address=actor.address,
    )  # fmt: skip


def _told(facts: Mapping[str, Any] | None) -> str:
    short = {name: _short(value) for name, value in (facts or {}).items()}
    return json.dumps(short, sort_keys=True)


def _short(value: object) -> object:
    return value[:VALUE_LENGTH_MAX] if isinstance(value, str) else value


async def verify(reader: Reader, newest: int | None = None) -> tuple[int, int | None]:
    """Recompute every link up to the head, or only those of so many of the newest entries: how
    many entries there are, and the number of the first one that does not fit, if any."""
    last, head_hash = await audit_log.head(reader)
    seq, digest = 0, ""
    if (
        newest is not None
        and last > newest
        and (before := await audit_log.entry(reader, last - newest))
    ):
        seq, digest = before["seq"], before["hash"]
    while seq < last:
        rows = await audit_log.page(reader, seq, last)
        for row in rows:
            seq += 1
            digest = audit_log.fingerprint(digest, seq, row)
            if (row["seq"], row["hash"]) != (seq, digest):
                return last, seq
        if not rows:
            return last, seq + 1
    beyond = await audit_log.page(reader, last, last + audit_log.PAGE)
    return last, None if digest == head_hash and not beyond else last + bool(beyond)
