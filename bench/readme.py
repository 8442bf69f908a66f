"""The short form of the results, in the README between two marks."""

from pathlib import Path

from bench.report import RESULTS, kept, table_of

README = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- bench: `python -m bench --readme` writes what follows -->", "<!-- /bench -->"


HEADINGS = ("bench", "what", "measured", "must be", "beside it", "", "on")


def table() -> str:
    """Every figure with a target that the last runs found."""
    reports = [kept(path.stem) for path in sorted(RESULTS.glob("*.json"))]
    rows = [
        (f"`{report.name}`", *figure.cells()[:4], figure.verdict, report.date[:10])
        for report in reports for figure in report.figures if figure.target
    ]  # fmt: skip
    return "\n".join(table_of([HEADINGS, *rows]))


def with_table(text: str) -> str:
    """The README with the table as it is now."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"


def write() -> None:
    """Bring the README in step with the results."""
    README.write_text(with_table(README.read_text()))
