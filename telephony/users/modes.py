"""What a member may do in a mode: the same that the account's keys may."""

from telephony.errors import AccountSuspendedError, KycRequiredError
from telephony.users.problems import bad
from telephony.users.roles import Right
from telephony.users.sessions import Member
from telephony.users.team import must

MODES = ("test", "live")


def must_work(member: Member, mode: str) -> None:
    """Raise what a key of that mode would get: RoleMissingError of whoever may not build,
    AccountSuspendedError, KycRequiredError."""
    must(member, Right.build)
    if mode not in MODES:
        raise bad("mode", "unknown", "The mode is test or live.")
    if member.status == "suspended":
        raise AccountSuspendedError
    if mode == "live" and not member.live:
        raise KycRequiredError
