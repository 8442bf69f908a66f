"""How the user signs in: password, two-factor sign-in, passkeys, sessions."""

import segno
from starlette.responses import Response

from api.dashboard.forms import AddPasskeyForm, IdForm, NewPasswordForm, TotpForm
from api.dashboard.viewer import gate, go, keep, member, post, rotated, signed_out
from api.web.page import Facts, PageContext, Pages
from api.web.templates import render
from db import audit_log, credentials, users
from telephony.users import passkeys, sessions, totp
from telephony.users.passkeys import Site
from telephony.users.password_change import change_password
from telephony.users.passwords import LENGTHS
from telephony.users.roles import USER

page = Pages()
HERE = "/dashboard/security"
ACTS_SHOWN = 10


@page("GET", HERE, roles=(USER,), template="dashboard/security.html")
async def security(context: PageContext, _: None) -> Facts:
    """Everything at one glance."""
    return await _facts(context)


async def _facts(context: PageContext) -> Facts:
    me = member(context)
    return {
        "passkeys": await credentials.passkeys(context.db, me.user_id),
        "sessions": await sessions.listed(context.db, me.user_id, context.now),
        "codes_left": await credentials.codes_left(context.db, me.user_id),
        "acts": await audit_log.about(context.db, me.user_id, ACTS_SHOWN),
        "site": Site.of(context.settings), "shortest": LENGTHS[0],
    }  # fmt: skip


@page("POST", f"{HERE}/password", roles=(USER,), confirm=True, takes=NewPasswordForm,
      template="dashboard/security.html", again=_facts)  # fmt: skip
async def set_password(context: PageContext, given: NewPasswordForm) -> Response:
    """Another password; the other sessions end."""
    me = member(context)
    hashed = await gate(context).hasher.checked(given.password, me.email, me.name)
    token = await context.db.write(change_password, post(context), me, hashed, context.now)
    return rotated(context, token, HERE)


@page("POST", f"{HERE}/sessions/end", roles=(USER,), takes=IdForm)
async def end_session(context: PageContext, given: IdForm) -> Response:
    """Sign out elsewhere, or here."""
    me = member(context)
    await context.db.write(sessions.end, me, given.id, context.now)
    return signed_out(context, "/sign-in") if given.id == me.session_id else go(HERE)


@page("POST", f"{HERE}/sessions/end-others", roles=(USER,))
async def end_other_sessions(context: PageContext, _: None) -> Response:
    """Sign out everywhere else."""
    await context.db.write(sessions.end_others, member(context), context.now)
    return go(HERE)


async def _two_factor(context: PageContext) -> Facts:
    me = member(context)
    secret = totp.pending(context.vault, await context.db.write(users.by_id, me.user_id))
    uri = totp.uri(secret, me.email) if secret else ""
    picture = segno.make(uri, error="m").svg_data_uri(scale=5, border=2) if uri else ""
    return {"secret": secret, "qr": picture}


@page("GET", f"{HERE}/two-factor", roles=(USER,), confirm=True,
      template="dashboard/two_factor.html")  # fmt: skip
async def two_factor(context: PageContext, _: None) -> Facts:
    """What to scan, while two-factor sign-in is being set up."""
    return await _two_factor(context)


@page("POST", f"{HERE}/two-factor/start", roles=(USER,), confirm=True)
async def start_two_factor(context: PageContext, _: None) -> Response:
    """A secret for the app."""
    await context.db.write(totp.enrol, context.vault, member(context), context.now)
    return go(f"{HERE}/two-factor")


@page("POST", f"{HERE}/two-factor", roles=(USER,), confirm=True, takes=TotpForm,
      template="dashboard/two_factor.html", again=_two_factor)  # fmt: skip
async def confirm_two_factor(context: PageContext, given: TotpForm) -> Response:
    """Switch it on, and show the recovery codes this once."""
    token, codes = await context.db.write(
        totp.confirm, context.vault, member(context), given.code, context.now
    )
    answer = render(context.request, "dashboard/codes.html", codes=codes)
    keep(context, answer, token)
    return answer


@page("POST", f"{HERE}/two-factor/off", roles=(USER,), confirm=True)
async def end_two_factor(context: PageContext, _: None) -> Response:
    """Switch it off."""
    token = await context.db.write(totp.disable, member(context), context.now)
    return rotated(context, token, HERE)


@page("POST", f"{HERE}/codes", roles=(USER,), confirm=True, template="dashboard/codes.html")
async def renew_codes(context: PageContext, _: None) -> Facts:
    """New recovery codes, shown this once."""
    me = member(context)
    return {"codes": await context.db.write(totp.renew_codes, context.vault, me, context.now)}


@page("POST", f"{HERE}/passkeys/options", roles=(USER,), confirm=True)
async def new_passkey_options(context: PageContext, _: None) -> Response:
    """What the browser needs to make a passkey, as JSON."""
    me, site = member(context), Site.of(context.settings)
    held = await credentials.passkeys(context.db, me.user_id)
    options = await context.db.write(passkeys.add_options, site, me, held, context.now)
    return Response(options, media_type="application/json")


@page("GET", f"{HERE}/passkeys/new", roles=(USER,), confirm=True,
      template="dashboard/new_passkey.html")  # fmt: skip
async def new_passkey(context: PageContext, _: None) -> Facts:
    """How a new passkey is called."""
    return {"site": Site.of(context.settings)}


async def _new_passkey(context: PageContext) -> Facts:
    return {"site": Site.of(context.settings)}


@page("POST", f"{HERE}/passkeys", roles=(USER,), confirm=True, takes=AddPasskeyForm,
      template="dashboard/new_passkey.html", again=_new_passkey)  # fmt: skip
async def add_passkey(context: PageContext, given: AddPasskeyForm) -> Response:
    """Keep the passkey."""
    await context.db.write(
        passkeys.add, post(context), Site.of(context.settings), member(context), given.name,
        given.answer, context.now,
    )  # fmt: skip
    return go(HERE)


@page("POST", f"{HERE}/passkeys/remove", roles=(USER,), confirm=True, takes=IdForm)
async def remove_passkey(context: PageContext, given: IdForm) -> Response:
    """Forget a passkey."""
    me = member(context)
    await context.db.write(passkeys.remove, post(context), me, given.id, context.now)
    return go(HERE)
