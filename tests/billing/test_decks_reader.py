"""A price list is read whole or refused with every reason."""

import csv
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.tariffs import COLUMNS
from telephony.billing.decks import reader
from telephony.billing.decks.changes import FIRST_MAX, Changes, compare, numbers
from telephony.billing.decks.files import LINE_BYTES_MAX, decimal, lines
from telephony.billing.decks.reader import ILLUSTRATIVE, DeckError, Fault, Faults, read, rows
from telephony.money import MICROS, to_micros
from tests.factories import rate

HEAD = ",".join(COLUMNS)
GOOD = "49,Germany,DE,direct,0.006,0.012,0,60,60,0"


def faults(*text: str) -> list[tuple[int, str]]:
    """The faults of a file of these lines below the usual heading."""
    found = Faults()
    list(rows(f"{HEAD}\n{chr(10).join(text)}\n".splitlines(keepends=True), found))
    return [(fault.line, fault.reason) for fault in found.first]


def changed(**values: str) -> str:
    """The good line with some of its fields replaced."""
    fields = dict(zip(COLUMNS, GOOD.split(","), strict=True)) | values
    out = io.StringIO()
    csv.writer(out).writerow(fields.values())
    return out.getvalue().strip()


def test_a_good_line_is_read_exactly() -> None:
    line = '49,"Germany, the",DE,direct,0.006,12.345678,1,30,6,3'
    assert read([HEAD, line]) == [
        rate("49", country="Germany, the", iso="DE", voice_per_minute=12_345_678,
             voice_connect_fee=MICROS, voice_initial_seconds=30, voice_increment_seconds=6,
             voice_free_seconds=3)
    ]  # fmt: skip


def test_columns_may_come_in_any_order_and_free_seconds_not_at_all() -> None:
    names = [name for name in reversed(COLUMNS) if name != "voice_free_seconds"]
    row = dict(zip(COLUMNS, GOOD.split(","), strict=True))
    (found,) = read([" , ".join(names), " , ".join(row[name] for name in names)])
    assert found["voice_free_seconds"] == 0
    assert (found["prefix"], found["voice_per_minute"]) == ("49", 12_000)


def test_the_deck_that_comes_with_the_platform_is_good() -> None:
    found = read(lines(ILLUSTRATIVE, lambda _: None))
    assert len(found) > 200
    assert len({row["prefix"] for row in found}) == len(found)


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        *(("prefix", value, "1 to 15 digits") for value in (
            "", "+49", "049", "4 9", "49x", "1" * 16, "４９", "-49")),
        *(("iso", value, "two letters") for value in ("", "de", "DEU", "D1", "12")),
        *(("sms_per_segment", value, "is not an amount") for value in (
            "", "-1", "0.0000001", "1e3", "1_000", "NaN", "Infinity", "0,5", "$1", "٣", ".5")),
        ("voice_per_minute", "10000.000001", "is more than 10000"),
        ("voice_connect_fee", "999999999", "is more than 10000"),
        *(("voice_initial_seconds", value, "from 0 to 86400") for value in (
            "", "-1", "1.5", "86401", "1_0", "٣", "9" * 30)),
        *(("voice_increment_seconds", value, "from 1 to 86400") for value in ("0", "86401")),
        ("voice_free_seconds", "86401", "from 0 to 86400"),
        *((name, value, "1 to 100 characters") for name in ("country", "route") for value in (
            "", "  ", "x" * 101, "a\0b", "a\x07", "a\nb", "\udcff")),
    ],
)  # fmt: skip
def test_a_bad_field_is_named_with_its_line(column: str, value: str, reason: str) -> None:
    ((line, told),) = faults(GOOD, changed(**{"prefix": "44", column: value}))
    assert line == 3
    assert told.startswith(f"{column}: ")
    assert reason in told
    assert told.isascii()
    assert len(told) < 120


def test_every_bad_line_is_told_and_every_reason_of_a_line() -> None:
    told = faults(
        changed(prefix="x", iso="x", sms_per_segment="x"), GOOD, "", "1,2,3", "44,,,,,,,,,",
        changed(prefix="33"), f"{changed(prefix='34')},", '35,"a"b,' + "," * 7,
    )  # fmt: skip
    assert [line for line, _ in told] == [2, 2, 2, 5, *[6] * 9, 8, 9]
    reasons = dict(told)
    assert reasons[5] == "3 fields instead of 10"
    assert reasons[8] == "11 fields instead of 10"
    assert reasons[9].startswith("not CSV: ")


def test_a_prefix_twice_is_a_fault_of_the_second() -> None:
    bad_first = changed(prefix="44", iso="x")
    told = faults(GOOD, changed(prefix="44"), GOOD, f" {GOOD}", bad_first)
    assert told == [
        (4, "prefix: 49 is on line 2 already"),
        (5, "prefix: 49 is on line 2 already"),
        (6, "iso: 'x' is not a country's two letters, or 001 and the like"),
        (6, "prefix: 44 is on line 3 already"),
    ]


def test_a_field_over_several_lines_counts_them() -> None:
    told = faults('49,"a\nb",DE,direct,0,0,0,1,1,0', changed(prefix="x"))
    assert [line for line, _ in told] == [2, 4]


