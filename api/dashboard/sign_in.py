"""Signing in and out: password, code, passkey."""

from urllib.parse import urlencode

from starlette.responses import Response

from api.dashboard.forms import CodeForm, NextQuery, PasskeyForm, PasswordForm
from api.dashboard.viewer import (
    KNOWN,
    end_present,
    gate,
    go,
    let_in,
    local,
    origin,
    post,
    signed_out,
)
from api.web import cookies
from api.web.page import Facts, PageContext, Pages
from telephony.users import passkeys
from telephony.users.passkeys import Site
from telephony.users.roles import USER
from telephony.users.sign_in import SecondFactorNeeded
from telephony.users.tokens import LIFE_SECONDS

page = Pages()
WAITING = "sign_in"
"""The cookie of a sign-in whose password was right and whose code is missing."""


async def _again(context: PageContext) -> Facts:
    return {"next": context.values.get("next", ""), "site": Site.of(context.settings)}


@page("GET", "/sign-in", template="dashboard/sign_in.html", takes=NextQuery)
async def sign_in(context: PageContext, given: NextQuery) -> Facts | Response:
    """Email and password, or a passkey."""
    if context.viewer is not None:
        return go(local(given.next))
    return {"next": given.next, "site": Site.of(context.settings)}


@page("POST", "/sign-in", template="dashboard/sign_in.html", takes=PasswordForm, again=_again)
async def sign_in_by_password(context: PageContext, given: PasswordForm) -> Response:
    """Let in by password, or ask for a code."""
    known = cookies.read(context.request, KNOWN)
    found = await gate(context).by_password(
        given.email, given.password, origin(context), known, context.now
    )
    if isinstance(found, SecondFactorNeeded):
        answer = go(f"/sign-in/code?{urlencode({'next': local(given.next)})}")
        cookies.write(answer, context.settings, WAITING, found.token,
                      LIFE_SECONDS["second_factor"])  # fmt: skip
        return answer
    await end_present(context, context.now)
    return let_in(context, found, local(given.next))


@page("GET", "/sign-in/code", template="dashboard/code.html", takes=NextQuery)
async def sign_in_code(context: PageContext, given: NextQuery) -> Facts | Response:
    """The code of an app, or a recovery code."""
    if not cookies.read(context.request, WAITING):
        return go("/sign-in")
    return {"next": given.next}


@page("POST", "/sign-in/code", template="dashboard/code.html", takes=CodeForm, again=_again)
async def sign_in_by_code(context: PageContext, given: CodeForm) -> Response:
    """Let in by the second factor."""
    token = cookies.read(context.request, WAITING)
    found = await gate(context).by_code(token, given.code, origin(context), context.now)
    await end_present(context, context.now)
    answer = let_in(context, found, local(given.next))
    cookies.forget(answer, context.settings, WAITING)
    return answer


@page("POST", "/sign-in/passkey/options")
async def passkey_options(context: PageContext, _: None) -> Response:
    """What the browser needs to ask for a passkey, as JSON."""
    site = Site.of(context.settings)
    options = await context.db.write(passkeys.use_options, site, context.now)
    return Response(options, media_type="application/json")


@page("POST", "/sign-in/passkey", template="dashboard/sign_in.html", takes=PasskeyForm,
      again=_again)  # fmt: skip
async def sign_in_by_passkey(context: PageContext, given: PasskeyForm) -> Response:
    """Let in by a passkey."""
    site = Site.of(context.settings)
    found = await context.db.write(
        passkeys.sign_in, post(context), site, given.answer, origin(context), context.now
    )
    await end_present(context, context.now)
    return let_in(context, found, local(given.next))


@page("POST", "/sign-out", roles=(USER,), looking=True)
async def sign_out(context: PageContext, _: None) -> Response:
    """End the present session."""
    await end_present(context, context.now)
    return signed_out(context, "/sign-in")
