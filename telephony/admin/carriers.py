"""Carriers of calls, what leads to them, and numbers of accounts: each change is in the audit log
with what it was before; a secret is not, only that there is another one."""

from db import trunks as stored
from db.connection import Conn, Row
from telephony import audit
from telephony.admin.accounts import customer
from telephony.audit import Actor
from telephony.clock import Instant
from telephony.secrets import Vault
from telephony.users.numbers import note_rule
from telephony.voice import numbers, trunks
from telephony.voice.numbers import Rule
from telephony.voice.trunks import CarrierFacts

_TOLD = (
    "host", "port", "transport", "username", "registers", "codecs", "caller_id_format", "cidrs",
    "capacity", "status",
)  # fmt: skip
_NUMBER = ("mode", "targets", "strategy", "ring_seconds", "forward_to")
REPLACED = "replaced"
"""All that the log tells of a secret."""


def add(
    conn: Conn, actor: Actor, now: Instant, vault: Vault, name: str, secret: str,
    facts: CarrierFacts,
) -> None:  # fmt: skip
    """Add a carrier; ValidationFailedError."""
    trunks.add(conn, vault, name=name, secret=secret, now=now, **facts)
    audit.record(conn, actor, "trunk.added", name, now, after=_told(conn, name))


def change(
    conn: Conn, actor: Actor, now: Instant, vault: Vault, name: str, secret: str,
    facts: CarrierFacts,
) -> None:  # fmt: skip
    """Say otherwise of one; ValidationFailedError, NotFoundError."""
    before = _told(conn, name)
    trunks.change(conn, vault, name=name, secret=secret, **facts)
    after: Row = {**_told(conn, name), **({"secret": REPLACED} if secret else {})}
    differs = [one for one in after if after[one] != before.get(one)]
    if differs:
        audit.record(
            conn, actor, "trunk.changed", name, now, after={one: after[one] for one in differs},
            before={one: before[one] for one in differs if one in before},
        )  # fmt: skip


def set_status(conn: Conn, actor: Actor, now: Instant, name: str, status: str) -> None:
    """Take one into service (`active`) or out of it (`disabled`); NotFoundError."""
    if trunks.set_status(conn, name, status):
        audit.record(conn, actor, f"trunk.{status}", name, now, after={"status": status})


def tested(conn: Conn, actor: Actor, now: Instant, name: str) -> None:
    """Write down that one is asked whether it is there."""
    audit.record(conn, actor, "trunk.tested", name, now)


def remove(conn: Conn, actor: Actor, now: Instant, name: str) -> None:
    """Forget one with its routes; NotFoundError."""
    before = _told(conn, name)
    trunks.remove(conn, name)
    audit.record(conn, actor, "trunk.removed", name, now, before=before)


def route(
    conn: Conn, actor: Actor, now: Instant, *, prefix: str, name: str, priority: int, weight: int,
    strip: int, prepend: str,
) -> None:  # fmt: skip
    """Lead a prefix to a carrier, or do it otherwise than before."""
    trunk_id = trunks.get(conn, name)["id"]
    before = stored.route_of(conn, prefix, trunk_id)
    trunks.route(conn, prefix=prefix, name=name, priority=priority, weight=weight, strip=strip,
                 prepend=prepend)  # fmt: skip
    after = stored.route_of(conn, prefix, trunk_id)
    if after != before:
        action = "route.changed" if before else "route.added"
        audit.record(conn, actor, action, _led(prefix, name), now, before=before, after=after)


def unroute(conn: Conn, actor: Actor, now: Instant, *, prefix: str, name: str) -> None:
    """Lead it there no longer; NotFoundError."""
    before = stored.route_of(conn, prefix, trunks.get(conn, name)["id"])
    trunks.unroute(conn, prefix=prefix, name=name)
    audit.record(conn, actor, "route.removed", _led(prefix, name), now, before=before)


def own(
    conn: Conn, actor: Actor, now: Instant, *, number: str, account_id: str, mode: str, rule: Rule
) -> str:  # fmt: skip
    """Give a number to an account; the number in E.164. ValidationFailedError, NotFoundError."""
    customer(conn, account_id)
    text = numbers.own(
        conn, number=number, account_id=account_id, mode=mode, strategy=rule.strategy,
        ring_seconds=rule.ring_seconds, targets=rule.targets, forward_to=rule.forward_to, now=now,
    )  # fmt: skip
    audit.record(conn, actor, "number.assigned", text, now, account_id=account_id,
                 after={"mode": mode, **rule.columns})  # fmt: skip
    return text


def set_rule(
    conn: Conn, actor: Actor, now: Instant, account_id: str, number: str, rule: Rule
) -> None:  # fmt: skip
    """What rings when a number of an account is called; as its members do."""
    note_rule(conn, actor, account_id, number, rule, now)


def disown(conn: Conn, actor: Actor, now: Instant, number: str) -> None:
    """Take a number away from its owner; NotFoundError."""
    row = numbers.disown(conn, number)
    audit.record(conn, actor, "number.removed", row["number"], now, account_id=row["account_id"],
                 before={name: row[name] for name in _NUMBER})  # fmt: skip


def _told(conn: Conn, name: str) -> Row:
    row = trunks.get(conn, name)
    return {column: row[column] for column in _TOLD}


def _led(prefix: str, name: str) -> str:
    return f"{prefix or 'all'} to {name}"
