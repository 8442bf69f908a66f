"""Confirming to be the one who signed in, before keys, money and roles are touched."""

from starlette.responses import Response

from api.dashboard.forms import ConfirmForm, NextQuery, PasskeyForm
from api.dashboard.viewer import gate, go, local, member, rotated
from api.web.page import Facts, PageContext, Pages
from telephony.users import passkeys
from telephony.users.passkeys import Site
from telephony.users.roles import USER

page = Pages()


async def _again(context: PageContext) -> Facts:
    return {"next": context.values.get("next", ""), "site": Site.of(context.settings)}


@page("GET", "/confirm", roles=(USER,), template="dashboard/confirm.html", takes=NextQuery)
async def confirm(context: PageContext, given: NextQuery) -> Facts | Response:
    """The password again, or a passkey."""
    if member(context).confirmed(context.now):
        return go(local(given.next))
    return {"next": given.next, "site": Site.of(context.settings)}


@page("POST", "/confirm", roles=(USER,), looking=True, template="dashboard/confirm.html",
      takes=ConfirmForm, again=_again)  # fmt: skip
async def confirm_by_password(context: PageContext, given: ConfirmForm) -> Response:
    """Go on where the confirmation was asked for."""
    token = await gate(context).confirm(member(context), given.password, context.now)
    return rotated(context, token, local(given.next))


@page("POST", "/confirm/passkey", roles=(USER,), looking=True, template="dashboard/confirm.html",
      takes=PasskeyForm, again=_again)  # fmt: skip
async def confirm_by_passkey(context: PageContext, given: PasskeyForm) -> Response:
    """The same by a passkey."""
    site = Site.of(context.settings)
    token = await context.db.write(
        passkeys.confirm, site, member(context), given.answer, context.now
    )
    return rotated(context, token, local(given.next))
