"""Which price counts: the version in force, the longest prefix, the account's own before the
list's."""

from typing import Any

import pytest

from db import accounts, decks, tariffs
from db.connection import Conn
from db.database import Database
from telephony.billing.rating import Rate, rate_for
from telephony.clock import SECOND, now
from telephony.errors import DestinationNotAllowedError
from tests.billing.decks import public_list
from tests.factories import TARIFF, Customer, customer, rate, seed_platform

DAY = 86_400 * SECOND
START = 1_768_000_000_000_000
NUMBER = "+15550111222"


def version(conn: Conn, valid_from: int, *rates: dict[str, Any], name: str = TARIFF) -> str:
    """A published version of a tariff."""
    lease = START + DAY
    version_id = decks.stage(conn, name, "USD", valid_from, lease, START)
    assert decks.fill(conn, version_id, list(rates), lease)
    assert decks.publish(conn, version_id, len(rates), START)
    return version_id


@pytest.fixture
async def who(database: Database) -> Customer:
    """A customer of the public tariff, which knows 1, 1555 and 49."""
    return await customer(database)


async def price(database: Database, who: Customer, at: int, number: str = NUMBER) -> Rate:
    return await database.write(rate_for, who.account_id, number, at)


async def test_a_number_has_the_rate_of_its_longest_prefix(
    database: Database, who: Customer
) -> None:
    for number, prefix in (
        ("+15550111222", "1555"), ("+1555", "1555"), ("+155", "1"), ("+12125550123", "1"),
        ("+491701234567", "49"), ("+1", "1"),
    ):  # fmt: skip
        found = await price(database, who, START, number)
        assert (found.prefix, found.currency) == (prefix, "USD")
    for number in ("+33612345678", "+4", "+"):
        with pytest.raises(DestinationNotAllowedError):
            await price(database, who, START, number)


async def test_a_rate_brings_every_number_and_its_labels(database: Database, who: Customer) -> None:
    row = rate("1555", country="Nowhere", iso="NW", route="gold", sms_per_segment=1,
               voice_per_minute=2, voice_connect_fee=3, voice_initial_seconds=4,
               voice_increment_seconds=5, voice_free_seconds=6)  # fmt: skip
    version_id = await database.write(version, START, row)
    found = await price(database, who, START)
    assert found == Rate(**row, currency="USD", version_id=version_id)
    assert Rate.from_text(found.to_text()) == found


async def test_the_latest_version_that_has_begun_counts(database: Database, who: Customer) -> None:
    for day in (2, 1, 3):
        await database.write(version, START + day * DAY, rate("1", sms_per_segment=day))
    for at, price_then in (
        (START, 7_000),
        (START + DAY - 1, 7_000),
        (START + DAY, 1),
        (START + 2 * DAY - 1, 1),
        (START + 2 * DAY, 2),
        (START + 400 * DAY, 3),
    ):
        assert (await price(database, who, at)).sms_per_segment == price_then


async def test_a_version_replaces_the_whole_list(database: Database, who: Customer) -> None:
    await database.write(version, START, rate("44"))
    with pytest.raises(DestinationNotAllowedError):
        await price(database, who, START, "+491701234567")
    assert (await price(database, who, START - 1, "+491701234567")).prefix == "49"


async def test_without_a_time_it_is_what_counts_now(database: Database, who: Customer) -> None:
    await database.write(version, now() - SECOND, rate("1", sms_per_segment=1))
    await database.write(version, now() + DAY, rate("1", sms_per_segment=2))
    found = await database.write(rate_for, who.account_id, NUMBER)
    assert found.sms_per_segment == 1


async def test_an_account_s_own_rate_wins_a_tie_and_a_longer_prefix_wins_over_both(
    database: Database, who: Customer
) -> None:
    own = [rate("1555", sms_per_segment=1), rate("4", sms_per_segment=2), rate("33")]
    await database.write(tariffs.override, who.account_id, own)
    tie = await price(database, who, START)
    assert (tie.prefix, tie.sms_per_segment, tie.version_id) == ("1555", 1, "")
    longer = await price(database, who, START, "+491701234567")
    assert (longer.prefix, longer.sms_per_segment) == ("49", 6_000)
    assert (await price(database, who, START, "+4412345678")).sms_per_segment == 2
    assert (await price(database, who, START, "+33612345678")).prefix == "33"
    other = await customer(database, name="Other")
    assert (await price(database, other, START)).sms_per_segment == 7_000


