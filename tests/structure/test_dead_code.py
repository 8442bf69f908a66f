"""Nothing in the source is without use."""

import re
from pathlib import Path

from vulture import Vulture

from api.cli import COMMANDS

ROOT = Path(__file__).parents[2]
KINDS = {"function", "method", "property", "import", "unreachable_code"}
USED_BY_OTHERS = {
    "capture_signals": "uvicorn calls it",
    "data_received": "asyncio calls it",
    "datagram_received": "asyncio calls it",
    "error_received": "asyncio calls it",
    "pause_writing": "asyncio calls it",
    "resume_writing": "asyncio calls it",
    "resolve": "aiohttp calls it",
    "drift": "tests prove with it that nothing drifted",
    "balances": "tests look at wallets with it",
    "wait_ready": "tests wait for a link with it",
    "dial": "tests call from a softphone with it",
}
DECORATORS = [
    "@endpoint", "@page", "@*.command", "@field_serializer", "@field_validator", "@model_validator",
]  # fmt: skip


def named_in_templates() -> set[str]:
    """Attributes that pages show."""
    texts = [path.read_text() for path in ROOT.glob("api/*/templates/**/*.html")]
    return {name for text in texts for name in re.findall(r"\.([a-z_]+)", text)}


def test_no_dead_code() -> None:
    by_name = {place.partition(":")[2] for place in COMMANDS.values()}
    names = [*USED_BY_OTHERS, *named_in_templates(), *by_name]
    vulture = Vulture(ignore_decorators=DECORATORS, ignore_names=names)
    vulture.scavenge([str(ROOT / folder) for folder in ("api", "telephony", "db")])
    found = [
        f"{item.filename.relative_to(ROOT)}:{item.first_lineno} {item.name}"
        for item in vulture.get_unused_code(min_confidence=60)
        if item.typ in KINDS and "migrations" not in str(item.filename)
    ]
    assert found == []
