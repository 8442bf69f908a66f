"""Parts of pages that are sent anew whenever they have changed."""

from collections.abc import Awaitable, Callable

from starlette.responses import Response

from api.dashboard.viewer import member
from api.web.page import Facts, PageContext
from api.web.streams import follow
from api.web.templates import render


def live(context: PageContext, template: str, facts: Callable[[], Awaitable[Facts]]) -> Response:
    """The part as a stream: now, and whenever an event has made it another."""

    async def look() -> str:
        return bytes(render(context.request, template, **await facts()).body).decode()

    return follow(context.request, member(context).account_id, look)
