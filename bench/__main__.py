"""`python -m bench` runs every bench, `python -m bench NAME …` some, `--list` only names them."""

import sys
from collections.abc import Callable

from rich.console import Console

from bench import rates, sip_accounts, smpp
from bench.report import Report

BENCHES: dict[str, Callable[[], Report]] = {
    "rates": rates.run,
    "sip_accounts": sip_accounts.run,
    "smpp": smpp.run,
}


def main(words: list[str]) -> int:
    """The exit status: 1 if a figure exceeds its limit, 2 for a bench that does not exist."""
    console = Console()
    unknown = [word for word in words if word not in BENCHES and word != "--list"]
    if unknown or "--list" in words:
        for name in BENCHES:
            console.print(name)
        return 2 if unknown else 0
    missed = []
    for name in words or BENCHES:
        report = BENCHES[name]()
        report.show(console)
        report.save()
        missed += report.missed()
    for what in missed:
        console.print(f"too slow: {what}", style="red")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
