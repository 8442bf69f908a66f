"""Why a call is refused before anything rings, and what the caller's phone or carrier is told:
the Q.850 cause, which Asterisk translates into the SIP status."""

from dataclasses import dataclass

from telephony.errors import (
    AccountSuspendedError,
    ConcurrencyLimitError,
    DestinationNotAllowedError,
    InsufficientFundsError,
    NoLineFreeError,
    NotFoundError,
    OutgoingStoppedError,
    Problem,
    SpendCapReachedError,
    ValidationFailedError,
)
from telephony.voice.fastagi import AgiVerdict


@dataclass(frozen=True)
class Refusal:
    """One line of the table; `problem.code` is the call's `hangup_cause` in the call log."""

    problem: type[Problem]
    cause: int
    sip_status: int


REJECTED, UNKNOWN, BUSY = 21, 1, 17
REFUSALS = (
    Refusal(InsufficientFundsError, REJECTED, 403),
    Refusal(SpendCapReachedError, REJECTED, 403),
    Refusal(AccountSuspendedError, REJECTED, 403),
    Refusal(DestinationNotAllowedError, 3, 404),
    Refusal(NotFoundError, UNKNOWN, 404),
    Refusal(ValidationFailedError, 28, 484),
    Refusal(ConcurrencyLimitError, 42, 503),
    Refusal(NoLineFreeError, 34, 503),
    Refusal(OutgoingStoppedError, 42, 503),
)
_CAUSES = {one.problem: one.cause for one in REFUSALS}


def cause_of(problem: Problem) -> int:
    """The Q.850 cause of a refusal."""
    return _CAUSES.get(type(problem), REJECTED)


def refused(cause: int) -> AgiVerdict:
    """No grant, and why."""
    return AgiVerdict(False, {"SV_CAUSE": str(cause)})
