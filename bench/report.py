"""What a bench found: a table on the screen, JSON and Markdown in `bench/results`."""

import json
import os
import platform
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).with_name("results")


@dataclass(frozen=True)
class Figure:
    """One thing that was measured, the baseline beside it, and what it must not exceed (`limit`)
    or must at least be (`floor`)."""

    what: str
    value: float
    unit: str
    baseline: str = ""
    baseline_value: float | None = None
    limit: float | None = None
    floor: float | None = None

    @property
    def ratio(self) -> float | None:
        """How many times the baseline is of the value."""
        return self.baseline_value / self.value if self.baseline_value else None

    def cells(self) -> tuple[str, ...]:
        """The row of a table."""
        beside = (
            f"{written(self.baseline_value)} {self.unit} ({self.baseline})"
            if self.baseline_value is not None else self.baseline
        )  # fmt: skip
        return (
            self.what, f"{written(self.value)} {self.unit}".rstrip(), self.target, beside,
            f"{written(self.ratio)} ×" if self.ratio else "", self.verdict,
        )  # fmt: skip

    @property
    def target(self) -> str:
        """What it must be, if anything."""
        bounds = (
            f"{sign} {bound:,g} {self.unit}".rstrip()
            for sign, bound in (("<", self.limit), ("≥", self.floor)) if bound
        )  # fmt: skip
        return ", ".join(bounds)

    @property
    def missed(self) -> bool:
        """True if it is not what it must be."""
        too_much = self.limit is not None and self.value >= self.limit
        return too_much or (self.floor is not None and self.value < self.floor)

    @property
    def verdict(self) -> str:
        """`pass` or `FAIL`; nothing without a target."""
        return ("FAIL" if self.missed else "pass") if self.target else ""


def written(value: float) -> str:
    """Three digits that count."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


HEADINGS = ("what", "measured", "must be", "baseline", "ratio", "")


def machine() -> dict[str, str]:
    """Where it ran, and on which versions."""
    return {
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "psycopg": version("psycopg"),
        "cpus": str(os.cpu_count()),
        "system": f"{platform.system()} {platform.machine()}",
        "load": f"{os.getloadavg()[0]:.1f}",
    }


@dataclass
class Report:
    """The figures of one bench."""

    name: str
    title: str
    figures: list[Figure] = field(default_factory=list)
    date: str = field(default_factory=lambda: f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC")
    machine: dict[str, str] = field(default_factory=machine)

    def show(self, console: Console) -> None:
        """Print the table."""
        table = Table(*HEADINGS, title=f"{self.title} · {self.date}", caption=self._machine())
        for figure in self.figures:
            table.add_row(*figure.cells())
        console.print(table)

    def save(self) -> None:
        """Write it in place of the last run's."""
        RESULTS.mkdir(exist_ok=True)
        text = json.dumps(asdict(self), indent=2)
        (RESULTS / f"{self.name}.json").write_text(f"{text}\n")
        (RESULTS / f"{self.name}.md").write_text(self._markdown())

    def missed(self) -> list[str]:
        """What is not as it must be."""
        return [each.what for each in self.figures if each.missed]

    def _machine(self) -> str:
        return ", ".join(f"{name} {value}" for name, value in self.machine.items())

    def _markdown(self) -> str:
        lines = table_of([HEADINGS, *(each.cells() for each in self.figures)])
        return "\n".join(
            [f"# {self.title}", "", f"{self.date}; {self._machine()}.", "", *lines, ""]
        )


def table_of(rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table in Markdown; the first row is its heading."""
    ruled = [rows[0], ("---",) * len(rows[0]), *rows[1:]]
    return [f"| {' | '.join(row)} |" for row in ruled]


def kept(name: str) -> Report:
    """What the last run of a bench found."""
    facts = json.loads((RESULTS / f"{name}.json").read_text())
    return Report(**facts | {"figures": [Figure(**one) for one in facts["figures"]]})
