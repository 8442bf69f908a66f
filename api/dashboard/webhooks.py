"""Webhook endpoints: made, tested, changed, replayed to, their secrets rotated."""

from collections.abc import Callable
from typing import Literal

from pydantic import ConfigDict, Field
from starlette.responses import Response

from api.dashboard.lists import MODES, Filters, Mode, ModeQuery, mode_of_form
from api.dashboard.viewer import go, member
from api.fields import Moment, Until
from api.urls import receiver
from api.v1.webhooks import DESCRIPTION_CHARS_MAX, NOTICES_MAX, EventType
from api.web.page import Facts, PageContext, Pages
from api.web.templates import render
from db import deliveries, events, notices, webhook_endpoints
from db.connection import Row
from telephony.errors import NotFoundError
from telephony.users import webhooks as deeds
from telephony.users.roles import Right, having
from telephony.webhooks.endpoints import DEFAULT, Rotated

page = Pages()
HERE = "/dashboard/webhooks"
LOOKERS, BUILDERS = having(Right.look), having(Right.build)
NEWEST = 25


class EndpointForm(Filters):
    """Where events go; each kind that is ticked is a field of its own, none means all."""

    model_config = ConfigDict(extra="allow")

    url: str
    description: str = Field("", max_length=DESCRIPTION_CHARS_MAX)

    @property
    def events(self) -> list[str]:
        """Those that are ticked."""
        return [kind for kind in events.TYPES if kind in (self.model_extra or {})]


class NewEndpointForm(EndpointForm):
    """The same in a mode."""

    mode: Mode


class TestForm(Filters):
    """Which event; none: the first one that the endpoint takes."""

    event: EventType | None = None


class ReplayForm(Filters):
    """The fields of `POST /webhooks/{id}/replay`."""

    from_: Moment | None = Field(None, alias="from")
    to: Until | None = None
    state: Literal["failed", "delivered", "missing", "all"] = "failed"


async def _endpoints(context: PageContext, mode: Mode) -> Facts:
    me, db = member(context), context.db
    rows = await webhook_endpoints.of_account(db, me.account_id, mode)
    owners = [me.account_id, *(row["id"] for row in rows)]
    return {
        "mode": mode, "endpoints": rows, "kinds": events.TYPES,
        "notices": await notices.unseen(db, me.account_id, mode, NOTICES_MAX),
        "rotating": await webhook_endpoints.rotating(db, owners, context.now),
        "builds": Right.build in me.rights,
    }  # fmt: skip


@page("GET", HERE, roles=LOOKERS, takes=ModeQuery, template="dashboard/webhooks.html")
async def show_endpoints(context: PageContext, given: ModeQuery) -> Facts:
    """The endpoints of a mode, and what the platform did to them of its own accord."""
    return await _endpoints(context, given.mode_for(context))


async def _new_again(context: PageContext) -> Facts:
    return await _endpoints(context, mode_of_form(context))


@page("POST", HERE, roles=BUILDERS, confirm=True, takes=NewEndpointForm,
      template="dashboard/webhooks.html", again=_new_again)  # fmt: skip
async def make_endpoint(context: PageContext, given: NewEndpointForm) -> Response:
    """Add an endpoint and show its secret this once."""
    url = receiver(given.url, context.settings)
    row, secret = await context.db.write(
        deeds.create, context.vault, member(context), given.mode, context.now, url=url,
        events=given.events, description=given.description,
    )  # fmt: skip
    return _secret(context, Rotated(secret, None), f"{HERE}/{row['id']}")


def _secret(context: PageContext, made: Rotated, then: str) -> Response:
    answer = render(context.request, "dashboard/webhook_secret.html", secret=made.secret,
                    old_until=made.old_until, then=then)  # fmt: skip
    answer.headers["Cache-Control"] = "no-store"
    return answer


@page("POST", f"{HERE}/default/rotate", roles=BUILDERS, confirm=True)
async def rotate_default(context: PageContext, _: None) -> Response:
    """Another secret for what goes to a callback_url."""
    rotated = await context.db.write(
        deeds.rotate, context.vault, member(context), "live", DEFAULT, context.now
    )
    return _secret(context, rotated, HERE)


