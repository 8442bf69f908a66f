"""Webhook endpoints: where the events of an account go, and the secrets that sign them."""

from typing import Annotated, Any, Literal

from pydantic import Field, StrictBool

from api.endpoint import Context, Endpoints
from api.fields import Answer, Body, Moment, Nothing, Time, Until
from api.urls import receiver
from db import notices, webhook_endpoints
from db.connection import Row
from telephony.errors import NotFoundError
from telephony.webhooks import endpoints, replay
from telephony.webhooks.endpoints import Place
from telephony.webhooks.errors import (
    EndpointDisabledError,
    EndpointLimitError,
    ReplayLimitError,
)

endpoint = Endpoints()

DESCRIPTION_CHARS_MAX = 255
NOTICES_MAX = 100
SCOPE = "webhooks:manage"

EventType = Literal[
    "delivery_report", "message_received", "call_ringing", "call_answered", "call_completed",
    "call_recording", "sip_registration", "wallet_low",
]  # fmt: skip


def _a_url(schema: dict[str, Any]) -> None:
    """None can be asked for: what stands for "not given" is no URL."""
    schema["format"] = "uri"
    schema.pop("default", None)


Url = Annotated[
    str,
    Field(description="https://…, not on a private network",
          examples=["https://example.com/webhooks"], json_schema_extra=_a_url),
]  # fmt: skip
Types = Annotated[list[EventType], Field(description="Events that it gets; empty: all")]
Description = Annotated[str, Field(max_length=DESCRIPTION_CHARS_MAX)]


class WebhookChange(Body):
    """What may be changed of an endpoint; what is not given stays as it is."""

    url: Url = ""
    events: Types = Field(default=[])
    description: Description = ""
    enabled: Annotated[StrictBool, Field(description="Whether events are sent to it")] = True


class WebhookBody(WebhookChange):
    """A new endpoint."""

    url: Url


class WebhookTestBody(Body):
    """Which event to send; none: the first one that the endpoint takes."""

    event: EventType | None = None


class ReplayRangeBody(Body):
    """Events of a time range; `state` tells which: those whose delivery has failed, was
    delivered, those that never went to this endpoint, or all."""

    from_: Annotated[Moment | None, Field(alias="from")] = None
    to: Until | None = None
    state: Literal["failed", "delivered", "missing", "all"] = "failed"


class WebhookEndpoint(Answer):
    """`secret_rotates_until`: until then the replaced secret signs, too. `failing_since` is the
    first failure after the last success. `notice` says why the platform disabled it."""

    id: str
    url: str
    events: list[EventType]
    description: str
    enabled: bool
    mode: Literal["live", "test"]
    created_at: Time
    secret_rotates_until: Time | None = None
    failing_since: Time | None
    disabled_at: Time | None
    notice: str | None = None


class CreatedEndpoint(WebhookEndpoint):
    """`secret` is shown only here."""

    secret: Annotated[str, Field(examples=["whsec_…"])]


class WebhookEndpoints(Answer):
    """Every endpoint of the account in the key's mode. `notices` tell of what the platform did
    to them of its own accord; `default_secret_rotates_until` is of the secret for callback_url."""

    data: list[WebhookEndpoint]
    notices: list[str]
    default_secret_rotates_until: Time | None


class DeletedEndpoint(Answer):
    """Nothing more is sent to it."""

    id: str
    deleted: Literal[True] = True


class RotatedSecret(Answer):
    """The new secret, shown only here. The old one signs beside it until `old_secret_until`."""

    id: str
    secret: str
    old_secret_until: Time | None


class TestSent(Answer):
    """The test event, as `GET /events/{id}` shows it."""

    event_id: str


class ReplayQueued(Answer):
    """The events are sent again in the background."""

    replay_id: str
    state: str


@endpoint("GET", "/webhooks", scope=SCOPE, returns=WebhookEndpoints)
async def list_webhooks(context: Context, _: None) -> WebhookEndpoints:
    """List the webhook endpoints, and what the platform did to them of its own accord."""
    me, db = context.me, context.db
    rows = await webhook_endpoints.of_account(db, me.account_id, me.mode)
    owners = [me.account_id, *(row["id"] for row in rows)]
    rotating = await webhook_endpoints.rotating(db, owners, context.now)
    told = await notices.unseen(db, me.account_id, me.mode, NOTICES_MAX)
    why = {row["subject"]: row["text"] for row in reversed(told)}
    return WebhookEndpoints(
        data=[
            WebhookEndpoint(**_facts(row), notice=why.get(row["id"]),
                            secret_rotates_until=rotating.get(row["id"]))
            for row in rows
        ],
        notices=[row["text"] for row in told],
        default_secret_rotates_until=rotating.get(me.account_id),
    )  # fmt: skip


