"""The documentation says what the code does: settings, samples, links."""

import re
from pathlib import Path
from typing import Any

from telephony.settings import Settings
from telephony.webhooks.signing import new_secret, sign
from tests.structure.settings_page import page

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "ARCHITECTURE.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_links_lead_somewhere() -> None:
    for path in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text()):
            assert (path.parent / target).exists(), f"{path.name} links to {target}"


def test_settings_that_are_named_exist() -> None:
    known = {f"SMS_VOIP_{name.upper()}" for name in Settings.model_fields} | {"SMS_VOIP_KEY"}
    for path in PAGES:
        assert set(re.findall(r"SMS_VOIP_[A-Z_]*[A-Z]", path.read_text())) <= known, path.name


def test_the_settings_page_is_up_to_date() -> None:
    stored = (ROOT / "docs/settings.md").read_text()
    assert stored == page(), "run `python -m tests.structure.settings_page > docs/settings.md`"


def test_make_targets_that_are_named_exist() -> None:
    targets = set(re.findall(r"(?m)^([a-z]+):", (ROOT / "Makefile").read_text()))
    for path in PAGES:
        assert set(re.findall(r"`make ([a-z]+)`", path.read_text())) <= targets, path.name


def test_the_python_sample_verifies_our_signature() -> None:
    text = (ROOT / "docs/webhooks.md").read_text()
    sample = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert sample
    names: dict[str, Any] = {}
    exec(sample[1], names)
    secret, body = new_secret(), b'{"event": "call_completed"}'
    now = int(names["time"].time())
    header = sign(secret, "evt_1", body, now)["X-Signature"]
    assert names["is_genuine"](secret, header, body)
    assert not names["is_genuine"](secret, header, body + b" ")
    assert not names["is_genuine"](new_secret(), header, body)
    old = sign(secret, "evt_1", body, now - 301)["X-Signature"]
    assert not names["is_genuine"](secret, old, body)
