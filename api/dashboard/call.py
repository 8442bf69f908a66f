"""One call: its timeline, what its legs cost, its recording; and placing one by hand."""

import secrets
from typing import Any, cast

from pydantic import Field, model_validator
from starlette.responses import Response

from api.dashboard.calls import BUILDERS, HERE, LOOKERS
from api.dashboard.lists import MODES, Mode, ModeQuery, mode_of_form
from api.dashboard.live import live
from api.dashboard.offered import phones_of, shown_numbers
from api.dashboard.viewer import go, member
from api.dashboard.waveform import HEIGHT, drawn
from api.v1.calls import told
from api.v1.recordings import audio
from api.v1.voice import CallBody, wish_of
from api.web.page import Facts, PageContext, Pages
from db import calls, recordings
from db.calls import ENDED
from db.connection import Row
from db.recordings import RecordingStatus
from telephony.backlog import Backlog
from telephony.errors import NotFoundError
from telephony.users import calling
from telephony.users.roles import Right
from telephony.voice.place import CALL_SECONDS_MAX, RING_SECONDS_DEFAULT, SIP
from telephony.voice.recordings.peaks import PARTS

page = Pages()
ONE = f"{HERE}/{{id}}"


class CallForm(CallBody):
    """What the API takes, as a browser sends it; `form` tells a second click from a second
    wish."""

    mode: Mode
    form: str = Field(min_length=8, max_length=64)

    @model_validator(mode="before")
    @classmethod
    def _reshaped(cls, given: dict[str, Any]) -> dict[str, Any]:
        plain = {name: value for name, value in given.items() if value != ""}
        return plain | ({"record": False} if plain.get("record") == "off" else {})


async def _choices(context: PageContext, mode: str) -> Facts:
    phones, more_phones = await phones_of(context, member(context).account_id)
    numbers, more_numbers = await shown_numbers(context, mode)
    return {
        "phones": phones, "more": more_phones or more_numbers, "mode": mode, "sip": SIP,
        "form": secrets.token_urlsafe(12), "numbers": numbers, "more_numbers": more_numbers,
        "ring_seconds": RING_SECONDS_DEFAULT, "talk_seconds": CALL_SECONDS_MAX,
    }  # fmt: skip


@page("GET", f"{HERE}/new", roles=BUILDERS, template="dashboard/call_new.html", takes=ModeQuery)
async def new_call(context: PageContext, given: ModeQuery) -> Facts:
    """The form of a call."""
    return await _choices(context, given.mode_for(context))


async def _again(context: PageContext) -> Facts:
    return await _choices(context, mode_of_form(context))


@page("POST", f"{HERE}/new", roles=BUILDERS, takes=CallForm, template="dashboard/call_new.html",
      again=_again)  # fmt: skip
async def place_call(context: PageContext, given: CallForm) -> Response:
    """Queue the call, and follow it."""
    state = context.request.app.state
    cast(Backlog, state.background.backlog).take("calls", member(context).account_id)
    wish = wish_of(given, context.settings, context.request.state.request_id)
    placed = await context.db.write(
        calling.call, context.settings, member(context), given.mode, wish, given.form, context.now
    )
    return go(f"{HERE}/{placed.call_id}" if placed else f"{HERE}?mode={given.mode}")


async def _row(context: PageContext) -> Row:
    """The call of the path, of either mode."""
    account_id, call_id = member(context).account_id, context.path["id"]
    for mode in MODES:
        if row := await calls.find(context.db, account_id, mode, call_id):
            return row
    raise NotFoundError("There is no such call.")


async def _call(context: PageContext) -> Facts:
    row = await _row(context)
    found, ended = await recordings.of_call(context.db, row["id"]), row["status"] in ENDED
    coming = found is not None and found["status"] == RecordingStatus.recording
    return {
        "one": await told(context, row), "mode": row["mode"], "ended": ended,
        "live": coming or not ended, "builds": Right.build in member(context).rights,
        "recording": found, "wave": {"parts": PARTS, "height": HEIGHT},
        "waves": drawn(found["peaks"], found["channels"]) if found else [],
    }  # fmt: skip


@page("GET", ONE, roles=LOOKERS, template="dashboard/call.html")
async def show_call(context: PageContext, _: None) -> Facts:
    """State, timeline, cost and recording."""
    return await _call(context)


@page("GET", f"{ONE}/live", roles=LOOKERS)
async def live_call(context: PageContext, _: None) -> Response:
    """The call as it goes on, until its recording is there."""
    await _row(context)
    return live(context, "dashboard/call_part.html", lambda: _call(context))


@page("GET", f"{ONE}/recording", roles=LOOKERS)
async def call_recording(context: PageContext, _: None) -> Response:
    """The audio, whole or a range of it."""
    found = await recordings.of_call(context.db, (await _row(context))["id"])
    if found is None:
        raise NotFoundError("The call was not recorded.")
    request = context.request
    return await audio(request.app.state.recordings, found, request.method, request.headers)


@page("POST", f"{ONE}/hang-up", roles=BUILDERS, template="dashboard/call.html", again=_call)
async def hang_up_call(context: PageContext, _: None) -> Response:
    """End it, also while it waits or rings."""
    row = await context.db.write(calling.hang_up, member(context), context.path["id"], context.now)
    return go(f"{HERE}/{row['id']}")
