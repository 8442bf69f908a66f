"""Every error that a customer of the API can get, from the classes themselves."""

from collections.abc import Iterator
from functools import cache
from itertools import groupby

from telephony.errors import Problem


@cache
def by_status() -> dict[int, tuple[type[Problem], ...]]:
    """HTTP status → its errors by code; what only pages refuse is not among them."""
    found = {one for one in _below(Problem) if not one.__module__.startswith("api.web")}
    ordered = sorted(found, key=lambda problem: (problem.status, problem.code))
    return {
        status: tuple(group) for status, group in groupby(ordered, lambda problem: problem.status)
    }


def _below(kind: type[Problem]) -> Iterator[type[Problem]]:
    for one in kind.__subclasses__():
        yield one
        yield from _below(one)
