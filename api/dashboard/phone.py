"""One SIP account: what it is, its secret, how a phone is set up with it."""

import asyncio
from urllib.parse import quote

from starlette.responses import Response

from api.dashboard.forms import Text
from api.dashboard.lists import ModeQuery
from api.dashboard.live import live
from api.dashboard.offered import shown_numbers
from api.dashboard.phone_forms import CODECS, LIMITS, TRANSPORTS, NewPhoneForm, PhoneForm
from api.dashboard.phones import BUILDERS, HERE, LOOKERS
from api.dashboard.viewer import go, member
from api.fields import Body
from api.v1.sip_accounts import columns_of, read
from api.web.page import Facts, PageContext, Pages
from api.web.templates import render
from db import sip
from db.connection import Row
from telephony.errors import NotFoundError
from telephony.users import phones
from telephony.users.phones import WithSecret
from telephony.users.roles import Right
from telephony.voice import phone_link, phone_setup

page = Pages()
ONE = f"{HERE}/{{id}}"


class StatusForm(Body):
    """Let it work, or not."""

    status: Text


async def _choices(context: PageContext) -> Facts:
    me = member(context)
    numbers, more = await shown_numbers(context, "live")
    return {
        "numbers": numbers, "more_numbers": more,
        "transports": TRANSPORTS, "codecs": CODECS, "limits": LIMITS,
        "builds": Right.build in me.rights, "mode": ModeQuery().mode_for(context),
    }  # fmt: skip


@page("GET", f"{HERE}/new", roles=BUILDERS, template="dashboard/phone_new.html")
async def new_phone(context: PageContext, _: None) -> Facts:
    """The form of a new one."""
    return await _choices(context)


@page("POST", f"{HERE}/new", roles=BUILDERS, confirm=True, takes=NewPhoneForm,
      template="dashboard/phone_new.html", again=_choices)  # fmt: skip
async def make_phone(context: PageContext, given: NewPhoneForm) -> Response:
    """Make it, and show its secret this once."""
    made = await context.db.write(
        phones.create, context.vault, context.settings, member(context), given.mode,
        given.username, columns_of(given), context.now,
    )  # fmt: skip
    return _shown(context, made, new=True)


async def _phone(context: PageContext) -> Facts:
    account_id, name = member(context).account_id, context.path["id"]
    row = await _row(context)
    setup = phone_setup.phone_setup(row, context.settings)
    link = phone_link.new_link(row, False, context.now).token(context.vault, row)
    return {
        "one": await read(context.db, account_id, name), "setup": setup,
        "linphone": phone_setup.linphone(setup), "zoiper": phone_setup.zoiper(setup),
        "baresip": phone_setup.baresip(setup), **await _choices(context),
        "qr": await _picture(phone_link.url(context.settings, link)),
    }  # fmt: skip


async def _row(context: PageContext) -> Row:
    row = await sip.find(context.db, member(context).account_id, context.path["id"])
    if row is None:
        raise NotFoundError
    return row


async def _picture(url: str) -> str:
    """A QR code as a data URI; made in a thread, since it takes 10 ms or more."""
    return "data:image/svg+xml," + quote(await asyncio.to_thread(phone_link.qr_svg, url))


@page("GET", ONE, roles=LOOKERS, template="dashboard/phone.html")
async def show_phone(context: PageContext, _: None) -> Facts:
    """Options, set-up and state of one."""
    return await _phone(context)


@page("GET", f"{ONE}/live", roles=LOOKERS)
async def live_phone(context: PageContext, _: None) -> Response:
    """Its state as it changes."""
    account_id, name = (await _row(context))["account_id"], context.path["id"]

    async def facts() -> Facts:
        return {"one": await read(context.db, account_id, name)}

    return live(context, "dashboard/phone_state.html", facts)


@page("POST", ONE, roles=BUILDERS, takes=PhoneForm, template="dashboard/phone.html",
      again=_phone)  # fmt: skip
async def change_phone(context: PageContext, given: PhoneForm) -> Response:
    """Other options, in force within moments."""
    await context.db.write(
        phones.change, member(context), context.path["id"], columns_of(given), context.now
    )
    return go(_here(context))


@page("POST", f"{ONE}/status", roles=BUILDERS, takes=StatusForm,
      template="dashboard/phone.html", again=_phone)  # fmt: skip
async def set_phone_status(context: PageContext, given: StatusForm) -> Response:
    """Suspend it, or let it work again."""
    status = "suspended" if given.status == "suspended" else "active"
    await context.db.write(
        phones.change, member(context), context.path["id"], {"status": status}, context.now
    )
    return go(_here(context))


@page("POST", f"{ONE}/secret", roles=BUILDERS, confirm=True, template="dashboard/phone.html",
      again=_phone)  # fmt: skip
async def new_phone_secret(context: PageContext, _: None) -> Response:
    """Another secret, shown this once."""
    made = await context.db.write(
        phones.new_secret, context.vault, context.settings, member(context), context.path["id"],
        context.now,
    )  # fmt: skip
    return _shown(context, made)


@page("POST", f"{ONE}/link", roles=BUILDERS, confirm=True, template="dashboard/phone.html",
      again=_phone)  # fmt: skip
async def phone_sign_in_code(context: PageContext, _: None) -> Response:
    """A QR code that signs a phone in, too."""
    row, link = await context.db.write(
        phones.sign_in_link, member(context), context.path["id"], context.now
    )
    url = phone_link.url(context.settings, link.token(context.vault, row))
    answer = render(context.request, "dashboard/phone_link.html", one=row, url=url,
                    qr=await _picture(url), expires_at=link.expires_at)  # fmt: skip
    answer.headers["Cache-Control"] = "no-store"
    return answer


@page("POST", f"{ONE}/delete", roles=BUILDERS, template="dashboard/phone.html", again=_phone)
async def delete_phone(context: PageContext, _: None) -> Response:
    """Take it away."""
    await context.db.write(phones.delete, member(context), context.path["id"], context.now)
    return go(HERE)


def _here(context: PageContext) -> str:
    return f"{HERE}/{quote(context.path['id'], safe='')}"


def _shown(context: PageContext, made: WithSecret, new: bool = False) -> Response:
    setup = phone_setup.phone_setup(made.row, context.settings)
    answer = render(context.request, "dashboard/phone_secret.html", one=made.row, setup=setup,
                    secret=made.secret, new=new)  # fmt: skip
    answer.headers["Cache-Control"] = "no-store"
    return answer
