"""Sends events once more, with the same id: one of them, those of a range, or a sample."""

import json

from db import deliveries, events, webhook_endpoints
from db.connection import Conn, Row
from db.ids import first_id, new_id
from telephony.clock import Instant
from telephony.errors import NotFoundError
from telephony.webhooks.endpoints import HELD, RELEASED_MAX, REPLAYS, Place, found
from telephony.webhooks.errors import EndpointDisabledError, ReplayLimitError
from telephony.webhooks.events import CHANNEL, subscribed, takes, told
from telephony.webhooks.samples import SAMPLES

WHICH = ("failed", "delivered", "missing", "all")
"""Deliveries to replay: by their state, `missing`: events that never went to the endpoint."""
REPLAYS_MAX = 5
"""Of one endpoint at once."""
BATCH = 500


def replay_event(
    conn: Conn, place: Place, event_id: str, endpoint_id: str | None, now: Instant
) -> int:
    """Send an event again wherever it went, or to one endpoint; an event that nobody got goes to
    whoever is subscribed now. How many receivers that are."""
    event = events.find(conn, place.account_id, place.mode, event_id)
    if event is None:
        raise NotFoundError("There is no such event.")
    if endpoint_id:
        enabled(found(conn, place, endpoint_id))
    rows = _alive(conn, deliveries.of_events(conn, [event_id], endpoint_id))
    deliveries.again(conn, [row["id"] for row in rows], now)
    wanted = [endpoint_id] if endpoint_id else subscribed(conn, *_owner(event), event["type"])
    if not rows:
        deliveries.add(conn, event_id, place.account_id, now, endpoints=wanted)
    conn.wake(CHANNEL)
    return len(rows or wanted)


def _owner(event: Row) -> tuple[str, str]:
    return event["account_id"], event["mode"]


def _alive(conn: Conn, rows: list[Row]) -> list[Row]:
    """Those whose receiver is there: a URL of its own, or an enabled endpoint."""
    wanted = {row["endpoint_id"] for row in rows if row["endpoint_id"]}
    endpoints = webhook_endpoints.by_id(conn, wanted) if wanted else {}
    return [
        row for row in rows if not row["endpoint_id"] or endpoints[row["endpoint_id"]]["enabled"]
    ]


def enabled(endpoint: Row) -> Row:
    """The endpoint itself; EndpointDisabledError if nothing is sent to it."""
    if not endpoint["enabled"]:
        raise EndpointDisabledError
    return endpoint


def replay_range(
    conn: Conn, place: Place, endpoint_id: str, which: str, since: Instant | None,
    until: Instant,
) -> str:  # fmt: skip
    """Queue the events of a range for an endpoint; workers take them in bounded batches. The
    replay's id."""
    conn.lock(f"webhook-replays:{endpoint_id}")
    enabled(found(conn, place, endpoint_id))
    if webhook_endpoints.replays(conn, endpoint_id) >= REPLAYS_MAX:
        raise ReplayLimitError(limit=REPLAYS_MAX)
    low, high = (first_id(events.PREFIX, at // 1000) for at in (since or 0, until))
    conn.wake(REPLAYS)
    return webhook_endpoints.add_replay(conn, endpoint_id, which, low, high)


def step(conn: Conn, now: Instant) -> int:
    """Work on one batch of one replay; 0 if there is none."""
    replay = webhook_endpoints.next_replay(conn)
    if replay is None:
        return 0
    endpoint = webhook_endpoints.by_id(conn, [replay["endpoint_id"]])[replay["endpoint_id"]]
    work = _release if replay["which"] == HELD else _again
    last = work(conn, endpoint, replay, now)
    if last is None:
        webhook_endpoints.end_replay(conn, replay["id"])
    else:
        webhook_endpoints.advance_replay(conn, replay["id"], last)
    conn.wake(CHANNEL)
    return 1


def _release(conn: Conn, endpoint: Row, _: Row, now: Instant) -> str | None:
    """What waited for a disabled endpoint; of a deleted one it then fails."""
    stays = not endpoint["enabled"] and endpoint["deleted_at"] is None
    done = stays or deliveries.release_held(conn, endpoint["id"], now, RELEASED_MAX) < RELEASED_MAX
    return None if done else ""


def _again(conn: Conn, endpoint: Row, replay: Row, now: Instant) -> str | None:
    """Take the next events of the range; the id of the last one, None if it was the range's."""
    if not endpoint["enabled"]:
        return None
    types = endpoint["events"].split() or events.TYPES
    found_events = events.after(
        conn, endpoint["account_id"], endpoint["mode"], replay["since_id"], replay["until_id"],
        types, BATCH,
    )  # fmt: skip
    ids = [event["id"] for event in found_events]
    rows = deliveries.of_events(conn, ids, None)
    here = [row for row in rows if row["endpoint_id"] == endpoint["id"]]
    due = [row["id"] for row in here if replay["which"] in (row["state"], "all")]
    deliveries.again(conn, due, now)
    if replay["which"] in ("missing", "all"):
        there = {row["event_id"] for row in here} | _for_others(found_events, rows)
        for event_id in ids:
            if event_id not in there:
                deliveries.add(conn, event_id, endpoint["account_id"], now,
                               endpoints=[endpoint["id"]])  # fmt: skip
    return ids[-1] if len(ids) == BATCH else None


def _for_others(found_events: list[Row], rows: list[Row]) -> set[str]:
    """Events that no endpoint had a right to: those of a callback_url, and samples."""
    called_back = {row["event_id"] for row in rows if row["endpoint_id"] is None}
    return called_back | {event["id"] for event in found_events if event["id"] == event["fact"]}


def sample(conn: Conn, place: Place, endpoint_id: str, kind: str | None, now: Instant) -> str:
    """Send an endpoint an event of a kind that it takes, with made-up fields; the event's id."""
    endpoint = enabled(found(conn, place, endpoint_id))
    kind = kind or next(one for one in events.TYPES if takes(endpoint, one))
    event_id = new_id(events.PREFIX)
    events.add(
        conn, id=event_id, account_id=place.account_id, mode=place.mode, type=kind,
        subject=endpoint_id, fact=event_id, payload=json.dumps(SAMPLES[kind] | {"sample": True}),
        created_at=now,
    )  # fmt: skip
    deliveries.add(conn, event_id, place.account_id, now, endpoints=[endpoint_id])
    conn.wake(CHANNEL)
    conn.wake(told(place.account_id))
    return event_id
