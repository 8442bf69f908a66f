"""The documentation says what the code does: settings, samples, links."""

import re
from pathlib import Path

from telephony.settings import Settings
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
