"""Every bench that takes little besides this machine, at a small size: it does what it says, and
loses nothing. Its figures mean nothing here."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from api.app import PAGES
from bench import accept, batch, call_log, calls, kannel, memory, pages, sms_end_to_end, webhooks
from bench.report import Report

needs_wrk = pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")


def whats(report: Report) -> list[str]:
    return [figure.what for figure in report.figures]


@needs_wrk
@pytest.mark.parametrize(
    "run",
    [
        lambda: accept.run(rounds=1, seconds=1, warm=1),
        lambda: batch.run(size=20, rounds=1, seconds=1, warm=1),
        lambda: memory.run(seconds=4, idle_seconds=0.5),
    ],
    ids=["accept", "batch", "memory"],
)
def test_a_bench_with_load(run: Callable[[], Report]) -> None:
    report = run()
    assert all(figure.value >= 0 for figure in report.figures)
    assert any(figure.target for figure in report.figures)


def test_call_log(tmp_path: Path) -> None:
    """Searched in databases that were made for it, one of them twice."""
    for _ in range(2):
        report = call_log.run(300, 6_000, ("sqlite",), rounds=2, folder=tmp_path)
    kinds = call_log.Mix(["+15551234567"], 1).kinds()
    assert len(report.figures) == 2 * len(kinds) + 2
    assert {path.name for path in tmp_path.glob("*.db")} == {"calls-300.db", "calls-6000.db"}
    assert len(call_log.run(100, 300, ("postgres",), rounds=2).figures) == len(report.figures)


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_pages(database: str) -> None:
    """Every page has an address among rows that were made for it, and answers."""
    report = pages.run(1_000, (database,), rounds=1)
    without = {"/register/{token}", "/reset/{token}", "/invitation/{token}",
               "/admin/identity/{id}"}  # fmt: skip
    (slowest, *figures) = report.figures
    assert slowest.value == max(figure.value for figure in figures)
    met = {figure.what.split(", ")[1].partition("?")[0] for figure in figures}
    shown = {page.path for page in PAGES if page.method == "GET" and page.template}
    assert shown - met <= without


def test_calls() -> None:
    figures = {figure.what: figure.value for figure in calls.run(rounds=1, count=5).figures}
    assert figures["calls placed, answered and settled"] > 0


def test_webhooks() -> None:
    report = webhooks.run(backlog=600, single=3)
    figures = {figure.what: figure.value for figure in report.figures}
    assert figures["signed deliveries"] > 0
    assert figures["sent more than once"] == 0


@needs_wrk
@pytest.mark.parametrize("beside", [False, True], ids=["alone", "kannel"])
def test_sms_end_to_end(beside: bool) -> None:
    if beside and not kannel.there():
        pytest.skip("Kannel is not installed")
    report = sms_end_to_end.run(seconds=2, calm_seconds=2, beside=beside)
    figures = {figure.what: figure for figure in report.figures}
    assert figures["accepted, and never told"].value <= 0, "it is what wrk waited for, at least"
    assert bool(figures["through all legs, 2,000/s offered"].baseline) == beside
