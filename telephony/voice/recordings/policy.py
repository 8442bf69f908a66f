"""Which calls are recorded, and how."""

from typing import Literal

from db import accounts
from db.connection import Conn, Row

STEREO, MIXED, OFF = "stereo", "mixed", ""
POLICIES = ("", "outbound", "inbound", "all")
"""What a SIP account or an account records; a call between two phones falls under `all` alone."""
Policy = Literal["", "outbound", "inbound", "all"]


def recorded(
    conn: Conn, asked: str | None, account_id: str, phone: Row | None, direction: str
) -> str:
    """`stereo`, `mixed`, or empty for no recording. What the call itself asks for counts; where
    it does not ask (None) its phone decides, and where that has no policy, the account."""
    if asked is not None:
        return asked
    own = phone["record"] if phone else ""
    policy = own or accounts.account(conn, account_id)["record"]
    return STEREO if policy in ("all", direction) else OFF
