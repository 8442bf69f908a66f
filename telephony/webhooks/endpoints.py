"""Endpoints of an account and mode: made, changed, deleted, their secrets replaced."""

from dataclasses import dataclass
from typing import Any

from db import deliveries, notices, webhook_endpoints
from db.connection import Conn, Row
from telephony.clock import SECOND, Instant
from telephony.errors import NotFoundError
from telephony.secrets import Vault
from telephony.webhooks.errors import EndpointLimitError
from telephony.webhooks.events import CHANNEL
from telephony.webhooks.signing import new_secret

ENDPOINTS_MAX = 20
"""Of one account and mode: every event may go to all of them."""
OVERLAP_SECONDS = 24 * 3600
OLD_SECRETS_MAX = 4
DEFAULT = "default"
"""Stands for the account's own secret, which signs what goes to a callback_url."""
REPLAYS = "webhook-replays"
"""Rings whoever works on replays."""
HELD = "held"
RELEASED_MAX = 500


@dataclass(frozen=True)
class Place:
    """Whose endpoints: the same account has others in the other mode."""

    account_id: str
    mode: str


@dataclass(frozen=True)
class Rotated:
    """A new secret in the clear, and until when the one that it replaced signs, too."""

    secret: str
    old_until: Instant | None


def create(
    conn: Conn, vault: Vault, place: Place, *, url: str, events: list[str], description: str,
    enabled: bool, now: Instant,
) -> tuple[Row, str]:  # fmt: skip
    """An endpoint for a URL that was checked, and its secret, which is shown only now."""
    conn.lock(f"webhook-endpoints:{place.account_id}:{place.mode}")
    if webhook_endpoints.count(conn, place.account_id, place.mode) >= ENDPOINTS_MAX:
        raise EndpointLimitError(limit=ENDPOINTS_MAX)
    secret = new_secret()
    row = webhook_endpoints.add(
        conn, account_id=place.account_id, mode=place.mode, url=url, events=" ".join(events),
        description=description, enabled=enabled, secret_sealed=vault.seal(secret),
        created_at=now,
    )  # fmt: skip
    return row, secret


def found(conn: Conn, place: Place, endpoint_id: str) -> Row:
    """An endpoint, or NotFoundError."""
    row = webhook_endpoints.find(conn, place.account_id, place.mode, endpoint_id)
    if row is None:
        raise NotFoundError("There is no such webhook endpoint.")
    return row


def change(conn: Conn, place: Place, endpoint_id: str, now: Instant, **facts: Any) -> Row:
    """Set url, events (a list), description or enabled. Once it is enabled again, what waited
    for it goes on."""
    webhook_endpoints.lock(conn, endpoint_id)
    row = found(conn, place, endpoint_id)
    if "events" in facts:
        facts["events"] = " ".join(facts["events"])
    if "enabled" in facts and facts["enabled"] != row["enabled"]:
        facts |= {"disabled_at": None if facts["enabled"] else now, "disabled_because": "",
                  "failing_since": None}  # fmt: skip
        if facts["enabled"]:
            _go_on(conn, row, now)
    if facts:
        webhook_endpoints.change(conn, endpoint_id, **facts)
    return row | facts


def _go_on(conn: Conn, endpoint: Row, now: Instant) -> None:
    """The first of what waits is due at once; the rest follows in the background."""
    notices.seen(conn, endpoint["account_id"], endpoint["mode"], endpoint["id"], now)
    deliveries.release_held(conn, endpoint["id"], now, RELEASED_MAX)
    webhook_endpoints.add_replay(conn, endpoint["id"], HELD)
    conn.wake(CHANNEL)
    conn.wake(REPLAYS)


def delete(conn: Conn, place: Place, endpoint_id: str, now: Instant) -> None:
    """Send nothing more to it; what was sent stays in the log."""
    webhook_endpoints.lock(conn, endpoint_id)
    row = found(conn, place, endpoint_id)
    webhook_endpoints.change(conn, endpoint_id, enabled=False, deleted_at=now)
    notices.seen(conn, row["account_id"], row["mode"], endpoint_id, now)
    webhook_endpoints.add_replay(conn, endpoint_id, HELD)
    conn.wake(REPLAYS)


def rotate(conn: Conn, vault: Vault, place: Place, endpoint_id: str, now: Instant) -> Rotated:
    """Replace the secret of an endpoint, or of the account (`DEFAULT`); the old one signs beside
    the new one for a day."""
    secret, until = new_secret(), now + OVERLAP_SECONDS * SECOND
    conn.lock(f"webhook-secret:{place.account_id}")
    if endpoint_id == DEFAULT:
        owner = place.account_id
        old = webhook_endpoints.default_secrets(conn, [owner])[owner]
        webhook_endpoints.set_default_secret(conn, owner, vault.seal(secret))
    else:
        owner, old = endpoint_id, found(conn, place, endpoint_id)["secret_sealed"]
        webhook_endpoints.change(conn, owner, secret_sealed=vault.seal(secret))
    if not old:
        return Rotated(secret, None)
    webhook_endpoints.retire(conn, owner, old, until, OLD_SECRETS_MAX)
    return Rotated(secret, until)


def signers(
    conn: Conn, vault: Vault, place: Place, endpoint_id: str, now: Instant
) -> list[str]:  # fmt: skip
    """The secrets that sign what goes to an endpoint, or by `DEFAULT` to a callback_url, the
    newest first and in the clear; NotFoundError."""
    if endpoint_id == DEFAULT:
        owner = place.account_id
        newest = webhook_endpoints.default_secrets(conn, [owner])[owner]
    else:
        owner, newest = endpoint_id, found(conn, place, endpoint_id)["secret_sealed"]
    old = [row["secret_sealed"] for row in webhook_endpoints.old_secrets(conn, [owner], now)]
    return [vault.open(sealed) for sealed in [newest, *old] if sealed]
