"""What the administrators' pages share."""

from collections.abc import Callable
from typing import Annotated, Any, Concatenate, ParamSpec, TypeVar

from pydantic import Field

from api.dashboard.viewer import member
from api.fields import Body
from api.web.page import PageContext
from db import accounts
from db.connection import Conn
from telephony.admin.network import noted
from telephony.admin.rights import as_admin
from telephony.audit import Actor
from telephony.clock import Instant
from telephony.users.roles import PLATFORM, PLATFORM_ADMIN

P = ParamSpec("P")
T = TypeVar("T")

LOOKERS, ADMINS = PLATFORM, (PLATFORM_ADMIN,)
LINES = 50
Search = Annotated[str, Field(max_length=200)]
Cursor = Annotated[str, Field(pattern="^[a-z]{3}_[0-9a-z]{26}$")]
FormId = Annotated[str, Field(min_length=8, max_length=64)]
"""Tells a second click from a second wish."""


class ReasonForm(Body):
    """Why something is done."""

    reason: str = Field("", max_length=1_000)


async def act(
    context: PageContext, deed: Callable[Concatenate[Conn, Actor, Instant, P], T], /,
    *args: P.args, **kwargs: P.kwargs,
) -> T:  # fmt: skip
    """Run an administrator's deed in the name of the viewer."""
    me = member(context)

    def run(conn: Conn) -> T:
        return as_admin(conn, me, context.now, deed, *args, **kwargs)

    return await context.db.write(run)


async def act_noted(
    context: PageContext, action: str, subject: str, deed: Callable[[Conn], T], **facts: Any
) -> T:
    """The same for a deed that writes no entry of the audit log itself; `facts` are those of
    `noted`."""
    return await act(context, _noted, action, subject, deed, facts)


def _noted(
    conn: Conn, actor: Actor, now: Instant, action: str, subject: str, deed: Callable[[Conn], T],
    facts: dict[str, Any],
) -> T:  # fmt: skip
    return noted(conn, actor, now, action, subject, deed, **facts)


def acts(context: PageContext) -> bool:
    """Whether the viewer may do what the page offers; support only looks."""
    return PLATFORM_ADMIN in member(context).roles


async def account_named(context: PageContext, text: str) -> str:
    """The id of the account of that id or whole name; empty unless there is exactly one."""
    rows = await accounts.find_like(context.db, text)
    return str(rows[0]["id"]) if len(rows) == 1 else ""
