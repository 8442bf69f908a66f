"""`python -m bench` runs every bench, `python -m bench NAME …` some; `--list` only names them, and
`--readme` writes what was found into the README."""

import sys
from collections.abc import Callable

from rich.console import Console

from bench import (
    accept,
    batch,
    call_log,
    calls,
    cdr,
    memory,
    pages,
    rates,
    readme,
    sip_accounts,
    smpp,
    sms_end_to_end,
    webhooks,
)
from bench.report import Report

BENCHES: dict[str, Callable[[], Report]] = {
    "accept": accept.run,
    "batch": batch.run,
    "call_log": call_log.run,
    "calls": calls.run,
    "cdr": cdr.run,
    "memory": memory.run,
    "pages": pages.run,
    "rates": rates.run,
    "sip_accounts": sip_accounts.run,
    "smpp": smpp.run,
    "sms_end_to_end": sms_end_to_end.run,
    "webhooks": webhooks.run,
}


def main(words: list[str]) -> int:
    """The exit status: 1 if a figure exceeds its limit, 2 for a bench that does not exist."""
    console = Console()
    if words == ["--readme"]:
        readme.write()
        return 0
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
        console.print(f"missed: {what}", style="red")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
