"""Which providers may carry a message, the first choice first."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from db import sms_providers
from db.connection import Conn, Row
from telephony.phone_numbers import prefixes
from telephony.settings import Settings
from telephony.sms.alphabets import PLAIN, Encoding

SANDBOX = "sandbox"
SMPP = "smpp"
"""The provider of the settings `SMS_VOIP_SMPP_*`."""


@dataclass(frozen=True)
class Way:
    """A provider and what it can carry."""

    provider: str
    encodings: frozenset[Encoding]


def add(conn: Conn, *, provider: str, mode: str, **facts: Any) -> str:
    """Store a route; its id. ValueError where there is no such provider, or test messages would
    leave the sandbox."""
    row = sms_providers.named(conn, provider)
    if row is None:
        raise ValueError(f"there is no provider {provider}; add it first")
    if mode == "test":
        raise ValueError("test messages always go to the sandbox")
    if not set(facts["prefix"]) <= set("0123456789"):
        raise ValueError("a prefix is the first digits of a number, without its plus")
    return sms_providers.add_route(conn, provider=provider, mode=mode, **facts)


def ways(
    conn: Conn, settings: Settings, *, mode: str, account_id: str, sender: str, to: str
) -> list[Way]:
    """The providers of the most specific routes, in the order of priority and, within it, drawn
    by weight. Test mode has the sandbox alone. Without any route: the provider of the settings,
    else every provider there is. Empty where nothing carries the mode."""
    if mode == "test":
        return [Way(SANDBOX, frozenset(Encoding))]
    found = sms_providers.routes_for(conn, mode, account_id, sender, prefixes(to))
    if found:
        return chosen(found)
    if settings.smpp_host:
        return [Way(SMPP, PLAIN)]
    return [_way(row["name"], row["encodings"]) for row in sms_providers.active(conn)
            if row["kind"] != SANDBOX]  # fmt: skip


def chosen(routes: Sequence[Row]) -> list[Way]:
    """The most specific of the routes, in an order that priority and weight make."""
    most = max(map(_specific, routes), default=None)
    return _drawn([route for route in routes if _specific(route) == most])


def _specific(route: Row) -> tuple[bool, bool, int]:
    return route["account_id"] != "", route["sender"] != "", len(route["prefix"])


def _drawn(routes: Sequence[Row]) -> list[Way]:
    """A random order in which, at equal priority, each is first as often as its weight says."""
    draws = {route["id"]: random.random() ** (1 / route["weight"]) for route in routes}
    ordered = sorted(routes, key=lambda route: (route["priority"], -draws[route["id"]]))
    return [_way(route["provider"], route["encodings"]) for route in ordered]


def _way(provider: str, encodings: str) -> Way:
    return Way(provider, frozenset(map(Encoding, encodings.split(","))))
