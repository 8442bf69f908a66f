"""Which providers may carry a message, the first choice first."""

import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from db import sms_providers
from db.connection import Conn, Row
from telephony.phone_numbers import prefixes, prefixes_of
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


_SANDBOX_WAY = Way(SANDBOX, frozenset(Encoding))


def add(conn: Conn, **facts: Any) -> str:
    """Store a route; its id. ValueError where there is no such provider or such a route already,
    or test messages would leave the sandbox."""
    _check(conn, facts)
    return sms_providers.add_route(conn, **facts)


def change(conn: Conn, route: Row, **facts: Any) -> None:
    """Let a route say this from now on, the rest as before; ValueError as `add`."""
    _check(conn, {**route, **facts}, route["id"])
    sms_providers.change_route(conn, route["id"], **facts)


def _check(conn: Conn, facts: Mapping[str, Any], route_id: str = "") -> None:
    if sms_providers.named(conn, facts["provider"]) is None:
        raise ValueError(f"there is no provider {facts['provider']}; add it first")
    if facts["mode"] == "test":
        raise ValueError("test messages always go to the sandbox")
    if not set(facts["prefix"]) <= set("0123456789"):
        raise ValueError("a prefix is the first digits of a number, without its plus")
    same = sms_providers.same_route(conn, facts)
    if same is not None and same["id"] != route_id:
        raise ValueError(f"the route {same['id']} leads there already; change that one")


def ways(
    conn: Conn, settings: Settings, *, mode: str, account_id: str,
    messages: Collection[tuple[str, str]],
) -> Callable[[str, str], list[Way]]:  # fmt: skip
    """For each (sender, number) of these: the providers of the most specific routes, in the order
    of priority and, within it, drawn by weight, those that are disabled last. Test mode has the
    sandbox alone. Without any route: the provider of the settings, else every provider there is.
    Empty where nothing carries the mode."""
    if mode == "test":
        return lambda sender, to: [_SANDBOX_WAY]
    senders, numbers = {sender for sender, _ in messages}, {to for _, to in messages}
    by_prefix: dict[str, list[Row]] = {}
    for route in sms_providers.routes_for(conn, mode, account_id, senders, prefixes_of(numbers)):
        by_prefix.setdefault(route["prefix"], []).append(route)
    without = cache(lambda: _without_routes(conn, settings))

    def found(sender: str, to: str) -> list[Way]:
        theirs = by_prefix if len(by_prefix) < len(to) else ("", *prefixes(to))
        fit = [
            route for prefix in theirs if to.startswith(prefix, 1)
            for route in by_prefix.get(prefix, ()) if route["sender"] in ("", sender)
        ]  # fmt: skip
        return chosen(fit) if fit else without()

    return found


def _without_routes(conn: Conn, settings: Settings) -> list[Way]:
    if settings.smpp_host:
        return [Way(SMPP, PLAIN)]
    rows = sorted(sms_providers.active(conn), key=lambda row: not row["enabled"])
    return [_way(row["name"], row["encodings"]) for row in rows if row["kind"] != SANDBOX]


def chosen(routes: Sequence[Row]) -> list[Way]:
    """The most specific of the routes, in an order that priority and weight make."""
    if len(routes) == 1:
        return [_way(routes[0]["provider"], routes[0]["encodings"])]
    most = max(map(_specific, routes), default=None)
    return _drawn([route for route in routes if _specific(route) == most])


def _specific(route: Row) -> tuple[bool, bool, int]:
    return route["account_id"] != "", route["sender"] != "", len(route["prefix"])


def _drawn(routes: Sequence[Row]) -> list[Way]:
    """A random order in which, at equal priority, each is first as often as its weight says;
    after all of them those whose provider is disabled: what finds no other waits there."""
    draws = {route["id"]: random.random() ** (1 / route["weight"]) for route in routes}
    ordered = sorted(
        routes, key=lambda one: (not one["enabled"], one["priority"], -draws[one["id"]])
    )
    return [_way(route["provider"], route["encodings"]) for route in ordered]


@lru_cache(maxsize=256)
def _way(provider: str, encodings: str) -> Way:
    return Way(provider, frozenset(map(Encoding, encodings.split(","))))
