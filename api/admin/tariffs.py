"""Price lists: versions, import with a comparison first, export; what an account pays instead."""

import asyncio
import io
from typing import Annotated

from pydantic import ConfigDict, Field
from starlette.datastructures import UploadFile
from starlette.responses import Response

from api.admin.accounts import ONE, account_of, where
from api.admin.acting import ADMINS, LINES, LOOKERS, Search, act
from api.dashboard.identity import Chosen
from api.dashboard.lists import Filters
from api.dashboard.viewer import go, member
from api.fields import Body, Moment, instant_of
from api.web.page import Facts, PageContext, Pages
from db import decks
from db.tariffs import PUBLIC
from telephony.admin import tariffs as deeds
from telephony.billing.decks import files
from telephony.billing.decks.changes import KINDS, Changes
from telephony.billing.decks.importer import Order
from telephony.billing.decks.reader import DeckError
from telephony.billing.decks.shown import told
from telephony.clock import SECOND, Instant, rfc3339
from telephony.errors import NotFoundError
from telephony.users.problems import bad

page = Pages()
HERE = "/admin/tariffs"
FORM_BYTES_MAX = deeds.BYTES_MAX + 64 * 1024
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$")]
Currency = Annotated[str, Field(pattern="^([A-Z]{3})?$")]


class VersionsQuery(Filters):
    """A part of the name of price lists, and the place in the list."""

    search: Search = ""
    cursor: str = Field("", pattern=r"^[0-9]{1,16}:[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$")

    @property
    def after(self) -> tuple[str, int] | None:
        """The version that the list goes on behind."""
        valid_from, _, name = self.cursor.partition(":")
        return (name, int(valid_from)) if self.cursor else None


class ExportQuery(Body):
    """A price list at an instant; by default the public one, now."""

    name: Name = PUBLIC
    at: Moment | None = None


class OrderForm(Body):
    """Which list gets a version, and from when on; empty: from now on."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    name: Name
    currency: Currency = ""
    valid_from: str = Field("", max_length=40)


class CompareForm(OrderForm):
    """The list as a file."""

    file: Chosen = None


class ImportForm(OrderForm):
    """The file that was compared."""

    file: str = Field(max_length=40)


class OwnRatesQuery(Body):
    """From behind a prefix on."""

    cursor: str = Field("", pattern="^[0-9]{0,15}$")


class AssignForm(Body):
    """The price list that an account buys by."""

    name: Name


class OverrideForm(Body):
    """Rates of an account's own as a file."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    file: Chosen = None


async def _tariffs(context: PageContext, given: VersionsQuery | None = None) -> Facts:
    given = given or VersionsQuery()
    found = await decks.page_of_versions(
        context.db, limit=LINES + 1, search=given.search.strip(), after=given.after
    )
    rows, last = found[:LINES], found[LINES - 1] if len(found) > LINES else None
    return {
        "versions": [row | {"at": rfc3339(row["valid_from"] + SECOND)} for row in rows],
        "now": context.now, "query": {"search": given.search} if given.search else {},
        "at_first": not given.cursor,
        "next_cursor": f"{last['valid_from']}:{last['name']}" if last else None,
    }  # fmt: skip


@page("GET", HERE, roles=LOOKERS, takes=VersionsQuery, template="admin/tariffs.html")
async def list_tariffs(context: PageContext, given: VersionsQuery) -> Facts:
    """Versions of price lists, the newest of each first, those to come as well."""
    return await _tariffs(context, given)


@page("GET", f"{HERE}.csv", roles=LOOKERS, takes=ExportQuery)
async def export_tariff(context: PageContext, given: ExportQuery) -> Response:
    """A version as a file that can be imported again."""
    out = io.StringIO()
    try:
        await files.export(context.db, given.name, given.at or context.now, out)
    except DeckError as error:
        raise NotFoundError(f"{error}.") from error
    headers = {"Content-Disposition": f'attachment; filename="{given.name}.csv"'}
    return Response(out.getvalue(), 200, headers, "text/csv; charset=utf-8")


@page("POST", f"{HERE}/compare", roles=ADMINS, confirm=True, takes=CompareForm,
      bytes_max=FORM_BYTES_MAX, template="admin/tariffs.html", again=_tariffs)  # fmt: skip
async def compare_tariff(context: PageContext, given: CompareForm) -> Facts:
    """What the file would change; nothing is imported yet."""
    content = await _content(given.file)
    order = Order(given.name, _from(given.valid_from, context.now), given.currency)
    changes, file_id = await deeds.compare(
        context.db, context.vault, member(context), order, content, context.now
    )
    return {**await _tariffs(context), "order": order, "file": file_id, "changes": changes,
            "begins": rfc3339(order.valid_from), "kinds": _kinds(changes)}  # fmt: skip


@page("POST", f"{HERE}/import", roles=ADMINS, confirm=True, takes=ImportForm,
      template="admin/tariffs.html", again=_tariffs)  # fmt: skip
async def import_tariff(context: PageContext, given: ImportForm) -> Response:
    """Make what was compared a version of the list."""
    order = Order(given.name, _from(given.valid_from, context.now), given.currency)
    await deeds.carry_in(
        context.db, context.vault, member(context), order, given.file, context.now
    )  # fmt: skip
    return go(HERE)


async def _rates(context: PageContext, cursor: str = "") -> Facts:
    row = await account_of(context)
    found = await decks.own_rates(context.db, row["id"], cursor, LINES + 1)
    return {"account": row, "rates": found[:LINES], "at_first": not cursor,
            "choices": [(one, one) for one in await decks.names(context.db, row["currency"])],
            "next_cursor": found[LINES - 1]["prefix"] if len(found) > LINES else None}  # fmt: skip


@page("GET", f"{ONE}/rates", roles=ADMINS, takes=OwnRatesQuery, template="admin/rates.html")
async def show_rates(context: PageContext, given: OwnRatesQuery) -> Facts:
    """What an account buys by, and what it pays instead."""
    return await _rates(context, given.cursor)


@page("POST", f"{ONE}/rates/list", roles=ADMINS, confirm=True, takes=AssignForm,
      template="admin/rates.html", again=_rates)  # fmt: skip
async def assign_tariff(context: PageContext, given: AssignForm) -> Response:
    """Another price list from now on."""
    try:
        await act(context, deeds.assign, context.path["id"], given.name)
    except DeckError as error:
        raise bad("name", "invalid", f"Not set: {error}.") from error
    return go(f"{where(context)}/rates")


@page("POST", f"{ONE}/rates", roles=ADMINS, confirm=True, takes=OverrideForm,
      bytes_max=FORM_BYTES_MAX, template="admin/rates.html", again=_rates)  # fmt: skip
async def override_rates(context: PageContext, given: OverrideForm) -> Response:
    """Rates of its own, in place of those that it had."""
    rates = await asyncio.to_thread(deeds.rates_of, await _content(given.file))
    await act(context, deeds.override, context.path["id"], rates)
    return go(f"{where(context)}/rates")


async def _content(file: UploadFile | None) -> bytes:
    if file is None:
        raise bad("file", "missing", "Choose a CSV file.")
    return await file.read()


def _from(text: str, now: Instant) -> Instant:
    if not text.strip():
        return now
    try:
        return instant_of(text)
    except ValueError as error:
        raise bad("valid_from", "invalid", "Write a date such as 2027-01-31.") from error


def _kinds(changes: Changes) -> list[dict[str, object]]:
    return [
        {"kind": kind, "count": changes.counts[kind], "first": list(map(told, changes.first[kind]))}
        for kind in KINDS
    ]
