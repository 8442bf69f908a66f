"""A provider that is disabled: routes pass it over, what waits for it goes on or waits."""

from db import sms_providers
from db.database import Database
from telephony.admin import providers
from telephony.audit import Actor
from telephony.clock import now
from telephony.settings import Settings
from telephony.sms.dispatch import Dispatcher
from tests.factories import customer
from tests.sms.sending import Told, by_part, hasten, history, message, queue
from tests.sms.test_routes import order, provide, route

ROOT = Actor("usr_root", "root@example.com")


async def set_enabled(database: Database, name: str, enabled: bool) -> None:
    await database.write(providers.set_enabled, ROOT, now(), name, enabled)


async def test_a_disabled_provider_is_chosen_last(database: Database) -> None:
    await provide(database, "a", "b", "c")
    await set_enabled(database, "a", False)
    assert await order(database, settings=Settings()) == ["b", "c", "a"]
    await route(database, "c")
    await route(database, "a", prefix="1555")
    await route(database, "b", prefix="1555", priority=9)
    assert await order(database) == ["b", "a"]
    await set_enabled(database, "b", False)
    assert await order(database) == ["a", "b"], "no less specific route takes what they should"
    await provide(database, "a")
    assert await order(database) == ["a", "b"], "other options do not enable it"
    await database.write(sms_providers.remove, "a", now())
    await provide(database, "a")
    await route(database, "a", prefix="1555")
    assert await order(database) == ["a", "b"]
    row = await sms_providers.find(database, "a")
    assert row is not None
    assert row["enabled"], "one that is added anew is a new one"


async def test_what_waits_for_a_disabled_provider_goes_on(database: Database) -> None:
    who = await customer(database, funds="1", mode="live")
    await provide(database, "first", "second", "third")
    await route(database, "first")
    await route(database, "second", priority=1)
    await route(database, "third", priority=2)
    message_id = await queue(database, who)
    await set_enabled(database, "first", False)
    await set_enabled(database, "second", False)
    assert await Dispatcher(database, Told(by_part, "first")).step() == 0
    row = await message(database, message_id)
    assert (row["provider"], row["tried"], row["status"]) == ("third", "first", "queued")
    assert await Dispatcher(database, Told(by_part, "third")).step() == 1
    assert (await history(database, message_id))[-1] == "sent"


async def test_what_has_no_other_way_waits_until_its_provider_is_enabled(
    database: Database,
) -> None:
    who = await customer(database, funds="1", mode="live")
    await provide(database, "first", "second")
    await route(database, "first")
    await set_enabled(database, "first", False)
    message_id = await queue(database, who)
    first = Dispatcher(database, Told(by_part, "first"))
    assert await first.step() == 0
    await hasten(database, next_attempt_at=0)
    assert await first.step() == 0
    row = await message(database, message_id)
    assert (row["provider"], row["tried"], row["status"]) == ("first", "", "queued")
    await set_enabled(database, "first", True)
    await hasten(database, next_attempt_at=0)
    assert await first.step() == 1
    assert (await history(database, message_id))[-1] == "sent"