@endpoint(
    "POST", "/webhooks", scope=SCOPE, takes=WebhookBody, returns=CreatedEndpoint, status=201,
    errors=(EndpointLimitError,),
)  # fmt: skip
def create_webhook(context: Context, body: WebhookBody) -> CreatedEndpoint:
    """Add a webhook endpoint; its secret is shown only in this response."""
    row, secret = endpoints.create(
        context.conn, context.vault, _place(context), url=receiver(body.url, context.settings),
        events=list(dict.fromkeys(body.events)), description=body.description,
        enabled=body.enabled, now=context.now,
    )  # fmt: skip
    return CreatedEndpoint(**_facts(row), secret=secret)


@endpoint(
    "PATCH", "/webhooks/{id}", scope=SCOPE, takes=WebhookChange, returns=WebhookEndpoint,
    errors=(NotFoundError,),
)  # fmt: skip
def change_webhook(context: Context, body: WebhookChange) -> WebhookEndpoint:
    """Change a webhook endpoint. Once it is enabled again, what was pending goes on."""
    facts: dict[str, Any] = {name: getattr(body, name) for name in body.model_fields_set}
    if "url" in facts:
        receiver(body.url, context.settings)
    if "events" in facts:
        facts["events"] = list(dict.fromkeys(body.events))
    row = endpoints.change(context.conn, _place(context), context.path["id"], context.now, **facts)
    return WebhookEndpoint(**_facts(row))


@endpoint("DELETE", "/webhooks/{id}", scope=SCOPE, returns=DeletedEndpoint, errors=(NotFoundError,))
def delete_webhook(context: Context, _: None) -> DeletedEndpoint:
    """Delete a webhook endpoint; what was sent to it stays in the log of events."""
    endpoints.delete(context.conn, _place(context), context.path["id"], context.now)
    return DeletedEndpoint(id=context.path["id"])


@endpoint(
    "POST", "/webhooks/{id}/rotate-secret", scope=SCOPE, takes=Nothing, returns=RotatedSecret,
    errors=(NotFoundError,),
)  # fmt: skip
def rotate_webhook_secret(context: Context, _: Nothing) -> RotatedSecret:
    """Replace the secret of an endpoint; both sign for 24 hours.

    `default` as id is the secret for callback_url."""
    name = context.path["id"]
    rotated = endpoints.rotate(context.conn, context.vault, _place(context), name, context.now)
    return RotatedSecret(id=name, secret=rotated.secret, old_secret_until=rotated.old_until)


@endpoint(
    "POST", "/webhooks/{id}/test", scope=SCOPE, takes=WebhookTestBody, returns=TestSent,
    status=202,
    errors=(NotFoundError, EndpointDisabledError),
)  # fmt: skip
def test_webhook(context: Context, body: WebhookTestBody) -> TestSent:
    """Send a webhook endpoint an event with made-up fields and `"sample": true`."""
    return TestSent(event_id=replay.sample(
        context.conn, _place(context), context.path["id"], body.event, context.now
    ))  # fmt: skip


@endpoint(
    "POST", "/webhooks/{id}/replay", scope=SCOPE, takes=ReplayRangeBody, returns=ReplayQueued,
    status=202, errors=(NotFoundError, EndpointDisabledError, ReplayLimitError),
)  # fmt: skip
def replay_to_webhook(context: Context, body: ReplayRangeBody) -> ReplayQueued:
    """Send the events of a time range to a webhook endpoint again, each with the same id."""
    replay_id = replay.replay_range(
        context.conn, _place(context), context.path["id"], body.state, body.from_,
        min(body.to or context.now, context.now),
    )  # fmt: skip
    return ReplayQueued(replay_id=replay_id, state=body.state)


def _place(context: Context) -> Place:
    return Place(context.me.account_id, context.me.mode)


def _facts(row: Row) -> dict[str, Any]:
    facts = {name: row[name] for name in WebhookEndpoint.model_fields if name in row}
    return facts | {"events": row["events"].split()}
