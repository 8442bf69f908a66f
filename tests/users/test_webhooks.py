"""Webhook endpoints by members, on both databases: each right and confirmation is checked again,
and whatever is done is in the audit log without a secret."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from db import deliveries, events
from db.connection import Conn
from db.database import Database
from telephony.clock import SECOND, now
from telephony.errors import NotFoundError
from telephony.secrets import Vault
from telephony.users import webhooks
from telephony.users.problems import ConfirmFirstError, RoleMissingError
from telephony.users.sessions import Member
from telephony.webhooks.endpoints import DEFAULT, OVERLAP_SECONDS
from telephony.webhooks.events import emit
from telephony.webhooks.signing import sign
from tests.users.world import HOUR, People

URL = "https://example.com/hooks"
Do = Callable[..., Awaitable[Any]]


@pytest.fixture
async def owner(people: People) -> Member:
    return await people.owner()


@pytest.fixture
def create(database: Database, vault: Vault) -> Do:
    """Makes an endpoint: its id and secret."""

    async def do(member: Member, mode: str = "test") -> tuple[str, str]:
        row, secret = await database.write(
            webhooks.create, vault, member, mode, now(), url=URL, events=[], description=""
        )
        return row["id"], secret

    return do


def acts_of(database: Database, vault: Vault, mine: str) -> list[Do]:
    """Everything that may be done to an endpoint, as a function of who does it."""
    write, at = database.write, now()
    return [
        lambda who: write(webhooks.change, who, "test", mine, at, description="x"),
        lambda who: write(webhooks.test, who, "test", mine, None, at),
        lambda who: write(webhooks.replay_range, who, "test", mine, "all", None, at, at),
        lambda who: write(webhooks.rotate, vault, who, "test", mine, at),
        lambda who: write(webhooks.judge, vault, who, "test", mine, "t=1,v1=0", b"", at),
        lambda who: write(webhooks.delete, who, "test", mine, at),
    ]


async def test_what_is_done_is_written_down_without_secrets(
    database: Database, vault: Vault, people: People, owner: Member, create: Do
) -> None:
    mine, secret = await create(owner)
    for act in acts_of(database, vault, mine):
        await act(owner)
    assert (await people.acts())[-5:] == [
        "webhook.created", "webhook.changed", "webhook.replayed", "webhook.secret_rotated",
        "webhook.deleted",
    ]  # fmt: skip
    assert secret not in str(await database.all("SELECT * FROM audit_log"))


async def test_only_who_may_build_does_any_of_it(
    database: Database, vault: Vault, people: People, owner: Member, create: Do
) -> None:
    mine, _ = await create(owner)
    for role in ("billing", "read_only"):
        other = await people.colleague(owner, role, f"{role}@example.com")
        for act in [create, *acts_of(database, vault, mine)]:
            with pytest.raises(RoleMissingError):
                await act(other)
    developer = await people.colleague(owner, "developer", "dev@example.com")
    for act in [create, *acts_of(database, vault, mine)]:
        await act(developer)


async def test_another_accounts_endpoint_is_not_there(
    database: Database, vault: Vault, people: People, owner: Member, create: Do
) -> None:
    mine, _ = await create(owner)
    stranger = await people.owner("bob@example.com", "Bob's")
    for act in acts_of(database, vault, mine):
        with pytest.raises(NotFoundError):
            await act(stranger)


async def test_secrets_need_a_confirmation(
    database: Database, vault: Vault, owner: Member, create: Do
) -> None:
    mine, _ = await create(owner)
    stale = replace(owner, confirmed_at=now() - HOUR)
    with pytest.raises(ConfirmFirstError):
        await create(stale)
    for name in (mine, DEFAULT):
        with pytest.raises(ConfirmFirstError):
            await database.write(webhooks.rotate, vault, stale, "test", name, now())


async def test_a_signature_is_judged_by_every_secret_that_signs(
    database: Database, vault: Vault, owner: Member, create: Do
) -> None:
    mine, old = await create(owner)
    at = now()
    rotated = await database.write(webhooks.rotate, vault, owner, "test", mine, at)
    stranger = (await create(owner))[1]

    async def judged(secret: str, signed_at: int, asked_at: int) -> str:
        header = sign(secret, "evt_1", b"{}", signed_at // SECOND)["X-Signature"]
        return await database.write(
            webhooks.judge, vault, owner, "test", mine, header, b"{}", asked_at
        )

    assert await judged(rotated.secret, at, at) == "genuine"
    assert await judged(old, at, at) == "genuine"
    assert await judged(stranger, at, at) == "wrong"
    assert await judged(rotated.secret, at - HOUR, at) == "old"
    later = at + (OVERLAP_SECONDS + 1) * SECOND
    assert await judged(old, later, later) == "wrong"
    for header in ("", "v1=ab", "t=soon,v1=ab", "t=1768248900"):
        told = await database.write(webhooks.judge, vault, owner, "test", mine, header, b"{}", at)
        assert told == ("wrong" if header == "t=1768248900" else "malformed"), header


async def test_events_about_one_thing_and_the_newest_of_an_endpoint(
    database: Database, owner: Member, create: Do
) -> None:
    mine, _ = await create(owner)

    def tell(conn: Conn) -> None:
        for number in range(5):
            emit(
                conn, account_id=owner.account_id, mode="test", kind="delivery_report",
                subject=f"msg_{number % 2}", fact=f"{number}", callback_url=None, payload={},
                now=now(),
            )  # fmt: skip

    await database.write(tell)
    about = await events.about(database, owner.account_id, "test", "msg_0", 2)
    assert [row["fact"] for row in about] == ["4", "2"]
    (one,) = await events.about(database, owner.account_id, "test", about[0]["id"], 9)
    assert one["fact"] == "4"
    assert await events.about(database, owner.account_id, "live", "msg_0", 9) == []
    assert await events.about(database, "acc_x", "test", about[0]["id"], 9) == []
    newest = await deliveries.newest_of(database, mine, 3)
    assert [row["event_id"] for row in newest][:1] == [about[0]["id"]]
    assert [(row["type"], row["status_code"]) for row in newest] == [("delivery_report", None)] * 3
    assert await deliveries.newest_of(database, "whe_x", 3) == []
