"""What answers a keyword (STOP, START, HELP) that somebody sends to the account."""

from pydantic import Field
from starlette.responses import Response

from api.dashboard.messages import BUILDERS, LOOKERS
from api.dashboard.messages import HERE as MESSAGES
from api.dashboard.viewer import go, member
from api.fields import Body
from api.web.page import Facts, PageContext, Pages
from db import numbers, sms_replies
from telephony.sms.keywords import BY_LANGUAGE, Keyword
from telephony.sms.replies import TEXT_CHARACTERS_MAX
from telephony.users import texting
from telephony.users.roles import Right

page = Pages()
HERE = f"{MESSAGES}/replies"
NUMBERS_OFFERED_MAX = 200


class ReplyForm(Body):
    """Which keyword, to which number (empty: to any), and the text; empty: no answer."""

    owned_number: str = Field("", max_length=16)
    keyword: Keyword
    text: str = Field("", max_length=2_000)


async def _replies(context: PageContext) -> Facts:
    me = member(context)
    owned = await numbers.page(context.db, me.account_id, limit=NUMBERS_OFFERED_MAX)
    return {
        "replies": await sms_replies.texts_of(context.db, me.account_id),
        "numbers": [row["number"] for row in owned], "most": TEXT_CHARACTERS_MAX,
        "words": {one: BY_LANGUAGE["en"][one] for one in Keyword},
        "builds": Right.build in me.rights,
    }  # fmt: skip


@page("GET", HERE, roles=LOOKERS, template="dashboard/replies.html")
async def show_replies(context: PageContext, _: None) -> Facts:
    """The texts that are set, and a form for one."""
    return await _replies(context)


@page("POST", HERE, roles=BUILDERS, takes=ReplyForm, template="dashboard/replies.html",
      again=_replies)  # fmt: skip
async def set_reply(context: PageContext, given: ReplyForm) -> Response:
    """Answer so from now on, or not at all."""
    await context.db.write(
        texting.choose_reply, member(context), given.owned_number, given.keyword,
        given.text.strip(), context.now,
    )  # fmt: skip
    return go(HERE)
