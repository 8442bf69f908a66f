"""Runs what an administrator does."""

from collections.abc import Callable
from typing import Any, TypeVar

from api.dashboard.viewer import member
from api.web.page import PageContext
from db.connection import Conn
from telephony.admin.network import noted
from telephony.admin.rights import must_administer
from telephony.users.roles import PLATFORM_ADMIN

T = TypeVar("T")
ADMINS = (PLATFORM_ADMIN,)


async def act(
    context: PageContext, action: str, subject: str, deed: Callable[[Conn], T], **facts: Any
) -> T:
    """What the deed returns; `facts` are those of `noted`."""
    me = member(context)

    def done(conn: Conn) -> T:
        must_administer(me, context.now)
        return noted(conn, me.actor, context.now, action, subject, deed, **facts)

    return await context.db.write(done)


def acts(context: PageContext) -> bool:
    """Whether the viewer may do what the page offers; support only looks."""
    return PLATFORM_ADMIN in member(context).roles
