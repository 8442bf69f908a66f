"""Sender ids that an account has asked for, and who has opted out of its messages."""

from collections.abc import AsyncIterator, Callable
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field
from starlette.responses import Response

from api.dashboard.forms import Text
from api.dashboard.lists import MODES, Filters, Mode, ModeQuery, as_csv, mode_of_form, shown_query
from api.dashboard.messages import BUILDERS, LOOKERS
from api.dashboard.messages import HERE as MESSAGES
from api.dashboard.offered import shown_numbers
from api.dashboard.viewer import go, member
from api.fields import Body, Number, Time
from api.v1.sms import number_or_name
from api.web.page import Facts, PageContext, Pages
from db import sms_accounts
from db.connection import Row
from telephony.users import senders, texting
from telephony.users.roles import Right

page = Pages()
HERE = f"{MESSAGES}/senders"
OPT_OUTS = f"{MESSAGES}/opt-outs"
ROWS = 50
ROWS_PER_READ = 500
START = ("", "")


class SenderForm(Body):
    """A name or short code."""

    sender: Text


async def _senders(context: PageContext) -> Facts:
    me = member(context)
    rows = await sms_accounts.senders_of(context.db, me.account_id)
    offers = [await shown_numbers(context, mode) for mode in MODES]
    numbers = [number for offer in offers for number, _ in offer.options]
    names = [row["sender"] for row in rows if row["status"] == "approved"]
    return {
        "senders": rows, "builds": Right.build in me.rights,
        "usable": sorted({*numbers, *names}), "more": any(one.more for one in offers),
        "default": await sms_accounts.default_sender(context.db, me.account_id),
    }  # fmt: skip


@page("GET", HERE, roles=LOOKERS, template="dashboard/senders.html")
async def show_senders(context: PageContext, _: None) -> Facts:
    """The sender ids of the account and what became of each."""
    return await _senders(context)


@page("POST", HERE, roles=BUILDERS, takes=SenderForm, template="dashboard/senders.html",
      again=_senders)  # fmt: skip
async def request_sender(context: PageContext, given: SenderForm) -> Response:
    """Ask for one."""
    await context.db.write(senders.request, member(context), given.sender.strip(), context.now)
    return go(HERE)


@page("POST", f"{HERE}/give-up", roles=BUILDERS, takes=SenderForm,
      template="dashboard/senders.html", again=_senders)  # fmt: skip
async def give_sender_up(context: PageContext, given: SenderForm) -> Response:
    """Messages show it no longer."""
    await context.db.write(senders.give_up, member(context), given.sender, context.now)
    return go(HERE)


@page("POST", f"{HERE}/default", roles=BUILDERS, takes=SenderForm,
      template="dashboard/senders.html", again=_senders)  # fmt: skip
async def set_default_sender(context: PageContext, given: SenderForm) -> Response:
    """What messages show that name no sender."""
    await context.db.write(texting.choose_default, member(context), given.sender, context.now)
    return go(HERE)


def _plus(text: object) -> object:
    """A raw + in a query string arrives as a blank."""
    return f"+{text[1:]}" if isinstance(text, str) and text.startswith(" ") else text


class OptOutsQuery(ModeQuery):
    """`search` is the whole number of a recipient, `cursor` the last line of the page before."""

    sender: Annotated[str, Field(max_length=32)] | None = None
    search: Annotated[Number | None, BeforeValidator(_plus)] = None
    cursor: Annotated[str, Field(max_length=64, pattern="^[^~]*~[^~]*$")] | None = None

    def after(self) -> tuple[str, str]:
        """The place in the list."""
        sender, _, recipient = (self.cursor or "~").partition("~")
        return sender, recipient


class OptOutForm(Filters):
    """Who wants nothing more, from whom."""

    mode: Mode
    sender: Annotated[str, Field(max_length=32), AfterValidator(number_or_name)]
    recipient: Number


class OptOutLine(BaseModel):
    """A line of the file."""

    recipient: str
    sender: str
    keyword: str
    at: Time


async def _opt_outs(context: PageContext, given: OptOutsQuery) -> Facts:
    me, mode = member(context), given.mode_for(context)
    known = await sms_accounts.opt_out_senders(context.db, me.account_id, mode)
    found = await _read(context, given, known, given.after(), ROWS + 1)
    rows = found[:ROWS]
    return {
        "mode": mode, "rows": rows, "senders": known, "query": shown_query(context, mode),
        "next_cursor": _cursor(rows[-1]) if len(found) > ROWS else None,
        "at_first": given.cursor is None, "builds": Right.build in me.rights,
    }  # fmt: skip


def _cursor(row: Row) -> str:
    return f"{row['sender']}~{row['recipient']}"


async def _read(
    context: PageContext, given: OptOutsQuery, known: list[str], after: tuple[str, str], limit: int
) -> list[Row]:
    me = member(context)
    mode, wanted = given.mode_for(context), [given.sender] if given.sender else known
    if given.search:
        return await sms_accounts.opt_outs_of(context.db, me.account_id, mode, wanted, given.search)
    return await sms_accounts.opt_outs(context.db, me.account_id, mode, given.sender, after, limit)


@page("GET", OPT_OUTS, roles=LOOKERS, takes=OptOutsQuery, template="dashboard/opt_outs.html")
async def show_opt_outs(context: PageContext, given: OptOutsQuery) -> Facts:
    """Who wants nothing more, and from which sender."""
    return await _opt_outs(context, given)


@page("GET", f"{OPT_OUTS}.csv", roles=LOOKERS, takes=OptOutsQuery)
async def opt_outs_csv(context: PageContext, given: OptOutsQuery) -> Response:
    """All that the filters find."""
    return as_csv("opt-outs.csv", OptOutLine, _pages(context, given), _line)


async def _pages(context: PageContext, given: OptOutsQuery) -> AsyncIterator[list[Row]]:
    me = member(context)
    known = await sms_accounts.opt_out_senders(context.db, me.account_id, given.mode_for(context))
    rows = await _read(context, given, known, START, ROWS_PER_READ)
    while rows:
        yield rows
        after = rows[-1]["sender"], rows[-1]["recipient"]
        rows = [] if given.search else await _read(context, given, known, after, ROWS_PER_READ)


def _line(row: Row) -> OptOutLine:
    return OptOutLine(**{name: row[name] for name in OptOutLine.model_fields})


async def _opt_outs_again(context: PageContext) -> Facts:
    return await _opt_outs(context, OptOutsQuery(mode=mode_of_form(context)))


@page("POST", OPT_OUTS, roles=BUILDERS, takes=OptOutForm, template="dashboard/opt_outs.html",
      again=_opt_outs_again)  # fmt: skip
async def add_opt_out(context: PageContext, given: OptOutForm) -> Response:
    """Note an opt-out that came by another way than a message."""
    return await _do(context, senders.opt_out, given)


@page("POST", f"{OPT_OUTS}/remove", roles=BUILDERS, takes=OptOutForm,
      template="dashboard/opt_outs.html", again=_opt_outs_again)  # fmt: skip
async def remove_opt_out(context: PageContext, given: OptOutForm) -> Response:
    """Forget one, since the recipient has asked for messages again."""
    return await _do(context, senders.opt_in, given)


async def _do(context: PageContext, deed: Callable[..., None], given: OptOutForm) -> Response:
    await context.db.write(
        deed, member(context), given.mode, given.sender, given.recipient, context.now
    )
    return go(f"{OPT_OUTS}?mode={given.mode}")
