"""Checks a webhook's signature as a receiver should, to tell why one's own check fails."""

from typing import Annotated

from pydantic import Field

from api.dashboard.lists import Filters, Mode, ModeQuery, mode_of_form
from api.dashboard.viewer import member
from api.dashboard.webhooks import BUILDERS
from api.dashboard.webhooks import HERE as WEBHOOKS
from api.web.page import Facts, PageContext, Pages
from db import webhook_endpoints
from telephony.clock import SECOND
from telephony.users import webhooks as deeds
from telephony.webhooks.endpoints import DEFAULT
from telephony.webhooks.signing import TOLERANCE_SECONDS, Verdict, judge

page = Pages()
HERE = f"{WEBHOOKS}/check"
BODY_CHARS_MAX = 100_000


class CheckForm(Filters):
    """A request as it came; `secret` where it is none of ours."""

    mode: Mode
    endpoint: Annotated[str, Field(max_length=64)] = DEFAULT
    secret: Annotated[str, Field(max_length=1_000)] = ""
    signature: Annotated[str, Field(max_length=4_000)]
    body: Annotated[str, Field(max_length=BODY_CHARS_MAX)] = ""


async def _check(context: PageContext, mode: Mode, verdict: Verdict | None = None) -> Facts:
    rows = await webhook_endpoints.of_account(context.db, member(context).account_id, mode)
    return {
        "mode": mode, "endpoints": rows, "verdict": verdict, "default": DEFAULT,
        "minutes": TOLERANCE_SECONDS // 60,
    }  # fmt: skip


@page("GET", HERE, roles=BUILDERS, takes=ModeQuery, template="dashboard/signature.html")
async def show_check(context: PageContext, given: ModeQuery) -> Facts:
    """An empty form."""
    return await _check(context, given.mode_for(context))


async def _again(context: PageContext) -> Facts:
    return await _check(context, mode_of_form(context))


@page("POST", HERE, roles=BUILDERS, takes=CheckForm, template="dashboard/signature.html",
      again=_again)  # fmt: skip
async def check_signature(context: PageContext, given: CheckForm) -> Facts:
    """Whether the secret has signed the request, and if not, what to look at."""
    verdict = await _verdict(context, given)
    shown = {"signature": given.signature, "body": given.body, "endpoint": given.endpoint}
    return {**await _check(context, given.mode, verdict), "values": shown}


async def _verdict(context: PageContext, given: CheckForm) -> Verdict:
    # A browser ends lines with two characters, and our bodies have one line.
    body = given.body.replace("\r\n", "\n").strip().encode()
    if given.secret:
        return judge([given.secret.strip()], given.signature, body, context.now / SECOND)
    return await context.db.write(
        deeds.judge, context.vault, member(context), given.mode, given.endpoint,
        given.signature, body, context.now,
    )  # fmt: skip
