"""Webhook endpoints and events, by members of their account: those who may build. What shows a
secret needs a confirmation, too."""

from typing import Any

from db.connection import Conn, Row
from telephony import audit
from telephony.clock import SECOND, Instant
from telephony.secrets import Vault
from telephony.users.roles import Right
from telephony.users.sessions import Member
from telephony.users.team import must
from telephony.webhooks import endpoints, replay
from telephony.webhooks.endpoints import Place, Rotated
from telephony.webhooks.signing import Verdict
from telephony.webhooks.signing import judge as judge_by


def create(
    conn: Conn, vault: Vault, member: Member, mode: str, now: Instant, *, url: str,
    events: list[str], description: str,
) -> tuple[Row, str]:  # fmt: skip
    """An endpoint for a URL that was checked, and its secret; EndpointLimitError."""
    must(member, Right.build)
    member.must_be_confirmed(now)
    row, secret = endpoints.create(
        conn, vault, Place(member.account_id, mode), url=url, events=events,
        description=description, enabled=True, now=now,
    )  # fmt: skip
    _record(conn, member, "webhook.created", row["id"], now, mode=mode, url=url)
    return row, secret


def change(
    conn: Conn, /, member: Member, mode: str, endpoint_id: str, now: Instant, **facts: Any
) -> None:
    """Set url, events, description or enabled; NotFoundError."""
    must(member, Right.build)
    endpoints.change(conn, Place(member.account_id, mode), endpoint_id, now, **facts)
    _record(conn, member, "webhook.changed", endpoint_id, now, **facts)


def delete(conn: Conn, member: Member, mode: str, endpoint_id: str, now: Instant) -> None:
    """Send nothing more to it; NotFoundError."""
    must(member, Right.build)
    endpoints.delete(conn, Place(member.account_id, mode), endpoint_id, now)
    _record(conn, member, "webhook.deleted", endpoint_id, now, mode=mode)


def rotate(
    conn: Conn, vault: Vault, member: Member, mode: str, endpoint_id: str, now: Instant
) -> Rotated:
    """Replace the secret of an endpoint, or of the account (`endpoints.DEFAULT`)."""
    must(member, Right.build)
    member.must_be_confirmed(now)
    rotated = endpoints.rotate(conn, vault, Place(member.account_id, mode), endpoint_id, now)
    _record(conn, member, "webhook.secret_rotated", endpoint_id, now, mode=mode)
    return rotated


def test(
    conn: Conn, member: Member, mode: str, endpoint_id: str, kind: str | None, now: Instant
) -> str:
    """Send an endpoint an event with made-up fields; the event's id. EndpointDisabledError."""
    must(member, Right.build)
    return replay.sample(conn, Place(member.account_id, mode), endpoint_id, kind, now)


def replay_event(
    conn: Conn, member: Member, mode: str, event_id: str, endpoint_id: str | None, now: Instant
) -> int:
    """Send an event again; to how many receivers. EndpointDisabledError."""
    must(member, Right.build)
    place = Place(member.account_id, mode)
    receivers = replay.replay_event(conn, place, event_id, endpoint_id, now)
    _record(conn, member, "event.replayed", event_id, now, receivers=receivers)
    return receivers


def replay_range(
    conn: Conn, member: Member, mode: str, endpoint_id: str, which: str, since: Instant | None,
    until: Instant, now: Instant,
) -> None:  # fmt: skip
    """Send an endpoint the events of a range again; ReplayLimitError, EndpointDisabledError."""
    must(member, Right.build)
    place = Place(member.account_id, mode)
    replay.replay_range(conn, place, endpoint_id, which, since, min(until, now))
    _record(conn, member, "webhook.replayed", endpoint_id, now, state=which)


def judge(
    conn: Conn, vault: Vault, member: Member, mode: str, endpoint_id: str, header: str,
    body: bytes, now: Instant,
) -> Verdict:  # fmt: skip
    """Whether an endpoint's secret, or the account's (`endpoints.DEFAULT`), signed a request."""
    must(member, Right.build)
    secrets = endpoints.signers(conn, vault, Place(member.account_id, mode), endpoint_id, now)
    return judge_by(secrets, header, body, now / SECOND)


def _record(
    conn: Conn, member: Member, action: str, subject: str, now: Instant, **after: Any
) -> None:
    audit.record(conn, member.actor, action, subject, now, account_id=member.account_id,
                 after=after)  # fmt: skip
