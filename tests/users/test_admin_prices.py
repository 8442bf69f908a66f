"""Price lists and looks by administrators, on both databases: the deeds that pages and commands
share."""

from pathlib import Path
from typing import Any

import pytest

from db import decks, stored_files, tariffs
from db.database import Database
from telephony.admin import looking
from telephony.admin import tariffs as deeds
from telephony.audit import Actor
from telephony.billing.decks.importer import Order
from telephony.billing.decks.reader import DeckError
from telephony.billing.rating import rate_for
from telephony.clock import Instant, now
from telephony.errors import NotFoundError, ValidationFailedError
from telephony.users.problems import ConfirmFirstError, RoleMissingError
from telephony.users.sessions import Member
from tests.billing.decks import deck
from tests.factories import TARIFF, rate
from tests.users.world import MINUTE, People

ROOT = Actor("usr_root", "root@example.com")
LONDON = "+442079460000"


async def compared(
    people: People, who: Member, content: bytes, at: Instant, name: str = TARIFF
) -> tuple[Any, str]:
    return await deeds.compare(
        people.database, people.vault, who, Order(name, at), content, now()
    )  # fmt: skip


async def test_what_was_compared_is_imported(
    database: Database, people: People, tmp_path: Path
) -> None:
    owner, root = await people.owner(), await people.admin()
    content = deck(tmp_path, rate("1"), rate("44", sms_per_segment=9_000)).read_bytes()
    at = now()
    changes, file_id = await compared(people, root, content, at)
    assert (changes.rates, dict(changes.counts)) == (2, {"new": 1, "gone": 2})
    assert len(await decks.versions(database)) == 1
    order = Order(TARIFF, at)
    done = await deeds.carry_in(database, people.vault, root, order, file_id, now())
    assert done.rates == 2
    assert len(await decks.versions(database)) == 2
    found = await database.write(rate_for, owner.account_id, LONDON, now())
    assert found.sms_per_segment == 9_000
    assert await stored_files.of(database, f"deck:{root.user_id}") == []
    assert (await people.acts())[-1] == "price_list.imported"
    with pytest.raises(NotFoundError):
        await deeds.carry_in(database, people.vault, root, order, file_id, now())


async def test_a_version_that_is_in_force_is_not_replaced(
    database: Database, people: People, tmp_path: Path
) -> None:
    await people.owner()
    root = await people.admin()
    content = deck(tmp_path, rate("44")).read_bytes()
    at = now()
    _, file_id = await compared(people, root, content, at)
    await deeds.carry_in(database, people.vault, root, Order(TARIFF, at), file_id, now())
    with pytest.raises(ValidationFailedError, match="choose a later time"):
        await compared(people, root, content, at)
    _, file_id = await compared(people, root, content, now())
    with pytest.raises(ValidationFailedError, match="choose a later time"):
        await deeds.carry_in(database, people.vault, root, Order(TARIFF, at), file_id, now())
    assert len(await decks.versions(database)) == 2
    assert (await people.acts()).count("price_list.imported") == 1


async def test_a_file_belongs_to_whoever_compared_it(people: People, tmp_path: Path) -> None:
    await people.owner()
    root, other = await people.admin(), await people.admin("admin", "second@example.com")
    content = deck(tmp_path, rate("44")).read_bytes()
    at = now()
    _, file_id = await compared(people, root, content, at)
    for wrong, who in ((file_id, other), ("fil_0", root), ("", root)):
        with pytest.raises(NotFoundError):
            await deeds.carry_in(
                people.database, people.vault, who, Order(TARIFF, at), wrong, now()
            )
    await compared(people, other, content, at)
    await deeds.carry_in(people.database, people.vault, root, Order(TARIFF, at), file_id, now())


