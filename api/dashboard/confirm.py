"""Confirming to be the one who signed in, before keys, money and roles are touched."""

from dataclasses import replace

from pydantic import BaseModel
from starlette.datastructures import FormData
from starlette.responses import Response

from api.dashboard.forms import NextQuery
from api.dashboard.viewer import gate, go, keep_later, local, member
from api.web import carried
from api.web.page import CONFIRM, Facts, PageContext, Pages
from api.web.templates import render
from telephony.errors import Problem
from telephony.users import passkeys
from telephony.users.passkeys import Site
from telephony.users.problems import ConfirmFirstError
from telephony.users.roles import USER
from telephony.users.sessions import Member

page = Pages()
TEMPLATE = "dashboard/confirm.html"
PROOF_CHARACTERS_MAX = 20_000


@page("GET", CONFIRM, roles=(USER,), template=TEMPLATE, takes=NextQuery)
async def confirm(context: PageContext, given: NextQuery) -> Facts | Response:
    """The password again, or a passkey, before a page."""
    if member(context).confirmed(context.now):
        return go(local(given.next))
    return _facts(context, [("next", given.next)]) | {"action": CONFIRM}


@page("POST", CONFIRM, roles=(USER,), looking=True, confirm=True, takes=NextQuery)
async def confirmed(context: PageContext, given: NextQuery) -> Response:
    """Go on to the page that the confirmation was asked for."""
    return go(local(given.next))


async def prove(
    context: PageContext, form: FormData, takes: type[BaseModel] | None
) -> Member | Response:
    """The viewer, who has proved by the form to be the one who signed in; else the page that asks
    for it, with whatever else the form says."""
    password, answer = (str(form.get(name, ""))[:PROOF_CHARACTERS_MAX]
                        for name in (carried.PASSWORD, carried.PASSKEY))  # fmt: skip
    try:
        token = await _token(context, password, answer)
    except Problem as problem:
        asked_before = carried.PASSWORD in form or carried.PASSKEY in form
        errors = {"": problem.detail} if asked_before else {}
        facts = _facts(context, carried.carried(form, takes)) | {"errors": errors, "values": {}}
        asking = render(context.request, TEMPLATE, problem.status, **facts)
        asking.headers["Cache-Control"] = "no-store"
        return asking
    keep_later(context, token)
    return replace(member(context), confirmed_at=context.now)


async def _token(context: PageContext, password: str, answer: str) -> str:
    """The new token of the session; ConfirmFirstError without any proof."""
    me = member(context)
    if answer:
        site = Site.of(context.settings)
        return await context.db.write(passkeys.confirm, site, me, answer, context.now)
    if not password:
        raise ConfirmFirstError("Type your password, or use a passkey.")
    return await gate(context).confirm(me, password, context.now)


def _facts(context: PageContext, brought: list[tuple[str, str]]) -> Facts:
    """What goes along, and whether something had to be left out."""
    return {
        "site": Site.of(context.settings), "carried": brought, "action": context.request.url.path,
        "left_out": any(name == carried.LEFT_OUT for name, _ in brought),
    }  # fmt: skip
