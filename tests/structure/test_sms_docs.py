"""`docs/sms.md` says what the code does: states, options, commands, settings of the sandbox."""

import re
from pathlib import Path

from typer.main import get_command

from db.messages import MessageStatus
from telephony.sms.keywords import BY_LANGUAGE
from telephony.sms.providers.http_options import HttpInbound, HttpOptions
from telephony.sms.providers.registry import kinds
from telephony.sms.providers.sandbox import _ENDINGS
from telephony.sms.providers.smpp_options import SmppOptions
from telephony.sms.senders import WITHOUT_NAMES
from tests.commands import cli
from tests.structure.message_states import diagram

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/sms.md").read_text()


def section(title: str) -> str:
    return PAGE.split(f"## {title}\n")[1].split("\n## ")[0]


def test_the_diagram_is_the_transition_table() -> None:
    found = re.search(r"```mermaid\n(.*?)```", PAGE, re.DOTALL)
    assert found
    assert found[1] == diagram(), "run `python -m tests.structure.message_states`"


def test_every_state_is_explained() -> None:
    assert set(re.findall(r"(?m)^\| `(\w+)` \|", section("States"))) == set(MessageStatus)


def test_every_kind_and_option_is_named() -> None:
    providers = section("Providers")
    assert all(f"`{kind}`" in providers for kind in kinds())
    for model in (HttpOptions, HttpInbound, SmppOptions):
        missing = {name for name in model.model_fields if f"`{name}`" not in PAGE}
        assert missing == set(), model


def test_commands_that_are_named_exist() -> None:
    commands = get_command(cli).commands  # type: ignore[attr-defined]
    named = re.findall(r"sms-voip ([a-z-]+) ([a-z]+)", PAGE)
    assert named
    for group, name in named:
        assert name in commands[group].commands, f"{group} {name}"


def test_numbers_countries_and_languages_are_those_of_the_code() -> None:
    sandbox = section("Test mode")
    assert set(re.findall(r"`…(\d{4})`", sandbox)) == {*_ENDINGS, "0003", "0006", "0010", "0011"}
    listed = re.search(r"country codes ([\d, ]+)", PAGE)
    assert listed
    assert set(listed[1].replace(" ", "").strip(",").split(",")) == WITHOUT_NAMES
    assert f"{len(BY_LANGUAGE)} languages" in PAGE


def test_the_example_of_a_package_is_the_one_that_is_tested() -> None:
    example = (ROOT / "tests/sms/pigeon/pyproject.toml").read_text()
    entry = example[example.index("[project.entry-points") :].split("\n\n")[0]
    assert entry in PAGE
