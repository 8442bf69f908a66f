"""Takes due deliveries, with all that an attempt needs: where to, and what signs it."""

from collections.abc import Collection

from db import deliveries, webhook_endpoints
from db.connection import Conn, Row
from telephony.clock import Instant


def claim(conn: Conn, ids: Collection[str], token: str, now: Instant, until: Instant) -> list[Row]:
    """Those of the deliveries that are due, taken until `until`, the oldest first. Each has its
    `event`, its `url` and `sealed`, the secrets that sign it. What goes to a disabled endpoint
    waits until that is enabled; what goes to a deleted one has failed."""
    rows = deliveries.claim(conn, ids, token, now, until)
    wanted = {row["endpoint_id"] for row in rows if row["endpoint_id"]}
    endpoints = webhook_endpoints.by_id(conn, wanted) if wanted else {}
    if not all(endpoint["enabled"] for endpoint in endpoints.values()):
        endpoints = _hold(conn, rows, endpoints, now)
    secrets = _secrets(conn, rows, endpoints, now)
    return [
        row | {"url": endpoints[row["endpoint_id"]]["url"] if row["endpoint_id"] else row["url"],
               "sealed": secrets[owner(row)]}
        for row in rows
        if not row["endpoint_id"] or endpoints[row["endpoint_id"]]["enabled"]
    ]  # fmt: skip


def owner(row: Row) -> str:
    """Whose secret signs a delivery: the endpoint's, or the account's default."""
    return str(row["endpoint_id"] or row["account_id"])


def _hold(
    conn: Conn, rows: list[Row], endpoints: dict[str, Row], now: Instant
) -> dict[str, Row]:  # fmt: skip
    """Nobody enables an endpoint from here until the commit: what is held now would miss it."""
    for endpoint_id in sorted(endpoints):
        if not endpoints[endpoint_id]["enabled"]:
            webhook_endpoints.lock(conn, endpoint_id)
    current = webhook_endpoints.by_id(conn, endpoints)
    off = {name for name, endpoint in current.items() if not endpoint["enabled"]}
    gone = {name for name in off if current[name]["deleted_at"] is not None}
    held = [row["id"] for row in rows if row["endpoint_id"] in off - gone]
    lost = [row["id"] for row in rows if row["endpoint_id"] in gone]
    if held:
        deliveries.hold(conn, held)
    if lost:
        deliveries.give_up(conn, lost, now)
    return current


def _secrets(
    conn: Conn, rows: list[Row], endpoints: dict[str, Row], now: Instant
) -> dict[str, list[str]]:
    """By owner, the newest first."""
    accounts = {row["account_id"] for row in rows if not row["endpoint_id"]}
    found = {name: [endpoint["secret_sealed"]] for name, endpoint in endpoints.items()}
    if accounts:
        defaults = webhook_endpoints.default_secrets(conn, accounts)
        found |= {name: [sealed] for name, sealed in defaults.items()}
    if found:
        for old in webhook_endpoints.old_secrets(conn, found, now):
            found[old["owner_id"]].append(old["secret_sealed"])
    return found
