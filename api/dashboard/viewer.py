"""Who is signed in: the session's cookie, and what answers do to it."""

from typing import cast

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api.web import cookies, csrf
from api.web.page import PageContext
from db import sessions as stored
from telephony.clock import Instant, now
from telephony.users import sessions
from telephony.users.mails import Post
from telephony.users.sessions import LIFE_SECONDS_MAX, Member, Origin
from telephony.users.sign_in import SignedIn, SignIn
from telephony.users.slowing import KNOWN_SECONDS

SESSION = "session"
KNOWN = "known"
HOME = "/dashboard"


async def viewer_of(request: Request) -> Member | None:
    """The member whose session the browser shows, None for nobody."""
    token = cookies.read(request, SESSION)
    if not token:
        return None
    at, db = now(), request.app.state.db
    member = await sessions.member(db, token, address_of(request), at)
    if member and member.seen_is_news(at):
        await db.write(stored.touch, member.session_id, at, member.address)
    return member


def member(context: PageContext) -> Member:
    """The viewer of a page that is not public."""
    return cast(Member, context.viewer)


def address_of(request: Request) -> str:
    """The address of the browser, also behind proxies that are trusted."""
    return str(request.app.state.proxies.client(request))


def origin(context: PageContext) -> Origin:
    """Where a sign-in comes from."""
    agent = context.request.headers.get("user-agent", "")
    return Origin(address_of(context.request), agent)


def gate(context: PageContext) -> SignIn:
    """What passwords and codes are brought to; one for each process."""
    return cast(SignIn, context.request.app.state.sign_in)


def post(context: PageContext) -> Post:
    """What mails are made with."""
    return Post.of(context.vault, context.settings)


def let_in(context: PageContext, found: SignedIn, target: str) -> Response:
    """Give the browser its session, note that it is known, and go on."""
    answer = rotated(context, found.token, target)
    cookies.write(answer, context.settings, KNOWN, found.known, KNOWN_SECONDS)
    csrf.renew(answer, context.request)
    return answer


def rotated(context: PageContext, token: str, target: str) -> Response:
    """Give the browser the new token of its session, and go on."""
    answer = go(target)
    keep(context, answer, token)
    return answer


def keep(context: PageContext, answer: Response, token: str) -> None:
    """Set the session's cookie."""
    cookies.write(answer, context.settings, SESSION, token, LIFE_SECONDS_MAX)


def keep_later(context: PageContext, token: str) -> None:
    """Set it with whatever the answer will be, also if that is an error."""
    cookies.later(context.request, SESSION, token, LIFE_SECONDS_MAX)


def signed_out(context: PageContext, target: str) -> Response:
    """Have the browser forget its session, and go on."""
    answer = go(target)
    cookies.forget(answer, context.settings, SESSION)
    csrf.renew(answer, context.request)
    return answer


def go(target: str) -> Response:
    """To a page, after a form."""
    return RedirectResponse(target, 303)


def local(target: str, otherwise: str = HOME) -> str:
    """A path of ours that somebody handed us, else another: never another site's."""
    plain = target.startswith("/") and not target.startswith(("//", "/\\"))
    return target if plain and target.isprintable() and "\\" not in target else otherwise


async def end_present(context: PageContext, at: Instant) -> None:
    """End the session that the browser shows, if it shows one."""
    if context.viewer is not None:
        here = member(context)
        await context.db.write(sessions.end, here, here.session_id, at)
