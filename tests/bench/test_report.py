"""What a bench found is judged, kept and shown."""

import json
from pathlib import Path

import pytest
from rich.console import Console

from bench import __main__ as command
from bench import readme, report
from bench.report import Figure, Report, kept, written


@pytest.mark.parametrize(
    ("figure", "verdict", "target"),
    [
        (Figure("a", 9.0, "ms", limit=10), "pass", "< 10 ms"),
        (Figure("a", 10.0, "ms", limit=10), "FAIL", "< 10 ms"),
        (Figure("a", 0.35, "", floor=0.35), "pass", "≥ 0.35"),
        (Figure("a", 0.34, "", floor=0.35), "FAIL", "≥ 0.35"),
        (Figure("a", 5.0, "/s", limit=9, floor=6), "FAIL", "< 9 /s, ≥ 6 /s"),
        (Figure("a", 5.0, "/s"), "", ""),
    ],
)
def test_a_figure_is_judged(figure: Figure, verdict: str, target: str) -> None:
    assert (figure.verdict, figure.target) == (verdict, target)


def test_three_digits_count() -> None:
    assert [written(one) for one in (12_345.6, 99.94, 9.999, 0.5)] == [
        "12,346", "99.9", "10.00", "0.50"
    ]  # fmt: skip


def test_a_baseline_is_shown_beside() -> None:
    cells = Figure("rate", 50.0, "/s", "bare", 200.0).cells()
    assert cells[3:5] == ("200 /s (bare)", "4.00 ×")


def test_a_report_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "RESULTS", tmp_path)
    made = Report("x", "Title", [Figure("a", 1.0, "ms", limit=2), Figure("b", 3.0, "s", floor=4)])
    made.save()
    assert kept("x") == made
    assert json.loads((tmp_path / "x.json").read_text())["date"] == made.date
    lines = (tmp_path / "x.md").read_text().splitlines()
    assert lines[0] == "# Title"
    assert lines[-2:] == [
        "| a | 1.00 ms | < 2 ms |  |  | pass |", "| b | 3.00 s | ≥ 4 s |  |  | FAIL |"
    ]  # fmt: skip
    assert made.missed() == ["b"]


def test_the_command_tells_what_was_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(report, "RESULTS", tmp_path)
    made = Report("x", "Title", [Figure("slow one", 3.0, "ms", limit=2)])
    monkeypatch.setattr(command, "BENCHES", {"x": lambda: made})
    assert command.main(["x"]) == 1
    assert "missed: slow one" in capsys.readouterr().out
    assert command.main(["unknown"]) == 2
    assert command.main(["--list"]) == 0
    made.figures.clear()
    assert command.main([]) == 0


def test_every_result_belongs_to_a_bench() -> None:
    names = {path.stem for path in report.RESULTS.glob("*.json")}
    assert names <= set(command.BENCHES)
    assert names == {path.stem for path in report.RESULTS.glob("*.md")}
    for name in names:
        Console(file=None, quiet=True).print(kept(name).title)


def test_the_readme_shows_the_results() -> None:
    """`python -m bench --readme` brings it in step."""
    text = readme.README.read_text()
    assert readme.with_table(text) == text
    assert readme.table() in text
