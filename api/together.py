"""Requests that come at the same time, answered in one transaction, each with its idempotency key
as if it were alone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from api.idempotency import Reply, Scope, earlier_replies, keep_all
from db.connection import Conn
from telephony.clock import Instant
from telephony.errors import Problem
from telephony.secrets import Vault

Request = TypeVar("Request")
Outcome = Reply | Problem


@dataclass(frozen=True, slots=True)
class Asked(Generic[Request]):
    """A request, and its idempotency key if it has one."""

    request: Request
    scope: Scope | None
    at: Instant


def answer_together(
    conn: Conn, vault: Vault, answer: Callable[[Conn, Sequence[Request]], Sequence[Outcome]],
    asked: Sequence[Asked[Request]],
) -> list[Outcome]:  # fmt: skip
    """In order: what was answered before to those whose key is known, and what `answer` gives the
    others, which is kept under their keys unless it is a problem. Of several with one key the
    first is answered, and the others after it."""
    outcomes: dict[int, Outcome] = {}
    while len(outcomes) < len(asked):
        turn = _one_of_each_key(asked, outcomes)
        some = [asked[at] for at in turn]
        outcomes |= zip(turn, _answer(conn, vault, answer, some), strict=True)
    return [outcomes[at] for at in range(len(asked))]


def _one_of_each_key(
    asked: Sequence[Asked[Request]], answered: dict[int, Outcome]
) -> list[int]:  # fmt: skip
    """Places of those that wait, without the second of any key."""
    seen: set[object] = set()
    turn = []
    for at, one in enumerate(asked):
        name = one.scope.name if one.scope else at
        if at not in answered and name not in seen:
            turn.append(at)
            seen.add(name)
    return turn


def _answer(
    conn: Conn, vault: Vault, answer: Callable[[Conn, Sequence[Request]], Sequence[Outcome]],
    asked: Sequence[Asked[Request]],
) -> list[Outcome]:  # fmt: skip
    at = max(one.at for one in asked)
    earlier = earlier_replies(conn, vault, [one.scope for one in asked if one.scope], at)
    known = [one.scope and earlier.get(one.scope) for one in asked]
    fresh = [one for one, reply in zip(asked, known, strict=True) if reply is None]
    outcomes = answer(conn, [one.request for one in fresh]) if fresh else []
    keep_all(conn, vault, [
        (one.scope, outcome, one.at) for one, outcome in zip(fresh, outcomes, strict=True)
        if one.scope and isinstance(outcome, Reply)
    ])  # fmt: skip
    new = iter(outcomes)
    return [reply or next(new) for reply in known]
