"""The contract between the dispatcher and a provider, which others may implement in a package.

A provider is a class named by an entry point in the group `sms_voip.sms_providers`. It carries
parts of messages to the outside world and passes on what the world says of them; it keeps nothing
that a restart may not lose, and never decides whether to try again: the dispatcher does.
"""

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, NamedTuple, Protocol, Self

from pydantic import BaseModel

from telephony.clock import Instant
from telephony.settings import Settings
from telephony.sms.alphabets import PLAIN, Encoding

ROOM_ENOUGH = 1_000  # what a provider without limits says


@dataclass(frozen=True, slots=True)
class Submission:
    """One part of one message, ready to be sent."""

    message_id: str
    part: int  # 1 … parts
    parts: int
    sender: str  # E.164 with its plus, a short code, or an alphanumeric sender id
    recipient: str  # E.164 with its plus
    text: str  # of this part only, as `segments.split` cut it
    encoding: Encoding  # one that `capabilities` names
    reference: int  # 0 … 255; equal in all parts, differs between messages to one recipient
    attempt: int  # 1 at the first submission of this part, higher at every repetition
    validity_seconds: int | None = None  # None: the provider's own default


class Submitted(NamedTuple):
    """The provider took the part; its receipts will carry this id.

    Parts that went out as one share it. "": it was taken and not named, so no receipt can tell of
    it.
    """

    provider_message_id: str


class ProviderError(Exception):
    """Why a part was not taken, or that nobody knows whether it was.

    `code` is stable snake_case. `retryable`: the same submission may succeed later; `throttled`:
    slow down before that (always retryable); `outcome_unknown`: it may have been taken, so it must
    not be sent again by itself (never retryable).
    """

    def __init__(
        self,
        code: str,
        detail: str = "",
        *,
        retryable: bool = False,
        throttled: bool = False,
        outcome_unknown: bool = False,
    ) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail
        self.throttled = throttled
        self.outcome_unknown = outcome_unknown
        self.retryable = (retryable or throttled) and not outcome_unknown

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}" if self.detail else self.code


Outcome = Submitted | ProviderError


class ReceiptState(StrEnum):
    """What became of a part after the provider took it."""

    ENROUTE = "enroute"  # also accepted and scheduled: on its way
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"  # also rejected and deleted
    EXPIRED = "expired"
    UNKNOWN = "unknown"  # the provider does not know, or said something that we do not

    @property
    def final(self) -> bool:
        """False where a later receipt may still tell how it ended."""
        return self not in (ReceiptState.ENROUTE, ReceiptState.UNKNOWN)


class Receipt(NamedTuple):
    """A delivery receipt; it may come before the submission is answered, and more than once."""

    provider: str
    provider_message_id: str  # normalized as in `Submitted`, so that equal ids are equal strings
    state: ReceiptState
    error_code: str = ""  # the provider's own, "" if none
    at: Instant | None = None  # when it happened, by the provider's clock
    recipient: str = ""  # E.164 with its plus where the provider tells
    raw: str = ""  # as received, but for what repeats the message's text; for support
    reference: int | None = None  # `reference_of` the part, where that is known for certain


def reference_of(message_id: str, part: int) -> int:
    """16 bits that go out with a part and tell whose a receipt is if no answer named the part.

    A receipt whose id no part has, with `reference`, proves the outcome of the one part of unknown
    outcome to its `recipient` that has this reference; of two that have it, it proves nothing. An
    answer after its deadline comes like that, too: as a receipt that is ENROUTE.
    """
    return int.from_bytes(hashlib.blake2b(f"{message_id}/{part}".encode(), digest_size=2).digest())


@dataclass(frozen=True, slots=True)
class Inbound:
    """A message that a phone sent to us, or one part of a long one; parts may come in any order
    and more than once. The parts of a message have `sender`, `recipient`, `reference` and `parts`
    in common."""

    provider: str
    sender: str  # E.164 with its plus, a short code, or a name
    recipient: str  # one of our numbers: E.164 with its plus, or a short code
    text: str  # of this part; half a surrogate pair at an end is kept, joining mends it
    reference: int = 0  # 0 … 65535, by UDH or SAR
    part: int = 1  # 1 … parts
    parts: int = 1
    provider_message_id: str = ""  # tells a repeated one from another, "" if it has none
    at: Instant | None = None  # when it was sent, by the provider's clock


Report = Receipt | Inbound

# Returns once all are committed. If it raises, the provider has the reports repeated later.
Sink = Callable[[Sequence[Report]], Awaitable[None]]
ReceiptSink = Callable[[Sequence[Receipt]], Awaitable[None]]
"""What a provider without inbound messages needs of a sink."""


@dataclass(frozen=True, slots=True)
class Health:
    """Whether a submission would go out now, and a sentence for people."""

    up: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a provider can carry; the router gives it nothing else."""

    encodings: frozenset[Encoding] = PLAIN
    receipts: bool = True
    inbound: bool = False
    link: bool = True
    """It keeps one, which shows without a message whether the far side is there."""


class Provider(Protocol):
    """What the dispatcher asks of a provider, on one event loop."""

    options: ClassVar[type[BaseModel]]
    """What an operator may set of it; its `SecretStr` fields are never shown."""
    name: str
    """Of this one: several may be of one kind."""
    repeatable: bool
    """A submission whose outcome is unknown may be made again without harm."""
    capabilities: Capabilities

    @classmethod
    def from_options(cls, name: str, options: Mapping[str, object], settings: Settings) -> Self:
        """Build without connecting; ValueError (pydantic's is one) where an option is wrong."""
        ...

    async def start(self, sink: Sink) -> None:
        """Begin to connect and to pass reports to `sink`; return without waiting for a peer."""
        ...

    async def resume(self, open_ids: Sequence[str]) -> None:
        """Learn, after `start`, which provider_message_ids still lack a final receipt.

        Nothing to do where the far side remembers them itself.
        """
        ...

    async def room(self) -> int:
        """Wait until parts could go out at once; how many, at least 1.

        It waits while the provider is down, at its window or at its rate: whoever claims messages
        only then leaves the choice of the next one, and its priority, to the queue.
        """
        ...

    async def submit(self, batch: Sequence[Submission]) -> list[Outcome]:
        """One outcome per submission in the same order; errors are returned, never raised.

        Calls may overlap; all parts of a message come in one. What exceeds `room` waits, for some
        seconds at most. A provider that is down answers at once with a retryable error.
        """
        ...

    async def stop(self) -> None:
        """Let submissions under way finish for a few seconds, then close; no receipt follows."""
        ...

    def health(self) -> Health:
        """State of the link, without any input or output."""
        ...

    def figures(self) -> Mapping[str, float]:
        """What it counted since it was built, and gauges, by the names of metrics."""
        ...
