"""The network: carriers and SMS providers, with how each of them is."""

from typing import Annotated, Literal

from pydantic import Field

from api.admin.acting import acts
from api.dashboard.lists import Filters
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


class RoutesQuery(Filters):
    """Digits that numbers begin with, or a whole number: routes to them have a shorter prefix, or a
    longer one."""

    search: str = Field("", pattern="^[ +]?[0-9]{0,15}$")

    @property
    def digits(self) -> str:
        """Without the plus, which a query string turns into a blank."""
        return self.search.strip().removeprefix("+")

    def shown(self) -> dict[str, str]:
        """For links of the page, without the place in the list."""
        told = self.model_dump(exclude={"cursor"}) | {"search": self.digits}
        return {name: text for name, text in told.items() if text}


@page("GET", HERE, roles=PLATFORM, template="admin/carriers.html", part="admin/carriers_part.html")
async def show_network(context: PageContext, _: None) -> Facts:
    """All of them; secrets and options of providers are not shown."""
    found = await status.look(context.db, context.now)
    return {
        "acts": acts(context), "trunks": await trunks.every(context.db),
        "providers": await sms_providers.every(context.db),
        "health": {one.name: one for one in found.components},
    }  # fmt: skip
