"""Who works in the account."""

from collections.abc import AsyncIterator
from typing import Literal

from starlette.responses import Response

from api.dashboard.forms import IdForm, InviteForm, RoleForm
from api.dashboard.lists import as_csv
from api.dashboard.viewer import go, member, post, rotated
from api.fields import Answer, Time
from api.web.page import Facts, PageContext, Pages
from db import one_use_tokens, users
from db.connection import Row
from telephony.users import sessions, team
from telephony.users.roles import SHOWN, USER, Right, having

page = Pages()
HERE = "/dashboard/team"
ANYBODY = having(Right.look)
OWNERS = having(Right.manage)


class MemberLine(Answer):
    """Who works in the account, as a line of CSV; `totp_since` is empty without a second factor
    that shows codes."""

    name: str
    email: str
    role: Literal["owner", "developer", "billing", "read_only"]
    totp_since: Time | None
    created_at: Time


async def _team(context: PageContext) -> Facts:
    account_id = member(context).account_id
    return {
        "members": await users.members(context.db, account_id),
        "invitations": await one_use_tokens.invitations(context.db, account_id, context.now),
        "roles": SHOWN, "manages": Right.manage in member(context).rights,
    }  # fmt: skip


@page("GET", HERE, roles=ANYBODY, template="dashboard/team.html")
async def show_team(context: PageContext, _: None) -> Facts:
    """Members and invitations."""
    return await _team(context)


@page("GET", f"{HERE}.csv", roles=ANYBODY)
async def team_csv(context: PageContext, _: None) -> Response:
    """The members as a file."""
    return as_csv("team.csv", MemberLine, _members(context), MemberLine.model_validate)


async def _members(context: PageContext) -> AsyncIterator[list[Row]]:
    yield await users.members(context.db, member(context).account_id)


@page("POST", f"{HERE}/invite", roles=OWNERS, confirm=True, takes=InviteForm,
      template="dashboard/team.html", again=_team)  # fmt: skip
async def invite(context: PageContext, given: InviteForm) -> Response:
    """Mail somebody a link."""
    me = member(context)
    await context.db.write(team.invite, post(context), me, given.email, given.role, context.now)
    return go(HERE)


@page("POST", f"{HERE}/take-back", roles=OWNERS, confirm=True, takes=IdForm)
async def take_back(context: PageContext, given: IdForm) -> Response:
    """An invitation counts no more."""
    await context.db.write(team.take_back, member(context), given.id, context.now)
    return go(HERE)


@page("POST", f"{HERE}/role", roles=OWNERS, confirm=True, takes=RoleForm,
      template="dashboard/team.html", again=_team)  # fmt: skip
async def change_role(context: PageContext, given: RoleForm) -> Response:
    """Another role of a member."""
    await context.db.write(team.change_role, member(context), given.id, given.role, context.now)
    return go(HERE)


@page("POST", f"{HERE}/remove", roles=OWNERS, confirm=True, takes=IdForm,
      template="dashboard/team.html", again=_team)  # fmt: skip
async def remove_member(context: PageContext, given: IdForm) -> Response:
    """Somebody works here no more."""
    await context.db.write(team.remove, member(context), given.id, context.now)
    return go(HERE)


@page("POST", f"{HERE}/leave", roles=ANYBODY, template="dashboard/team.html", again=_team)
async def leave(context: PageContext, _: None) -> Response:
    """Leave the account oneself."""
    me = member(context)
    await context.db.write(team.remove, me, me.user_id, context.now)
    return go("/sign-in")


@page("POST", "/dashboard/enter", roles=(USER,), takes=IdForm)
async def enter_account(context: PageContext, given: IdForm) -> Response:
    """Look at another account of the user."""
    token = await context.db.write(sessions.enter, member(context), given.id, context.now)
    return rotated(context, token, "/dashboard")
