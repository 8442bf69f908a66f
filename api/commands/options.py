"""What several commands begin with: the settings, and where they print."""

import sys
from datetime import UTC, datetime

from pydantic import ValidationError
from rich.console import Console

from telephony import clock
from telephony.clock import SECOND, Instant
from telephony.settings import Settings

COLUMNS_MAX = 1000
"""In a file or a pipe no table is folded: whoever reads it looks for whole ids."""

console = Console(width=None if sys.stdout.isatty() else COLUMNS_MAX)


def settings() -> Settings:
    """From the environment; a wrong one is named with its help line and ends the command."""
    try:
        return Settings()
    except ValidationError as error:
        for finding in error.errors():
            name = str(finding["loc"][0])
            field = Settings.model_fields.get(name)
            console.print(f"SMS_VOIP_{name.upper()}: {finding['msg']}", style="red", markup=False)
            console.print(f"  {field.description if field else ''}", markup=False)
        raise SystemExit(2) from error


def instant(text: str) -> Instant:
    """`2026-11-01`, `2026-11-01T08:00:00+01:00` or `now`; UTC unless it says otherwise."""
    if text == "now":
        return clock.now()
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp()) * SECOND