@pytest.mark.parametrize(
    ("heading", "reason"),
    [
        ("", "lacks prefix, country, iso"),
        (HEAD.replace(",", ";"), "lacks prefix"),
        (GOOD, "lacks prefix"),
        (HEAD.replace("iso", "price"), "lacks iso; does not know price"),
        (f"{HEAD},iso", "has twice iso"),
        (f"{HEAD},", "does not know "),
    ],
)
def test_a_wrong_heading_is_the_only_fault(heading: str, reason: str) -> None:
    found = Faults()
    assert list(rows([heading, GOOD], found)) == []
    assert found.count == 1
    assert found.first[0].line == 1
    assert reason in found.first[0].reason


def test_faults_beyond_the_limit_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "FAULTS_MAX", 3)
    with pytest.raises(DeckError, match=r"^5 faults, the first: line 2: 1 fields") as refused:
        read([HEAD, *"abcde"])
    assert refused.value.faults.count == 5
    assert [fault.line for fault in refused.value.faults.first] == [2, 3, 4]
    assert refused.value.faults.first[0] == Fault(2, "1 fields instead of 10")


@given(st.lists(st.text(max_size=30), max_size=8))
def test_no_text_is_too_odd(text: list[str]) -> None:
    """Whatever the file holds, it is read or refused line by line."""
    found = Faults()
    for row in rows([f"{HEAD}\n", *(f"{line}\n" for line in text)], found):
        assert set(row) == set(COLUMNS)
    assert all(2 <= fault.line <= len(text) + 1 for fault in found.first)


@pytest.mark.parametrize("wrap", [lambda raw: raw, lambda raw: b"\xef\xbb\xbf" + raw,
                                  lambda raw: raw.replace(b"\n", b"\r\n")])  # fmt: skip
def test_files_of_spreadsheets_are_read(tmp_path: Path, wrap: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "deck.csv"
    path.write_bytes(wrap(f"{HEAD}\n{changed(country='Türkiye')}\n".encode()))
    seen: list[int] = []
    assert [row["country"] for row in read(lines(path, seen.append))] == ["Türkiye"]
    assert sum(seen) == path.stat().st_size


@pytest.mark.parametrize(
    "raw",
    [
        b"\xff\xfe4\x009\x00",
        b"\0" * 100,
        b"x" * 3 * LINE_BYTES_MAX,
        b"49,Stra\xdfe,DE,direct,0,0,0,1,1,0",
        b'"' * 200_001,
        b"49,a,DE,direct,0,0,0,1,1,0\r44,a,DE,direct,0,0,0,1,1,0",
    ],
)
def test_bytes_that_are_no_deck_are_refused(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "deck.csv"
    path.write_bytes(f"{HEAD}\n".encode() + raw)
    with pytest.raises(DeckError, match="line 2: "):
        read(lines(path, lambda _: None))


@given(st.integers(0, 10_000 * MICROS))
def test_an_amount_is_written_as_it_is_read(amount: int) -> None:
    assert to_micros(decimal(amount)) == amount


@pytest.mark.parametrize(
    ("facts", "kind"),
    [
        ({"sms_per_segment": 6_001}, "dearer"),
        ({"voice_per_minute": 12_001}, "dearer"),
        ({"voice_connect_fee": 1}, "dearer"),
        ({"voice_per_minute": 11_999, "sms_per_segment": 6_001}, "dearer"),
        ({"voice_per_minute": 11_999}, "cheaper"),
        ({"voice_increment_seconds": 1}, "cheaper"),
        ({"voice_increment_seconds": 61}, "dearer"),
        ({"voice_increment_seconds": 59}, "dearer"),  # 121 s: 60 + 2×59 = 178, not 180; 179: 237
        ({"voice_initial_seconds": 30}, "dearer"),  # 91 s: 30 + 2×60 = 150, and 120 before
        ({"voice_initial_seconds": 0}, "relabelled"),  # 0/60 bills as 60/60 does
        ({"voice_free_seconds": 3}, "cheaper"),
        ({"voice_free_seconds": 3, "voice_connect_fee": 1}, "dearer"),
        ({"route": "gold"}, "relabelled"),
        ({"country": "Elsewhere", "iso": "YY"}, "relabelled"),
        ({}, None),
    ],
)
def test_what_changes_is_told(facts: dict[str, int], kind: str | None) -> None:
    changes = Changes()
    list(compare({"1": numbers(rate("1"))}, [rate("1", **facts)], changes))
    assert dict(changes.counts) == ({kind: 1} if kind else {})
    assert changes.rates == 1
    for told, first in changes.first.items():
        assert [change.prefix for change in first] == (["1"] if told == kind else [])


def test_only_the_first_changes_are_kept() -> None:
    changes = Changes()
    old = {f"2{at}": numbers(rate("2")) for at in range(100)}
    list(compare(old, [rate(f"1{at}") for at in range(100)], changes))
    assert changes.counts == {"new": 100, "gone": 100}
    assert [len(changes.first[kind]) for kind in ("new", "gone")] == [FIRST_MAX, FIRST_MAX]
    assert changes.first["gone"][0].new is None is changes.first["new"][0].old
