"""Every bench that takes little besides this machine, at a small size: it does what it says, and
loses nothing. Its figures mean nothing here."""

import shutil
from collections.abc import Callable

import pytest

from bench import accept, batch, memory, webhooks
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


def test_webhooks() -> None:
    report = webhooks.run(backlog=600, single=3)
    figures = {figure.what: figure.value for figure in report.figures}
    assert figures["signed deliveries"] > 0
    assert figures["sent more than once"] == 0
