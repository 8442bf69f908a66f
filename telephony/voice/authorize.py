"""Answers the dialplan: a phone dials, a carrier calls, a call is to be put through. Who it is,
where to, for how long; or why not."""

from db import accounts, numbers, sip
from db.connection import Conn, Row
from db.database import Database
from telephony.clock import now
from telephony.errors import AccountSuspendedError, Problem, ValidationFailedError
from telephony.phone_numbers import e164
from telephony.settings import Settings
from telephony.voice import inbound
from telephony.voice.fastagi import AgiRequest, AgiVerdict
from telephony.voice.place import SIP, Placed, place_from_phone, refuse_from_phone
from telephony.voice.refusals import REJECTED, cause_of, refused


class Authorizer:
    """The FastAGI handler of one node."""

    def __init__(self, db: Database, settings: Settings) -> None:
        self._db = db
        self._settings = settings

    async def __call__(self, request: AgiRequest) -> AgiVerdict:
        """Grant with the money held and the call on record, or refuse with a cause."""
        _, endpoint, dialled, caller = (*request.arguments[:4], "", "", "", "")[:4]
        asked = {"endpoint": endpoint, "dialled": dialled, "uniqueid": request.uniqueid}
        match request.script:
            case "authorize":
                return await self._db.write(decide, self._settings, **asked)
            case "inbound":
                return await self._db.write(inbound.decide, self._settings, caller=caller, **asked)
            case "forward":
                return await self._db.write(
                    inbound.forward, self._settings, uniqueid=request.uniqueid
                )
        return refused(REJECTED)


def decide(
    conn: Conn, settings: Settings, *, endpoint: str, dialled: str, uniqueid: str
) -> AgiVerdict:
    """Record and pay for the call, or log its refusal."""
    phone = sip.by_username(conn, endpoint)
    if phone is None or phone["status"] != "active":
        return refused(REJECTED)
    to, at = dialled, now()
    try:
        to = _destination(conn, phone, dialled)
        placed = place_from_phone(
            conn, settings, phone=phone, to=to, uniqueid=uniqueid, node=settings.node, now=at
        )
    except Problem as problem:
        refuse_from_phone(
            conn, phone=phone, to=to, uniqueid=uniqueid, node=settings.node, cause=problem.code,
            now=at,
        )  # fmt: skip
        return refused(cause_of(problem))
    return AgiVerdict(True, _variables(placed))


def _destination(conn: Conn, phone: Row, dialled: str) -> str:
    account = accounts.account(conn, phone["account_id"])
    if account["status"] != "active":
        raise AccountSuspendedError
    inside = numbers.inside(conn, account["id"], dialled)  # another's name may look like a number
    if inside:
        return SIP + str(inside["username"])
    number = f"+{dialled[2:]}" if dialled.startswith("00") else dialled
    try:
        return e164(number, account["country"])
    except ValueError as error:
        raise ValidationFailedError(f"{dialled}: {error}") from error


def _variables(placed: Placed) -> dict[str, str]:
    return {
        "SV_LEGS": placed.legs,
        "SV_TO": placed.to,
        "SV_CALLER_ID": placed.caller_id,
        "SV_SECONDS": str(placed.granted_seconds),
        "SV_RING_SECONDS": str(placed.ring_seconds),
        "SV_RECORD": placed.record,
    }
