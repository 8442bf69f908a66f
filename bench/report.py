"""What a bench found: a table on the screen, JSON and Markdown in `bench/results`."""

import json
import os
import platform
import sqlite3
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).with_name("results")


@dataclass(frozen=True)
class Figure:
    """One thing that was measured, the baseline beside it, and what it must not exceed."""

    what: str
    value: float
    unit: str
    baseline: str = ""
    baseline_value: float | None = None
    limit: float | None = None

    @property
    def ratio(self) -> float | None:
        """How many times the baseline is of the value."""
        return self.baseline_value / self.value if self.baseline_value else None

    def cells(self) -> tuple[str, ...]:
        """The row of a table."""
        beside = (
            f"{self.baseline_value:,.1f} {self.unit} ({self.baseline})" if self.baseline else ""
        )
        return (
            self.what,
            f"{self.value:,.1f} {self.unit}",
            f"< {self.limit:g} {self.unit}" if self.limit else "",
            beside,
            f"{self.ratio:,.0f} ×" if self.ratio else "",
        )  # fmt: skip


HEADINGS = ("what", "measured", "must be", "baseline", "ratio")


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
        """What exceeds its limit."""
        return [each.what for each in self.figures if each.limit and each.value >= each.limit]

    def _machine(self) -> str:
        return ", ".join(f"{name} {value}" for name, value in self.machine.items())

    def _markdown(self) -> str:
        rows = [HEADINGS, ("---",) * len(HEADINGS), *(each.cells() for each in self.figures)]
        lines = [f"| {' | '.join(row)} |" for row in rows]
        return "\n".join(
            [f"# {self.title}", "", f"{self.date}; {self._machine()}.", "", *lines, ""]
        )
