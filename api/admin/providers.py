"""SMS providers: added, given other options, disabled, removed. Secrets among the options are
written, never shown."""

from collections.abc import Collection, Mapping
from typing import Annotated, Any

from pydantic import Field, model_validator
from starlette.responses import Response

from api.admin.acting import ADMINS, act, acts
from api.admin.network import HERE, Name, StatusForm
from api.admin.provider_options import PREFIX, given_options, options_of, secret_inputs
from api.dashboard.viewer import go
from api.fields import Body
from api.web.page import Facts, PageContext, Pages
from db import sms_providers
from db.connection import Row
from telephony.admin import providers as deeds
from telephony.errors import NotFoundError, OutgoingStoppedError
from telephony.phone_numbers import e164
from telephony.sms.providers import configured
from telephony.sms.providers.registry import kinds
from telephony.sms.trial import try_out
from telephony.users.problems import bad

page = Pages()
ONE = f"{HERE}/providers/{{name}}"
STEP_SECONDS = 5.0
"""For the link, the answer and the receipt of a test, each."""
Kind = Annotated[str, Field(max_length=64)]


class KindQuery(Body):
    """Which kind of provider is to be added."""

    kind: Kind = "smpp"


class OptionsForm(Body):
    """Options by their names, as they are written."""

    options: dict[str, Annotated[str, Field(max_length=20_000)]]

    @model_validator(mode="before")
    @classmethod
    def _gathered(cls, given: dict[str, Any]) -> dict[str, Any]:
        told = {name.removeprefix(PREFIX): text for name, text in given.items()
                if name.startswith(PREFIX)}  # fmt: skip
        rest = {name: text for name, text in given.items() if not name.startswith(PREFIX)}
        return {**rest, "options": told}

    @classmethod
    def secret_names(cls) -> Collection[str]:
        """Inputs of all kinds of providers, since the form does not tell its kind."""
        return secret_inputs()


class NewProviderForm(OptionsForm):
    """The same with its name and kind."""

    name: Name
    kind: Kind


class TestForm(Body):
    """Where a test message goes, and what it shows; without a number only the link is tried."""

    to: Annotated[str, Field(max_length=40)] = ""
    sender: Annotated[str, Field(max_length=16)] = "TEST"


def _options(kind: str, shown: Mapping[str, object]) -> Facts:
    try:
        return {"kind": kind, "options": options_of(kind, shown), "broken": ""}
    except LookupError as error:
        return {"kind": kind, "options": [], "broken": str(error.args[0])}


async def _new(context: PageContext) -> Facts:
    kind = context.values.get("kind", "smpp")
    return {"one": None, "kinds": kinds(), "acts": True, **_options(kind, {})}


@page("GET", f"{HERE}/new-provider", roles=ADMINS, takes=KindQuery, template="admin/provider.html")
async def new_provider(context: PageContext, given: KindQuery) -> Facts:
    """An empty form for a kind."""
    return {**await _new(context), **_options(given.kind, {})}


@page("POST", f"{HERE}/providers", roles=ADMINS, confirm=True, takes=NewProviderForm,
      template="admin/provider.html", again=_new)  # fmt: skip
async def add_provider(context: PageContext, given: NewProviderForm) -> Response:
    """A running platform connects to it within seconds."""
    try:
        options = given_options(given.kind, given.options, {})
    except LookupError as error:
        raise bad("kind", "unknown", str(error.args[0])) from error
    await act(context, deeds.add, context.vault, context.settings, given.name, given.kind, options)
    return go(f"{HERE}/providers/{given.name}")


async def _row(context: PageContext) -> Row:
    row = await sms_providers.find(context.db, context.path["name"])
    if row is None:
        raise NotFoundError(f"There is no provider {context.path['name']}.")
    return row


async def _provider(context: PageContext) -> Facts:
    row = await _row(context)
    try:
        found = _options(row["kind"], configured.shown(row, context.vault))
    except (LookupError, ValueError):
        found = {"kind": row["kind"], "options": [], "broken": "Its options are taken no more."}
    return {"one": row, "kinds": [], "acts": acts(context), **found}


@page("GET", ONE, roles=ADMINS, template="admin/provider.html")
async def show_provider(context: PageContext, _: None) -> Facts:
    """One provider with its options, but for what is secret."""
    return await _provider(context)


@page("POST", ONE, roles=ADMINS, confirm=True, takes=OptionsForm, template="admin/provider.html",
      again=_provider)  # fmt: skip
async def change_provider(context: PageContext, given: OptionsForm) -> Response:
    """A running platform connects anew; secrets that are left empty stay."""
    row = await _row(context)
    try:
        known = configured.shown(row, context.vault)
        options = given_options(row["kind"], given.options, known)
    except LookupError as error:
        raise bad("", "gone", str(error.args[0])) from error
    await act(context, deeds.change, context.vault, context.settings, row["name"], options)
    return go(f"{HERE}/providers/{row['name']}")


@page("POST", f"{ONE}/test", roles=ADMINS, confirm=True, takes=TestForm,
      template="admin/provider.html", part="admin/tested.html", again=_provider)  # fmt: skip
async def try_provider(context: PageContext, given: TestForm) -> Facts:
    """Connect beside the platform's own link and, to a number, send a message; nobody pays."""
    said: list[str] = []
    well: bool | None = False
    try:
        to = e164(given.to) if given.to.strip() else ""
        row = await act(context, deeds.tested, context.path["name"], to)
        tried = configured.open_row(row, context.vault, context.settings)
        well = await try_out(tried, to, given.sender, STEP_SECONDS, said.append)
    except (LookupError, ValueError, OutgoingStoppedError) as error:
        said.append(str(error))
    return {**await _provider(context), "tested": said, "well": well,
            "values": given.model_dump()}  # fmt: skip


@page("POST", f"{ONE}/status", roles=ADMINS, confirm=True, takes=StatusForm,
      template="admin/provider.html", again=_provider)  # fmt: skip
async def set_provider_status(context: PageContext, given: StatusForm) -> Response:
    """One that is disabled gets no new messages."""
    await act(context, deeds.set_enabled, context.path["name"], given.status == "active")
    return go(f"{HERE}/providers/{context.path['name']}")


@page("POST", f"{ONE}/remove", roles=ADMINS, confirm=True, template="admin/provider.html",
      again=_provider)  # fmt: skip
async def remove_provider(context: PageContext, _: None) -> Response:
    """It carries nothing any more; its routes go with it."""
    await act(context, deeds.remove, (await _row(context))["name"])
    return go(HERE)