async def _found(context: PageContext) -> Row:
    """The endpoint that the path names, in whichever mode; NotFoundError."""
    for mode in MODES:
        rows = await webhook_endpoints.of_account(context.db, member(context).account_id, mode)
        for row in rows:
            if row["id"] == context.path["id"]:
                return row
    raise NotFoundError("There is no such webhook endpoint.")


async def _endpoint(context: PageContext) -> Facts:
    me, row = member(context), await _found(context)
    newest = await deliveries.newest_of(context.db, row["id"], NEWEST)
    return {
        "one": row, "mode": row["mode"], "kinds": events.TYPES, "taken": row["events"].split(),
        "deliveries": newest, "forever": deliveries.FOREVER, "builds": Right.build in me.rights,
        "rotating": await webhook_endpoints.rotating(context.db, [row["id"]], context.now),
    }  # fmt: skip


@page("GET", f"{HERE}/{{id}}", roles=LOOKERS, template="dashboard/webhook.html")
async def show_endpoint(context: PageContext, _: None) -> Facts:
    """One endpoint and what was sent to it last."""
    return await _endpoint(context)


async def _do(
    context: PageContext, deed: Callable[..., object], *args: object, **facts: object
) -> Response:
    row = await _found(context)
    await context.db.write(deed, member(context), row["mode"], row["id"], *args, **facts)
    return go(f"{HERE}/{row['id']}")


@page("POST", f"{HERE}/{{id}}", roles=BUILDERS, takes=EndpointForm,
      template="dashboard/webhook.html", again=_endpoint)  # fmt: skip
async def change_endpoint(context: PageContext, given: EndpointForm) -> Response:
    """Other events, another URL."""
    return await _do(context, deeds.change, context.now, events=given.events,
                     url=receiver(given.url, context.settings), description=given.description,
    )  # fmt: skip


@page("POST", f"{HERE}/{{id}}/enable", roles=BUILDERS)
async def enable_endpoint(context: PageContext, _: None) -> Response:
    """Send events to it; what was pending goes on."""
    return await _do(context, deeds.change, context.now, enabled=True)


@page("POST", f"{HERE}/{{id}}/disable", roles=BUILDERS)
async def disable_endpoint(context: PageContext, _: None) -> Response:
    """Let events wait until it is enabled again."""
    return await _do(context, deeds.change, context.now, enabled=False)


@page("POST", f"{HERE}/{{id}}/test", roles=BUILDERS, takes=TestForm,
      template="dashboard/webhook.html", again=_endpoint)  # fmt: skip
async def test_endpoint(context: PageContext, given: TestForm) -> Response:
    """Send it an event with made-up fields."""
    return await _do(context, deeds.test, given.event, context.now)


@page("POST", f"{HERE}/{{id}}/replay", roles=BUILDERS, takes=ReplayForm,
      template="dashboard/webhook.html", again=_endpoint)  # fmt: skip
async def replay_to_endpoint(context: PageContext, given: ReplayForm) -> Response:
    """Send it the events of a time range again."""
    until = given.to or context.now
    return await _do(context, deeds.replay_range, given.state, given.from_, until, context.now)


@page("POST", f"{HERE}/{{id}}/rotate", roles=BUILDERS, confirm=True)
async def rotate_secret(context: PageContext, _: None) -> Response:
    """Another secret, shown this once; both sign for a day."""
    row = await _found(context)
    rotated = await context.db.write(
        deeds.rotate, context.vault, member(context), row["mode"], row["id"], context.now
    )
    return _secret(context, rotated, f"{HERE}/{row['id']}")


@page("POST", f"{HERE}/{{id}}/delete", roles=BUILDERS, confirm=True)
async def delete_endpoint(context: PageContext, _: None) -> Response:
    """Send nothing more to it."""
    row = await _found(context)
    await context.db.write(deeds.delete, member(context), row["mode"], row["id"], context.now)
    return go(f"{HERE}?mode={row['mode']}")
