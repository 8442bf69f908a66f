"""How a callee is reached: the legs that the dialplan tries in turn, as `SV_LEGS` has them."""

from collections.abc import Sequence
from dataclasses import dataclass

from db.connection import Conn
from telephony.errors import DestinationNotAllowedError
from telephony.settings import Settings

DEFAULT = "default"
"""The trunk of the setting `SMS_VOIP_TRUNK_HOST`; it takes every number."""


@dataclass(frozen=True)
class Way:
    """`route` is `phone`, `simulated` or `trunk`; `trunk` the carrier that is tried first."""

    route: str
    legs: str
    trunk: str | None = None


NOWHERE = Way("", "")


def out(conn: Conn, settings: Settings, mode: str, to: str, caller_id: str) -> Way:
    """To a number of the world: `to` and `caller_id` are E.164."""
    if mode == "test":
        return Way("simulated", f"simulated:{to.removeprefix('+')}")
    if not settings.trunk_host:
        raise DestinationNotAllowedError("No trunk carries live calls here yet. Use a test key.")
    return Way("trunk", f"trunk:{DEFAULT}:{to}:{caller_id}", DEFAULT)


def to_phones(usernames: Sequence[str]) -> Way:
    """To phones of the platform, all of which ring at once."""
    return Way("phone", f"phones:{'+'.join(usernames)}")
