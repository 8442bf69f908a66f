"""API keys: made, shown once, rotated, revoked."""

from pydantic import ConfigDict, Field
from starlette.responses import Response

from api.dashboard.amounts import cap_of
from api.dashboard.forms import IdForm, Text
from api.dashboard.viewer import go, member
from api.fields import Body, end_of
from api.web.page import Facts, PageContext, Pages
from api.web.templates import render
from db import accounts
from telephony.accounts import SCOPES, NewKey
from telephony.clock import Instant
from telephony.users import keys
from telephony.users.problems import bad
from telephony.users.roles import Right, having

page = Pages()
HERE = "/dashboard/keys"
LOOKERS, BUILDERS = having(Right.look), having(Right.build)


class KeyForm(Body):
    """A new key; each scope that is ticked is a field of its own."""

    model_config = ConfigDict(extra="allow")

    name: Text
    mode: Text
    cidrs: str = Field("", max_length=4_000)
    expires_at: str = Field("", max_length=40)
    spend_day_max: str = Field("", max_length=40)

    @property
    def scopes(self) -> list[str]:
        """Those that are ticked."""
        return [scope for scope in SCOPES if scope in (self.model_extra or {})]


async def _keys(context: PageContext) -> Facts:
    me = member(context)
    rows = await context.db.write(accounts.keys_of, me.account_id)
    return {"keys": list(reversed(rows)), "scopes": SCOPES, "now": context.now,
            "builds": Right.build in me.rights}  # fmt: skip


@page("GET", HERE, roles=LOOKERS, template="dashboard/keys.html")
async def show_keys(context: PageContext, _: None) -> Facts:
    """The keys of the account, the newest first."""
    return await _keys(context)


@page("POST", HERE, roles=BUILDERS, confirm=True, takes=KeyForm,
      template="dashboard/keys.html", again=_keys)  # fmt: skip
async def make_key(context: PageContext, given: KeyForm) -> Response:
    """Make a key and show it this once."""
    made = await context.db.write(
        keys.create, member(context), given.mode, given.name, context.now, scopes=given.scopes,
        cidrs=given.cidrs.replace(",", " ").split(), expires_at=_expires(given.expires_at),
        spend_day_max=cap_of(given.spend_day_max, "spend_day_max"),
    )  # fmt: skip
    return _shown(context, made)


@page("POST", f"{HERE}/rotate", roles=BUILDERS, confirm=True, takes=IdForm,
      template="dashboard/keys.html", again=_keys)  # fmt: skip
async def rotate_key(context: PageContext, given: IdForm) -> Response:
    """Another key in its place, shown this once; both work for a day."""
    return _shown(
        context, await context.db.write(keys.rotate, member(context), given.id, context.now)
    )


@page("POST", f"{HERE}/revoke", roles=BUILDERS, confirm=True, takes=IdForm)
async def revoke_key(context: PageContext, given: IdForm) -> Response:
    """The key works no more."""
    await context.db.write(keys.revoke, member(context), given.id, context.now)
    return go(HERE)


def _shown(context: PageContext, made: NewKey) -> Response:
    answer = render(context.request, "dashboard/key_made.html", key=made.key,
                    replaced_until=made.replaced_until)  # fmt: skip
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _expires(text: str) -> Instant | None:
    try:
        return end_of(text) if text else None
    except ValueError as error:
        raise bad("expires_at", "invalid", "Write a date such as 2027-01-31.") from error
