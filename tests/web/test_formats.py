"""Money, time and phone numbers are written in one way."""

import json
from typing import Any

import pytest

from api.web import formats
from api.web.templates import environment

AT = 1768248900_000_000
"""2026-01-12T20:15:00Z."""


@pytest.mark.parametrize(
    ("template", "value", "text"),
    [
        ("money('USD')", 25_000_000, "25.00 USD"),
        ("money('USD')", 6_000, "0.006 USD"),
        ("money('USD')", 1_234_567_890_000, "1,234,567.89 USD"),
        ("money('EUR')", -500_000, "−0.50 EUR"),
        ("money('EUR')", None, "–"),
        ("plain", 1_234_567_890_000, "1234567.89"),
        ("plain", None, ""),
        ("phone", "+15550111222", "+1 555-011-1222"),
        ("phone", "+4930123456", "+49 30 123456"),
        ("phone", "alice", "alice"),
        ("phone", "+9", "+9"),
        ("phone", "", "–"),
        ("phone", "<b>", "&lt;b&gt;"),
        ("time", AT, '<time datetime="2026-01-12T20:15:00Z">12 Jan 2026, 20:15:00 UTC</time>'),
        ("time", None, "–"),
        ("date", AT, '<time datetime="2026-01-12">12 Jan 2026</time>'),
        ("date", None, "–"),
        ("duration", 5, "0:05"),
        ("duration", 75, "1:15"),
        ("duration", 3675, "1:01:15"),
        ("duration", None, "–"),
        ("span", 45, "45 s"),
        ("span", 12 * 60, "12 min"),
        ("span", 3 * 3600 + 59, "3 h"),
        ("span", 9 * 86400, "9 d"),
        ("count_of", 1_234_567, "1,234,567"),
        ("count_of", None, "–"),
        ("size", 1536, "1.5 KiB"),
        ("size", 12, "12 B"),
        ("size", 5 * 1024**3, "5 GiB"),
        ("words", "no_answer", "No answer"),
    ],
)
def test_filters(template: str, value: Any, text: str) -> None:
    made = environment().from_string("{{ value | " + template + " }}")
    assert made.render(value=value) == text


def test_percent() -> None:
    assert formats.percent(2, 3) == "66.7 %"
    assert formats.percent(0, 0) == "–"


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ({}, {}, []),
        ({}, {"how": "password"}, [("How", "password")]),
        ({"spend_day_max": None, "calls_max": 2}, {"spend_day_max": 1_500_000, "calls_max": 30},
         [("Spend day max", "– → 1.50 EUR"), ("Calls max", "2 → 30")]),
        ({"amount_micros": 0}, {"amount_micros": 5}, [("Amount", "0.00 EUR → 0.000005 EUR")]),
        ({"role": "owner"}, {}, [("Role", "owner → –")]),
        ({}, {"enabled": False, "registers": True}, [("Enabled", "no"), ("Registers", "yes")]),
        ({}, {"to": "+15550111222", "events": [], "cidrs": ""},
         [("To", "+1 555-011-1222"), ("Events", "–"), ("Cidrs", "–")]),
        ({}, {"body": {"text": "Grüße"}}, [("Body", "{&#34;text&#34;: &#34;Grüße&#34;}")]),
    ],
)  # fmt: skip
def test_what_an_act_changed(
    before: dict[str, object], after: dict[str, object], said: list[tuple[str, str]]
) -> None:
    found = formats.changes(json.dumps(before), json.dumps(after), "EUR")
    assert [tuple(map(str, one)) for one in found] == said


def test_hostile_facts_are_escaped_and_times_are_told() -> None:
    after = json.dumps({"<b>": "<script>", "expires_at": 1_795_750_747_000_000, "raw": ["<i>"]})
    found = {str(name): str(told) for name, told in formats.changes("{}", after, "")}
    assert found["&lt;b&gt;"] == "&lt;script&gt;"
    assert found["Raw"] == "[&#34;&lt;i&gt;&#34;]"
    assert ">27 Nov 2026, 03:39:07 UTC</time>" in found["Expires at"]