async def test_only_administrators_who_confirmed_import(people: People, tmp_path: Path) -> None:
    owner = await people.owner()
    content = deck(tmp_path, rate("44")).read_bytes()
    support = await people.admin("support", "support@example.com")
    root = await people.admin()
    stale = await people.enter(root.user_id, now() - 11 * MINUTE)
    tried: list[tuple[Member, type[Exception]]] = [
        (owner, RoleMissingError), (support, RoleMissingError), (stale, ConfirmFirstError),
    ]  # fmt: skip
    for who, error in tried:
        with pytest.raises(error):
            await compared(people, who, content, now())
        with pytest.raises(error):
            await deeds.carry_in(
                people.database, people.vault, who, Order(TARIFF, now()), "fil_0", now()
            )
    assert len(await decks.versions(people.database)) == 1


async def test_lists_and_own_rates_are_set_and_written_down(
    database: Database, people: People
) -> None:
    owner = await people.owner()
    await database.write(tariffs.add_tariff, "Cheap", "USD", [rate("44")], now())
    await database.write(tariffs.add_tariff, "Euros", "EUR", [rate("44")], now())
    assert await decks.names(database, "USD") == sorted(["Cheap", TARIFF])
    await database.write(deeds.assign, ROOT, now(), owner.account_id, "Cheap")
    for name in ("Euros", "None"):
        with pytest.raises(DeckError):
            await database.write(deeds.assign, ROOT, now(), owner.account_id, name)
    own = [rate("4420", sms_per_segment=1), rate("4421", sms_per_segment=2)]
    await database.write(deeds.override, ROOT, now(), owner.account_id, own)
    found = await database.write(rate_for, owner.account_id, LONDON, now())
    assert (found.prefix, found.sms_per_segment) == ("4420", 1)
    rows = await decks.own_rates(database, owner.account_id, "", 1)
    assert [row["prefix"] for row in rows] == ["4420"]
    rows = await decks.own_rates(database, owner.account_id, "4420", 9)
    assert [row["prefix"] for row in rows] == ["4421"]
    await database.write(deeds.override, ROOT, now(), owner.account_id, [])
    assert await decks.own_rates(database, owner.account_id, "", 9) == []
    assert [act for act in await people.acts() if act.startswith("account.")][-3:] == [
        "account.price_list_set", "account.rates_set", "account.rates_set",
    ]  # fmt: skip
    for account_id in ("acc_none", "acc_platform"):
        with pytest.raises(NotFoundError):
            await database.write(deeds.override, ROOT, now(), account_id, own)


async def test_a_look_shows_the_account_and_ends(database: Database, people: People) -> None:
    owner, root = await people.owner(), await people.admin()
    began = now()
    token = await database.write(looking.begin, root, owner.account_id, "ticket", began)
    there = await people.member(token)
    assert (there.account_id, there.account, there.looks) == (
        owner.account_id, owner.account, True,
    )  # fmt: skip
    assert there.rights == {"look"}
    assert there.session_id == root.session_id
    after = began + (looking.LOOK_SECONDS_MAX + 1) * 1_000_000
    later = await people.member(token, after)
    assert (later.account_id, later.role, later.looks) == ("", "", False)
    token = await database.write(looking.end, there, now())
    back = await people.member(token)
    assert (back.account_id, back.looks) == ("", False)
    assert (await people.acts())[-2:] == ["account.looked_at", "account.look_ended"]
    quiet = await database.write(looking.end, back, now())  # a second click
    assert not (await people.member(quiet)).looks
    assert (await people.acts()).count("account.look_ended") == 1


async def test_the_token_before_a_look_counts_no_more(database: Database, people: People) -> None:
    owner, admin = await people.owner(), await people.admin()
    before = await people.token(admin.user_id)
    root = await people.member(before)
    token = await database.write(looking.begin, root, owner.account_id, "ticket", now())
    assert token != before
    row = await database.one("SELECT COUNT(*) AS n FROM session WHERE looks_at IS NOT NULL")
    assert row == {"n": 1}
    with pytest.raises(AssertionError):
        await people.member(before)
    other = await people.enter(admin.user_id)
    assert not other.looks  # of the same user, in another browser
