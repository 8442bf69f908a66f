"""How a callee is reached: the legs that the dialplan tries in turn, as `SV_LEGS` has them."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from db import numbers, trunks
from db.connection import Conn, Row
from db.outgoing import Outgoing
from telephony import outgoing
from telephony.errors import DestinationNotAllowedError, NoLineFreeError
from telephony.phone_numbers import national, prefixes
from telephony.settings import Settings

DEFAULT = "default"
"""The trunk of the setting `SMS_VOIP_TRUNK_HOST`; it takes every number, after all others."""
LEGS_MAX = 4
PRIORITY_LAST = 1_000_000


@dataclass(frozen=True)
class Way:
    """`route` is `phone`, `simulated` or `trunk`; `trunk` the carrier that is tried first."""

    route: str
    legs: str
    trunk: str | None = None


NOWHERE = Way("", "")
FORWARD, BUSY = "forward", "busy"
"""The last leg: the platform is asked again, or the caller hears that nobody is there."""


def allowed(
    conn: Conn, settings: Settings, account_id: str, mode: str, to: str, caller_id: str
) -> Way:
    """As `out`, where the account may call that number."""
    if not numbers.allows(conn, account_id, prefixes(to)):
        raise DestinationNotAllowedError(f"This account may not call {to}.")
    return out(conn, settings, mode, to, caller_id)


def out(conn: Conn, settings: Settings, mode: str, to: str, caller_id: str) -> Way:
    """To a number of the world: `to` and `caller_id` are E.164. Longest prefix first, then by
    priority, then by weight; carriers that are down come last, full ones not at all."""
    if mode == "test":
        return Way("simulated", f"simulated:{to.removeprefix('+')}")
    outgoing.check(conn, Outgoing.calls, mode)
    known = trunks.candidates(conn, ["", *prefixes(to)]) + _default(settings)
    if not known:
        raise DestinationNotAllowedError("No trunk carries live calls there. Use a test key.")
    free = [route for route in _in_order(known) if _has_room(conn, route)][:LEGS_MAX]
    if not free:
        raise NoLineFreeError
    return Way("trunk", "/".join(_leg(route, to, caller_id) for route in free), free[0]["name"])


def to_phones(usernames: Sequence[str]) -> Way:
    """To phones of the platform, all of which ring at once."""
    return Way("phone", f"phones:{'+'.join(usernames)}")


def _default(settings: Settings) -> list[Row]:
    if not settings.trunk_host:
        return []
    route = {
        "name": DEFAULT, "prefix": "", "priority": PRIORITY_LAST, "weight": 1, "strip": 0,
        "prepend": "", "capacity": None, "caller_id_format": "e164", "down": False,
    }  # fmt: skip
    return [route]


def _in_order(routes: list[Row]) -> list[Row]:
    """Each trunk once, by its best route; among equals those of greater weight tend to be
    first (each in proportion to its weight)."""
    drawn = [(random.random() ** (1 / route["weight"]), route) for route in routes]
    drawn.sort(
        key=lambda one: (one[1]["down"], -len(one[1]["prefix"]), one[1]["priority"], -one[0])
    )
    best: dict[str, Row] = {}
    for _, route in drawn:
        best.setdefault(route["name"], route)
    return list(best.values())


def _has_room(conn: Conn, route: Row) -> bool:
    """False where another call would be one too many; racing callers wait for each other."""
    if route["capacity"] is None:
        return True
    conn.lock(f"trunk:{route['name']}")
    return trunks.calls_of(conn, route["name"]) < int(route["capacity"])


def _leg(route: Row, to: str, caller_id: str) -> str:
    style = route["caller_id_format"]
    digits = to.removeprefix("+")
    number = f"{route['prepend']}{digits[route['strip'] :]}"
    if number == digits and style == "e164":
        number = to
    return f"trunk:{route['name']}:{number}:{_shown(style, caller_id, to)}"


def _shown(style: str, caller_id: str, to: str) -> str:
    """The caller id as the carrier wants it: national only for calls within its country."""
    if style == "e164" or not caller_id.startswith("+"):
        return caller_id
    return (style == "national" and national(caller_id, to)) or caller_id.removeprefix("+")
