"""Carriers of calls: added, changed, taken out of service, removed."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator
from starlette.responses import Response

from api.admin.acting import ADMINS, LOOKERS, act, acts
from api.admin.network import HERE, Name, StatusForm
from api.dashboard.forms import Secret
from api.dashboard.viewer import go
from api.fields import Body
from api.web.page import Facts, PageContext, Pages
from db import components, trunks
from telephony.admin import carriers as deeds
from telephony.errors import NotFoundError
from telephony.voice.trunk_worker import look
from telephony.voice.trunks import (
    CODECS,
    DEFAULT_PORT,
    CarrierFacts,
    component,
    registration,
    registration_of,
)

page = Pages()
ONE = f"{HERE}/trunks/{{name}}"
FEW = 10
"""Of what leads to a carrier, on its own page."""
Text = Annotated[str, Field(max_length=300)]
Number = Annotated[int, Field(ge=0, le=1_000_000)]


class TrunkForm(Body):
    """What is said of a carrier; lists have commas or blanks between their parts."""

    host: Text
    port: Number = DEFAULT_PORT
    transport: Literal["udp", "tcp", "tls"]
    username: Text = ""
    secret: Secret = ""
    registers: Literal["", "on"] = ""
    codecs: list[str]
    caller_id_format: Literal["e164", "digits", "national"]
    cidrs: Annotated[list[str], Field(max_length=50)]
    capacity: Number | None = None

    @model_validator(mode="before")
    @classmethod
    def _reshaped(cls, given: dict[str, Any]) -> dict[str, Any]:
        lists = {name: str(given.get(name, "")).replace(",", " ").split()
                 for name in ("codecs", "cidrs")}  # fmt: skip
        told = {name: text for name, text in given.items() if (name, text) != ("capacity", "")}
        return {**told, **lists, "host": str(given.get("host", "")).strip()}

    def facts(self) -> CarrierFacts:
        """As the deeds take it."""
        return CarrierFacts(
            host=self.host, port=self.port, transport=self.transport, username=self.username,
            registers=bool(self.registers), codecs=self.codecs,
            caller_id_format=self.caller_id_format, cidrs=self.cidrs, capacity=self.capacity,
        )  # fmt: skip


class NewTrunkForm(TrunkForm):
    """The same with the name that it is known by from now on."""

    name: Name


async def _new(context: PageContext) -> Facts:
    return {"one": None, "routes": [], "known": CODECS, "acts": True, "health": None}


@page("GET", f"{HERE}/new-trunk", roles=ADMINS, template="admin/trunk.html")
async def new_trunk(context: PageContext, _: None) -> Facts:
    """An empty form."""
    return await _new(context)


@page("POST", f"{HERE}/trunks", roles=ADMINS, confirm=True, takes=NewTrunkForm,
      template="admin/trunk.html", again=_new)  # fmt: skip
async def add_trunk(context: PageContext, given: NewTrunkForm) -> Response:
    """Every PBX node knows it at once; routes lead to it afterwards."""
    await act(context, deeds.add, context.vault, given.name, given.secret, given.facts())
    return go(f"{HERE}/trunks/{given.name}")


async def _trunk(context: PageContext) -> Facts:
    row = await trunks.find(context.db, context.path["name"])
    if row is None:
        raise NotFoundError(f"There is no trunk {context.path['name']}.")
    led = await trunks.page_of_routes(context.db, trunk_id=row["id"], limit=FEW + 1)
    found = {one["name"]: one for one in await components.every(context.db)}
    registered = registration(row, found.get(registration_of(row["name"])))
    return {
        "one": row, "routes": led[:FEW], "more": len(led) > FEW, "known": CODECS,
        "acts": acts(context), "registration": registered,
        "health": found.get(component(row["name"])),
    }  # fmt: skip


@page("GET", ONE, roles=LOOKERS, template="admin/trunk.html")
async def show_trunk(context: PageContext, _: None) -> Facts:
    """One carrier with what leads to it; its secret is never shown."""
    return await _trunk(context)


@page("POST", ONE, roles=ADMINS, confirm=True, takes=TrunkForm, template="admin/trunk.html",
      again=_trunk)  # fmt: skip
async def change_trunk(context: PageContext, given: TrunkForm) -> Response:
    """Calls from now on go by what it says; an empty secret leaves the one that it has."""
    name = context.path["name"]
    await act(context, deeds.change, context.vault, name, given.secret, given.facts())
    return go(f"{HERE}/trunks/{name}")


@page("POST", f"{ONE}/status", roles=ADMINS, confirm=True, takes=StatusForm,
      template="admin/trunk.html", again=_trunk)  # fmt: skip
async def set_trunk_status(context: PageContext, given: StatusForm) -> Response:
    """No new call leaves by one that is out of service, or comes from it."""
    await act(context, deeds.set_status, context.path["name"], given.status)
    return go(f"{HERE}/trunks/{context.path['name']}")


@page("POST", f"{ONE}/test", roles=ADMINS, confirm=True, template="admin/trunk.html",
      part="admin/tested.html", again=_trunk)  # fmt: skip
async def ask_trunk(context: PageContext, _: None) -> Facts:
    """Send OPTIONS now; any answer shows that it is there."""
    facts = await _trunk(context)
    row = facts["one"]
    await act(context, deeds.tested, row["name"])
    found = await look(row["name"], row["host"], row["port"], row["transport"])
    return {**facts, "tested": [found.detail, facts["registration"]], "well": found.up}


@page("POST", f"{ONE}/remove", roles=ADMINS, confirm=True)
async def remove_trunk(context: PageContext, _: None) -> Response:
    """Forget it with its routes; calls that it carries go on."""
    await act(context, deeds.remove, context.path["name"])
    return go(HERE)
