"""The network: carriers, SMS providers and what leads to them, with how each of them is."""

from typing import Annotated, Literal

from pydantic import Field

from api.admin.acts import acts
from api.fields import Body
from api.web.page import Facts, PageContext, Pages
from db import sms_providers, trunks
from telephony import status
from telephony.users.roles import PLATFORM

page = Pages()
HERE = "/admin/network"
Name = Annotated[str, Field(max_length=64)]
"""Of a carrier or a provider."""


class StatusForm(Body):
    """Whether one of them is in service."""

    status: Literal["active", "disabled"]


@page("GET", HERE, roles=PLATFORM, template="admin/carriers.html", part="admin/carriers_part.html")
async def show_network(context: PageContext, _: None) -> Facts:
    """All of it; secrets and options of providers are not shown."""
    found = await status.look(context.db, context.now)
    return {
        "acts": acts(context), "trunks": await trunks.every(context.db),
        "routes": await context.db.write(trunks.routes),
        "providers": await context.db.write(sms_providers.active),
        "sms_routes": await context.db.write(sms_providers.routes),
        "health": {one.name: one for one in found.components},
    }  # fmt: skip
