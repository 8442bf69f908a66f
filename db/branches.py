"""Indexes in which the rows of a filter stand together, newest last: a list that is filtered by
some of their columns is read by one branch for each value of the others, so that what is rare is
found as quickly as what is common."""

from dataclasses import dataclass
from itertools import product
from typing import Any


@dataclass(frozen=True)
class Branches:
    """An index of `account_id`, `mode`, these columns and `id`, by all values that each may have;
    none: it is only for who asks for one value. `only` are the rows that the index has."""

    index: str
    columns: dict[str, tuple[str, ...]]
    only: str = "1 = 1"

    def serves(self, used: dict[str, Any]) -> bool:
        """True if a list with these filters is read by it."""
        given = [name for name in self.columns if name in used]
        return bool(given) and all(
            used[name] in values if name in used and values else name in used or bool(values)
            for name, values in self.columns.items()
        )

    def conditions(self, used: dict[str, Any]) -> list[str]:
        """What holds in each branch."""
        others = {name: values for name, values in self.columns.items() if name not in used}
        return [
            " AND ".join([self.only, *(f"{name} = '{value}'" for name, value in zip(others, one,
                                                                                 strict=True))])
            for one in product(*others.values())
        ]  # fmt: skip
