"""Where a message goes that its provider does not take, or cannot."""

from db import sms_providers
from db.connection import Conn, Row
from telephony.clock import SECOND, Instant
from telephony.phone_numbers import prefixes
from telephony.sms.alphabets import Encoding
from telephony.sms.routes import chosen

HANDED_OVER_MAX = 100
PARKED_SECONDS = 5
"""How soon a message that can go nowhere else looks again whether its provider is back."""


def elsewhere(conn: Conn, message: Row) -> str | None:
    """The next provider that can carry a message, is enabled and has not tried it."""
    routes = sms_providers.routes_for(
        conn, message["mode"], message["account_id"], [message["from_number"]],
        prefixes(message["to_number"]),
    )  # fmt: skip
    done = tried_with(message).split(",")
    done += [route["provider"] for route in routes if not route["enabled"]]
    encoding = Encoding(message["encoding"])
    found = [
        way.provider for way in chosen(routes)
        if way.provider not in done and encoding in way.encodings
    ]  # fmt: skip
    return found[0] if found else None


def tried_with(message: Row) -> str:
    """The providers that did not take a message, the present one with them, by comma."""
    return ",".join(filter(None, (message["tried"], message["provider"])))


def first_tried(message: Row) -> str:
    """The provider that a message was given to first."""
    return tried_with(message).split(",")[0]


def hand_over(conn: Conn, provider: str, at: Instant) -> int:
    """Move due messages of a provider that is down or disabled to others, where they have one;
    how many."""
    moved = 0
    for message in sms_providers.waiting_for(conn, provider, at, HANDED_OVER_MAX):
        other = elsewhere(conn, message)
        if other:
            sms_providers.hand(conn, message["id"], other, tried_with(message), at)
            moved += 1
        else:
            sms_providers.hand(conn, message["id"], provider, message["tried"],
                               at + PARKED_SECONDS * SECOND)  # fmt: skip
    return moved
