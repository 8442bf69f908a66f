"""What administrators do is done in one transaction with its entry in the audit log, or not at
all; and by nobody else, whatever page asks."""

from collections.abc import Callable

import pytest

from db import users
from db.connection import Conn
from db.database import Database
from telephony.admin.network import noted
from telephony.admin.rights import must_administer
from telephony.clock import SECOND, now
from telephony.errors import CallAlreadyEndedError, Problem, ValidationFailedError
from telephony.secrets import Vault
from telephony.users.problems import ConfirmFirstError, RoleMissingError
from telephony.users.sessions import Member
from telephony.voice import hangups
from tests.db.rows import add_call
from tests.factories import customer
from tests.users.world import People, of
from tests.voice.calling import call, timeline


@pytest.fixture
def crowd(database: Database, vault: Vault) -> People:
    """People on either database."""
    return People(database, of(vault))


def act(member: Member, deed: Callable[[Conn], object], **facts: object) -> Callable[[Conn], None]:
    def done(conn: Conn) -> None:
        must_administer(member, now())
        noted(conn, member.actor, now(), "thing.done", "thing_1", deed, **facts)  # type: ignore[arg-type]

    return done


async def test_an_act_is_written_down_with_who_and_what(database: Database, crowd: People) -> None:
    root, ada = await crowd.admin(), await crowd.owner()
    facts = {"before": {"n": 1}, "after": {"n": 2}, "account_id": ada.account_id}
    await database.write(act(root, lambda conn: None, **facts))
    (row,) = await database.all("SELECT * FROM audit_log WHERE action = 'thing.done'")
    assert (row["actor"], row["actor_name"], row["subject"]) == (
        root.user_id, "root@example.com", "thing_1",
    )  # fmt: skip
    assert (row["before"], row["after"], row["account_id"]) == (
        '{"n": 1}', '{"n": 2}', ada.account_id,
    )  # fmt: skip


async def test_who_is_no_administrator_or_confirmed_long_ago_does_nothing(
    database: Database, crowd: People
) -> None:
    done: list[int] = []
    root = await crowd.admin()
    old = await crowd.enter(root.user_id, now() - 11 * 60 * SECOND)
    owner, helper = await crowd.owner(), await crowd.admin("support", "help@example.com")
    for member, refusal in (
        (owner, RoleMissingError), (helper, RoleMissingError), (old, ConfirmFirstError),
    ):  # fmt: skip
        with pytest.raises(refusal):
            await database.write(act(member, lambda conn: done.append(1)))
    assert done == []
    assert "thing.done" not in await crowd.acts()


async def test_what_fails_leaves_nothing(database: Database, crowd: People) -> None:
    """A sentence of a deed is the error of its field; what was written before it is undone."""
    root = await crowd.admin()

    def half(conn: Conn) -> None:
        users.change(conn, root.user_id, name="Changed")
        raise ValueError("the sky is too low")

    def deep(conn: Conn) -> None:
        raise CallAlreadyEndedError

    with pytest.raises(ValidationFailedError) as caught:
        await database.write(act(root, half, field="height"))
    assert caught.value.extra["errors"] == [
        {"field": "height", "code": "invalid", "message": "the sky is too low"}
    ]
    with pytest.raises(Problem, match="call has ended"):
        await database.write(act(root, deep))
    assert (await crowd.user("root@example.com"))["name"] == "Root"
    assert "thing.done" not in await crowd.acts()


async def test_a_call_is_cut_once_whoever_it_is_of(database: Database) -> None:
    owner = await customer(database)
    row = {"status": "answered", "node": "pbx1"}
    call_id = await database.write(lambda conn: add_call(conn, owner, **row))
    for _ in range(2):
        await database.write(hangups.cut, call_id, now())
    found = await call(database, call_id)
    assert (found["status"], found["hangup_reason"]) == ("answered", "platform_hangup")
    assert await timeline(database, call_id) == ["queued", "answered"][1:] * 2
    await database.write(
        lambda conn: conn.run("UPDATE call SET status = 'completed' WHERE id = :id", id=call_id)
    )
    with pytest.raises(CallAlreadyEndedError):
        await database.write(hangups.cut, call_id, now())
