"""The snippets of docs/webhooks.md, run by the interpreter of each language, agree with us."""

import json
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from telephony.webhooks.signing import new_secret, sign

PAGE = Path(__file__).parents[2] / "docs/webhooks.md"
SECONDS_MAX = 60
BODY = '{"event": "message_received", "text": "Grüße = 1, 2, 3"}'
NODE = """
import { readFileSync } from "node:fs";
import { isGenuine, isGenuineStandard } from "./sample.mjs";
const cases = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify(cases.map((one) => [
  isGenuine(one.secret, one.headers["X-Signature"], Buffer.from(one.body)),
  isGenuineStandard(one.secret, one.headers, Buffer.from(one.body)),
])));
"""
PHP = """
require 'sample.php';
$cases = json_decode(file_get_contents('php://stdin'), true);
echo json_encode(array_map(fn ($one) => [
    is_genuine($one['secret'], $one['headers']['X-Signature'], $one['body']),
    is_genuine_standard($one['secret'], $one['headers'], $one['body']),
], $cases));
"""
Case = dict[str, Any]


def snippet(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert found
    return found[1]


def cases() -> list[tuple[str, Case, bool]]:
    """What may come: whether it is genuine."""
    secret, next_one, other = new_secret(), new_secret(), new_secret()
    now = int(time.time())
    headers = sign(secret, "evt_1", BODY.encode(), now)
    both = sign([next_one, secret], "evt_1", BODY.encode(), now)
    forged = headers | {"X-Signature": "v1=é", "webhook-signature": "v1,é"}
    empty = headers | {"X-Signature": "", "webhook-timestamp": "", "webhook-signature": ""}
    later = sign(secret, "evt_1", BODY.encode(), now)
    later |= {"X-Signature": later["X-Signature"].replace(str(now), str(now + 1)),
              "webhook-timestamp": str(now + 1)}  # fmt: skip

    def case(headers: dict[str, str], secret: str = secret, body: str = BODY) -> Case:
        return {"secret": secret, "headers": headers, "body": body}

    return [
        ("genuine", case(headers), True),
        ("in rotation, old secret", case(both), True),
        ("in rotation, new secret", case(both, next_one), True),
        ("in rotation, another secret", case(both, other), False),
        ("another secret", case(headers, other), False),
        ("another body", case(headers, body=BODY + " "), False),
        ("another time", case(later), False),
        ("too old", case(sign(secret, "evt_1", BODY.encode(), now - 400)), False),
        ("from the future", case(sign(secret, "evt_1", BODY.encode(), now + 400)), False),
        ("not a signature", case(forged), False),
        ("nothing", case(empty), False),
    ]  # fmt: skip


def python(given: list[Case], _: Path) -> list[list[bool]]:
    names: dict[str, Any] = {}
    exec(snippet("python"), names)
    return [
        [names["is_genuine"](one["secret"], one["headers"]["X-Signature"], one["body"].encode()),
         names["is_genuine_standard"](one["secret"], one["headers"], one["body"].encode())]
        for one in given
    ]  # fmt: skip


def node(given: list[Case], folder: Path) -> list[list[bool]]:
    (folder / "sample.mjs").write_text(snippet("js"))
    (folder / "main.mjs").write_text(NODE)
    return run(["node", "main.mjs"], given, folder)


def php(given: list[Case], folder: Path) -> list[list[bool]]:
    (folder / "sample.php").write_text(snippet("php"))
    return run(["php", "-d", "display_errors=stderr", "-r", PHP], given, folder)


def run(command: list[str], given: list[Case], folder: Path) -> list[list[bool]]:
    done = subprocess.run(
        command, input=json.dumps(given), capture_output=True, text=True, cwd=folder,
        timeout=SECONDS_MAX, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    found: list[list[bool]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("language", [python, node, php])
def test_the_snippets_tell_what_is_genuine(
    language: Callable[[list[Case], Path], list[list[bool]]], tmp_path: Path
) -> None:
    known = cases()
    found = language([case for _, case, _ in known], tmp_path)
    told = {name: answers for (name, _, _), answers in zip(known, found, strict=True)}
    assert told == {name: [wanted, wanted] for name, _, wanted in known}
