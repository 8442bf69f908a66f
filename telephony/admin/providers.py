"""SMS providers and what leads to them: each change is in the audit log; of options only what is
plainly no secret is told by its value."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from db import sms_providers
from db.connection import Conn, Row
from db.outgoing import Outgoing
from telephony import audit, outgoing
from telephony.admin.network import noted
from telephony.audit import Actor
from telephony.clock import Instant
from telephony.errors import NotFoundError
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.sms import routes
from telephony.sms.providers import configured
from telephony.sms.providers.base import Provider
from telephony.sms.send import CHANNEL
from telephony.users.problems import bad

UNTOLD = "(not shown)"
Options = Mapping[str, object]


def put(
    conn: Conn, actor: Actor, now: Instant, vault: Vault, settings: Settings, name: str, kind: str,
    options: str,
) -> Provider:  # fmt: skip
    """Add a provider, or replace the one of that name; it is returned, not started. Raises
    ValidationFailedError, by `options.<name>`."""
    row = sms_providers.named(conn, name)
    before = configured.opened(row, vault) if row else {}
    provider = configured.add(conn, vault, settings, name, kind, options, now)
    after = json.loads(options)
    differs = sorted(one for one in {*before, *after} if before.get(one) != after.get(one))
    action = "sms_provider.changed" if row else "sms_provider.added"
    audit.record(
        conn, actor, action, name, now,
        before={"kind": row["kind"], **_told(row["kind"], before, differs)} if row else None,
        after={"kind": kind, **_told(kind, after, differs)},
    )  # fmt: skip
    return provider


def add(
    conn: Conn, actor: Actor, now: Instant, vault: Vault, settings: Settings, name: str, kind: str,
    options: Options,
) -> None:  # fmt: skip
    """The same for a name that nobody has yet."""
    if sms_providers.named(conn, name):
        raise bad("name", "taken", f"There is a provider {name} already.")
    put(conn, actor, now, vault, settings, name, kind, json.dumps(options))


def change(
    conn: Conn, actor: Actor, now: Instant, vault: Vault, settings: Settings, name: str,
    options: Options,
) -> None:  # fmt: skip
    """Give a provider other options; secrets that are left out stay where the peer does."""
    row = sms_providers.named(conn, name)
    if row is None:
        raise NotFoundError(f"There is no provider {name}.")
    told = configured.with_kept_secrets(row, vault, options)
    put(conn, actor, now, vault, settings, name, row["kind"], json.dumps(told))


def remove(conn: Conn, actor: Actor, now: Instant, name: str) -> None:
    """Let it carry nothing any more; its routes go with it."""
    row = sms_providers.named(conn, name)
    noted(conn, actor, now, "sms_provider.removed", name,
          lambda tx: configured.remove(tx, name, now),
          before={"kind": row["kind"]} if row else None)  # fmt: skip


def set_enabled(conn: Conn, actor: Actor, now: Instant, name: str, enabled: bool) -> None:
    """Give a provider messages, or no new ones from now on: those that wait for it go on to the
    next of their routes, or wait. NotFoundError."""
    row = sms_providers.named(conn, name)
    if row is None:
        raise NotFoundError(f"There is no provider {name}.")
    if row["enabled"] == enabled:
        return
    sms_providers.set_enabled(conn, name, enabled)
    conn.wake(CHANNEL)
    action = "sms_provider.enabled" if enabled else "sms_provider.disabled"
    audit.record(conn, actor, action, name, now)


def tested(conn: Conn, actor: Actor, now: Instant, name: str, to: str) -> Row:
    """Write down that a provider is tried out, by a message to a number unless it is empty; its
    row. NotFoundError; OutgoingStoppedError where nothing leaves."""
    row = sms_providers.named(conn, name)
    if row is None:
        raise NotFoundError(f"There is no provider {name}.")
    if to:
        outgoing.check(conn, Outgoing.messages, "live")
    audit.record(conn, actor, "sms_provider.tested", name, now, after={"to": to} if to else None)
    return row


def add_route(conn: Conn, actor: Actor, now: Instant, /, **facts: Any) -> str:
    """Let a provider carry some messages; the id of the route. ValidationFailedError."""
    return noted(conn, actor, now, "sms_route.added", str(facts["provider"]),
                 lambda tx: routes.add(tx, **facts), after=facts)  # fmt: skip


def change_route(conn: Conn, actor: Actor, now: Instant, route_id: str, /, **facts: Any) -> None:
    """Let a route say otherwise in place; NotFoundError, ValidationFailedError."""
    row = sms_providers.route(conn, route_id)
    if row is None:
        raise NotFoundError(f"There is no route {route_id}.")
    differs = [name for name in facts if facts[name] != row[name]]
    if differs:
        noted(conn, actor, now, "sms_route.changed", row["provider"],
              lambda tx: routes.change(tx, row, **facts),
              before={"id": route_id, **{name: row[name] for name in differs}},
              after={name: facts[name] for name in differs})  # fmt: skip


def remove_route(conn: Conn, actor: Actor, now: Instant, route_id: str) -> None:
    """Let it carry them no longer; NotFoundError."""
    row = sms_providers.route(conn, route_id)
    if row is None:
        raise NotFoundError(f"There is no route {route_id}.")
    sms_providers.remove_route(conn, route_id)
    audit.record(conn, actor, "sms_route.removed", row["provider"], now, before=row)


def _told(kind: str, options: Options, names: list[str]) -> Row:
    """What is compared, of that what may be read: no secret, nothing that has parts, of an
    address neither who asks nor with what words."""
    hidden = configured.secret_names(kind, options)
    return {name: UNTOLD if name in hidden else _readable(options[name])
            for name in names if name in options}  # fmt: skip


def _readable(value: object) -> object:
    if isinstance(value, dict | list):
        return UNTOLD
    if isinstance(value, str) and "://" in value:
        parts = urlsplit(value)
        return f"{parts.scheme}://{parts.hostname or ''}{parts.path}"
    return value
