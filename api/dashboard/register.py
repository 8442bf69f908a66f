"""Opening an account, setting a new password, accepting an invitation: all by links in mails. A
link's page is looked at without using it up, since mail programs open links, too."""

from starlette.responses import Response

from api.dashboard.forms import EmailForm, JoinForm, NewPasswordForm, OpenForm
from api.dashboard.viewer import (
    HOME,
    address_of,
    gate,
    go,
    let_in,
    member,
    origin,
    post,
    rotated,
)
from api.web.page import Facts, PageContext, Pages
from db import users
from telephony.users import mail_limits, register, sign_in, team, tokens
from telephony.users.emails import normal
from telephony.users.passwords import LENGTHS
from telephony.users.roles import SHOWN, USER

page = Pages()


async def _again(context: PageContext) -> Facts:
    return {}


@page("GET", "/register", template="dashboard/register.html")
async def ask_register(context: PageContext, _: None) -> Facts:
    """The address to which a link goes."""
    return {}


@page("POST", "/register", template="dashboard/register.html", takes=EmailForm, again=_again)
async def do_ask_register(context: PageContext, given: EmailForm) -> Response:
    """Mail the link; the answer is the same for everybody."""
    await _mail(context, register.ask, given.email)
    return go("/mailed")


@page("GET", "/reset", template="dashboard/reset.html")
async def ask_reset(context: PageContext, _: None) -> Facts:
    """The address whose password was forgotten."""
    return {}


@page("POST", "/reset", template="dashboard/reset.html", takes=EmailForm, again=_again)
async def do_ask_reset(context: PageContext, given: EmailForm) -> Response:
    """Mail the link, if there is somebody; the answer is the same for everybody."""
    await _mail(context, register.ask_reset, given.email)
    return go("/mailed")


async def _mail(context: PageContext, deed: mail_limits.Ask, email: str) -> None:
    await context.db.write(
        mail_limits.within, deed, post(context), normal(email), address_of(context.request),
        context.now,
    )  # fmt: skip


@page("GET", "/mailed", template="dashboard/mailed.html")
async def mailed(context: PageContext, _: None) -> Facts:
    """Look into your mail."""
    return {}


async def _open_again(context: PageContext) -> Facts:
    return await _link(context, "register")


async def _link(context: PageContext, kind: str) -> Facts:
    row = await tokens.look(context.db, kind, context.path["token"], context.now)
    return {"email": row["email"], "shortest": LENGTHS[0]}


@page("GET", "/register/{token}", template="dashboard/open.html")
async def open_account(context: PageContext, _: None) -> Facts:
    """Name, company and password of a new account."""
    return await _link(context, "register")


@page("POST", "/register/{token}", template="dashboard/open.html", takes=OpenForm,
      again=_open_again)  # fmt: skip
async def do_open_account(context: PageContext, given: OpenForm) -> Response:
    """Open the account, and let its owner in."""
    email = (await _link(context, "register"))["email"]
    hashed = await gate(context).hasher.checked(given.password, email, given.name)
    user = await context.db.write(
        register.open_account, post(context), context.path["token"], given.name, given.company,
        hashed, address_of(context.request), context.now, play_money=context.settings.play_money,
    )  # fmt: skip
    found = await context.db.write(
        sign_in.let_in, context.vault, user, "password", origin(context), context.now
    )
    return let_in(context, found, HOME)


async def _reset_again(context: PageContext) -> Facts:
    return await _link(context, "reset")


@page("GET", "/reset/{token}", template="dashboard/new_password.html")
async def reset(context: PageContext, _: None) -> Facts:
    """A new password."""
    return await _link(context, "reset")


@page("POST", "/reset/{token}", template="dashboard/new_password.html", takes=NewPasswordForm,
      again=_reset_again)  # fmt: skip
async def do_reset(context: PageContext, given: NewPasswordForm) -> Response:
    """Set it; then its owner signs in, with a code where one is set up."""
    email = (await _link(context, "reset"))["email"]
    hashed = await gate(context).hasher.checked(given.password, email)
    await context.db.write(
        register.reset, post(context), context.path["token"], hashed,
        address_of(context.request), context.now,
    )  # fmt: skip
    return go("/sign-in")


async def _join_again(context: PageContext) -> Facts:
    row = await tokens.look(context.db, "invitation", context.path["token"], context.now)
    there = await users.by_email(context.db, row["email"]) is not None
    return {"email": row["email"], "role": SHOWN[row["role"]], "account": row["account"],
            "there": there, "shortest": LENGTHS[0]}  # fmt: skip


@page("GET", "/invitation/{token}", template="dashboard/invitation.html")
async def invitation(context: PageContext, _: None) -> Facts:
    """Who invites, and to what."""
    return await _join_again(context)


@page("POST", "/invitation/{token}", template="dashboard/invitation.html", takes=JoinForm,
      again=_join_again)  # fmt: skip
async def do_join(context: PageContext, given: JoinForm) -> Response:
    """A new user joins the account."""
    email = (await _join_again(context))["email"]
    hashed = await gate(context).hasher.checked(given.password, email, given.name)
    user, account_id = await context.db.write(
        team.accept_new, context.path["token"], given.name, hashed, address_of(context.request),
        context.now,
    )  # fmt: skip
    found = await context.db.write(
        sign_in.let_in, context.vault, user, "password", origin(context), context.now, account_id
    )
    return let_in(context, found, HOME)


@page("POST", "/invitation/{token}/accept", roles=(USER,), template="dashboard/invitation.html",
      again=_join_again)  # fmt: skip
async def do_accept(context: PageContext, _: None) -> Response:
    """Somebody who is signed in joins the account."""
    token = await context.db.write(team.accept, member(context), context.path["token"], context.now)
    return rotated(context, token, HOME)