async def test_own_rates_are_replaced_as_a_whole(database: Database, who: Customer) -> None:
    await database.write(tariffs.override, who.account_id, [rate("1555", sms_per_segment=1)])
    await database.write(tariffs.override, who.account_id, [rate("1", sms_per_segment=2)])
    assert (await price(database, who, START)).sms_per_segment == 7_000
    assert (await price(database, who, START, "+12125550123")).sms_per_segment == 2
    await database.write(tariffs.override, who.account_id, [])
    assert (await price(database, who, START, "+12125550123")).sms_per_segment == 6_000


async def test_a_list_in_another_currency_has_no_price(database: Database, who: Customer) -> None:
    """Else a wallet in dollars would be charged a number of euros."""

    def deed(conn: Conn) -> None:
        foreign = tariffs.add_tariff(conn, "euros", "EUR", [rate("1")], START)
        tariffs.assign(conn, who.account_id, foreign)

    await database.write(deed)
    with pytest.raises(DestinationNotAllowedError):
        await price(database, who, START)
    assert await public_list(database, START, who.account_id) == []
    await database.write(tariffs.override, who.account_id, [rate("1")])
    assert (await price(database, who, START)).currency == "USD"


async def test_an_account_without_a_tariff_has_only_its_own(database: Database) -> None:
    await customer(database)
    with pytest.raises(DestinationNotAllowedError):
        await database.write(rate_for, accounts.PLATFORM, NUMBER)
    await database.write(tariffs.override, accounts.PLATFORM, [rate("1")])
    assert (await database.write(rate_for, accounts.PLATFORM, NUMBER)).prefix == "1"


async def test_the_list_that_is_shown_is_what_is_charged(database: Database, who: Customer) -> None:
    new = [rate("1", sms_per_segment=1), rate("44", sms_per_segment=2)]
    await database.write(version, START + DAY, *new)
    own = [rate("44", sms_per_segment=3, country="A"), rate("7", country="Z")]
    await database.write(tariffs.override, who.account_id, own)

    async def shown(at: int) -> dict[str, int]:
        rows = await public_list(database, at, who.account_id)
        assert {row["currency"] for row in rows} == {"USD"}
        assert rows == sorted(rows, key=lambda row: (row["country"], row["prefix"]))
        return {row["prefix"]: row["sms_per_segment"] for row in rows}

    assert await shown(START) == {"44": 3, "1": 6_000, "1555": 7_000, "49": 6_000, "7": 6_000}
    assert await shown(START + DAY) == {"44": 3, "1": 1, "7": 6_000}
    for prefix, sms in (await shown(START + DAY)).items():
        assert (await price(database, who, START + DAY, f"+{prefix}")).sms_per_segment == sms
    public = await public_list(database, START + DAY)
    assert {row["prefix"]: row["sms_per_segment"] for row in public} == {"1": 1, "44": 2}


async def test_a_tariff_has_one_name_and_one_version_from_an_instant(database: Database) -> None:
    await database.write(seed_platform)
    with pytest.raises(Exception, match=r"(?i)unique"):
        await database.write(tariffs.add_tariff, TARIFF, "USD", [rate("2")], START)
    await database.write(version, START, rate("1"))
    with pytest.raises(Exception, match=r"(?i)unique"):
        await database.write(version, START, rate("1"))
    assert await database.write(tariffs.tariff_named, "none") is None


async def test_a_version_that_is_being_written_is_not_seen(
    database: Database, who: Customer
) -> None:
    lease = START + DAY
    staged = await database.write(decks.stage, TARIFF, "USD", START, lease, START)
    assert await database.write(decks.fill, staged, [rate("1555", sms_per_segment=1)], lease)
    assert (await price(database, who, START)).sms_per_segment == 7_000
    assert len(await public_list(database, START)) == 3
    assert len(await decks.versions(database)) == 1
    assert not await database.write(decks.publish, staged, 2, START)  # one rate is missing
    assert await database.write(decks.publish, staged, 1, START)
    assert (await price(database, who, START)).sms_per_segment == 1
