"""Moving a row along its transition table, in one statement that a race cannot split."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

from db.connection import Conn, Row

S = TypeVar("S", bound=StrEnum)
Transitions = Mapping[S, frozenset[S]]


def move(
    conn: Conn, table: str, transitions: Transitions[S], row_id: str, target: S, **facts: Any
) -> Row | None:
    """Set status and facts if the row is in a state that may go to `target`; the row after it,
    or None where the move is not allowed (a late or repeated fact)."""
    sets = "".join(f", {column} = :{column}" for column in facts)
    return conn.one(
        f'UPDATE "{table}" SET status = :target{sets}'
        " WHERE id = :row_id AND status IN :sources RETURNING *",
        target=target, row_id=row_id, sources=sorted(transitions[target]), **facts,
    )  # fmt: skip


def move_all(
    conn: Conn, table: str, transitions: Transitions[S], row_ids: list[str], target: S,
    **facts: Any,
) -> list[Row]:  # fmt: skip
    """The same for many rows that get the same facts: those that were moved, as they are then."""
    sets = "".join(f", {column} = :{column}" for column in facts)
    return conn.all(
        f'UPDATE "{table}" SET status = :target{sets}'
        " WHERE id IN :row_ids AND status IN :sources RETURNING *",
        target=target, row_ids=row_ids, sources=sorted(transitions[target]), **facts,
    )  # fmt: skip


def terminal(transitions: Transitions[S]) -> frozenset[S]:
    """The states that nothing leaves."""
    left = frozenset().union(*transitions.values())
    return frozenset(state for state in transitions if state not in left)
