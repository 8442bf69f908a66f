"""The samples that send a message run against a whole installation: PHP with Guzzle, node, curl."""

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.installation import Installation
from tests.e2e.test_samples import Paste, answers, page, run
from tests.fixtures_pbx import eventually

__all__ = ["page"]

GUZZLE = "/usr/share/php/GuzzleHttp/autoload.php"


def delivered(here: Installation, before: int) -> bool:
    """Those that came after so many of other tests."""
    rows = messages(here)[before:]
    return len(rows) == 3 and all(row["status"] == "delivered" for row in rows)


def messages(here: Installation) -> list[dict[str, Any]]:
    return here.rows("SELECT * FROM message WHERE to_number = '+15551234567' ORDER BY id")


def test_the_samples_send(here: Installation, page: Paste, tmp_path: Path) -> None:
    before = len(messages(here))
    php = tmp_path / "sms.php"
    # A page shows a part of a file: its opening, and the library, are the reader's.
    php.write_text(f"<?php require '{GUZZLE}';\n{page('sms.php')}\necho $resp->getBody();")
    (answer,) = answers(run("php", str(php)))
    assert (answer["to"], answer["status"], answer["segments"]) == ("+15551234567", "queued", 1)
    node = tmp_path / "sms.mjs"
    node.write_text(page("sms.mjs"))
    run("node", str(node))
    run("node", str(node))  # with the same Idempotency-Key
    shell = tmp_path / "sms.sh"
    shell.write_text(page("sms.sh"))
    (answer,) = answers(run("sh", str(shell)))
    assert answer["message_id"].startswith("msg_")
    eventually(lambda: delivered(here, before), what="three delivered messages")


@pytest.mark.parametrize("sample", ["sms.php", "sms.mjs", "sms.sh"])
def test_the_guide_shows_them(sample: str) -> None:
    root = Path(__file__).parents[2]
    text = (root / "docs/samples" / sample).read_text()
    assert text in (root / "docs/sms.md").read_text()
