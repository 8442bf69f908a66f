"""Carriers, their routes and numbers, changed by administrators: every change is written down with
what it was before, what changes nothing is not, and no secret is told to anybody."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from db import trunks
from db.connection import Conn, Row
from db.database import Database
from telephony.admin import carriers
from telephony.audit import Actor
from telephony.clock import now
from telephony.errors import NotFoundError, ValidationFailedError
from telephony.secrets import Vault
from telephony.voice.numbers import Rule
from telephony.voice.trunks import CarrierFacts
from tests.factories import customer
from tests.voice.calling import add_phone

ROOT = Actor("usr_root", "root@example.com")
SECRET, OTHER = "the-carriers-secret", "quite-another-secret"
DID = "+15550777001"
FACTS = CarrierFacts(
    host="sip.example.net", port=5060, transport="udp", username="me", registers=True,
    codecs=["ulaw", "alaw"], caller_id_format="e164", cidrs=["192.0.2.0/24"], capacity=None,
)  # fmt: skip
LEADS = {"prefix": "4930", "name": "north", "priority": 1, "weight": 2, "strip": 0, "prepend": ""}
Do = Callable[..., Any]


@pytest.fixture
def do(database: Database) -> Do:
    """Runs a deed as an administrator."""

    async def run(deed: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return await database.write(lambda conn: deed(conn, ROOT, now(), *args, **kwargs))

    return run


async def entries(database: Database) -> list[tuple[str, str, Row, Row]]:
    """Action, subject, before and after, oldest first; nobody else's, and no secret in them."""
    rows = await database.all("SELECT * FROM audit_log ORDER BY seq")
    assert {row["actor_name"] for row in rows} <= {ROOT.name}
    assert not any(secret in str(rows) for secret in (SECRET, OTHER))
    return [
        (row["action"], row["subject"], json.loads(row["before"]), json.loads(row["after"]))
        for row in rows
    ]


async def trunk(database: Database) -> Row:
    (row,) = await trunks.every(database)
    return row


def facts(**changes: Any) -> CarrierFacts:
    return CarrierFacts(**{**FACTS, **changes})  # type: ignore[typeddict-item]


async def test_a_carriers_life_is_written_down(database: Database, vault: Vault, do: Do) -> None:
    await do(carriers.add, vault, "north", SECRET, FACTS)
    await do(carriers.change, vault, "north", "", facts(capacity=30, codecs=["alaw"]))
    await do(carriers.change, vault, "north", "", facts(capacity=30, codecs=["alaw"]))
    await do(carriers.change, vault, "north", OTHER, facts(capacity=30, codecs=["alaw"]))
    for status in ("disabled", "disabled", "active"):
        await do(carriers.set_status, "north", status)
    assert (await trunk(database))["status"] == "active"
    await do(carriers.remove, "north")
    added, changed, replaced, disabled, enabled, removed = await entries(database)
    assert added[:3] == ("trunk.added", "north", {})
    assert (added[3]["host"], added[3]["codecs"]) == ("sip.example.net", "ulaw,alaw")
    assert changed == (
        "trunk.changed", "north", {"capacity": None, "codecs": "ulaw,alaw"},
        {"capacity": 30, "codecs": "alaw"},
    )  # fmt: skip
    assert replaced == ("trunk.changed", "north", {}, {"secret": "replaced"})
    assert (disabled[0], enabled[0]) == ("trunk.disabled", "trunk.active")
    assert (removed[0], removed[2]["capacity"], removed[3]) == ("trunk.removed", 30, {})
    assert await trunks.every(database) == []


async def test_a_secret_stays_with_its_peer(database: Database, vault: Vault, do: Do) -> None:
    """Nobody gets to see it by naming a host of theirs."""
    await do(carriers.add, vault, "north", SECRET, FACTS)
    for elsewhere in ({"host": "192.0.2.66"}, {"port": 5090}, {"transport": "tcp"},
                      {"username": "you"}):  # fmt: skip
        with pytest.raises(ValidationFailedError, match="another peer") as caught:
            await do(carriers.change, vault, "north", "", facts(**elsewhere))
        assert caught.value.extra["errors"][0]["field"] == "secret"
        await do(carriers.change, vault, "north", OTHER, facts(**elsewhere))
        assert vault.open((await trunk(database))["secret_sealed"]) == OTHER
        await do(carriers.change, vault, "north", SECRET, FACTS)
    await do(carriers.change, vault, "north", "", facts(username="", registers=False))
    assert (await trunk(database))["secret_sealed"] == ""
    with pytest.raises(ValidationFailedError, match="go together"):
        await do(carriers.change, vault, "north", "", FACTS)
    await do(carriers.change, vault, "north", OTHER, FACTS)
    assert vault.open((await trunk(database))["secret_sealed"]) == OTHER
    await entries(database)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"host": "a b"}, "host"), ({"port": 0}, "port"), ({"port": 65536}, "port"),
    ({"capacity": 0}, "capacity"), ({"codecs": ["opus"]}, "codecs"), ({"codecs": []}, "codecs"),
    ({"cidrs": ["home"]}, "cidrs"), ({"username": "a b"}, "username"),
    ({"username": "", "registers": True}, "username"),
]  # fmt: skip


async def test_what_is_wrong_is_told_of_its_field(database: Database, vault: Vault, do: Do) -> None:
    async def field_of(deed: Callable[..., Any], *args: Any, **kwargs: Any) -> str:
        with pytest.raises(ValidationFailedError) as caught:
            await do(deed, *args, **kwargs)
        (error,) = caught.value.extra["errors"]
        return str(error["field"])

    for changes, field in WRONG:
        secret = SECRET if facts(**changes)["username"] else ""
        assert await field_of(carriers.add, vault, "n", secret, facts(**changes)) == field, changes
    for name in ("default", "", "A", "x" * 32):
        assert await field_of(carriers.add, vault, name, SECRET, FACTS) == "name"
    assert await field_of(carriers.add, vault, "n", "a b", FACTS) == "secret"
    assert await field_of(carriers.add, vault, "n", "", FACTS) == "secret"
    await do(carriers.add, vault, "north", SECRET, FACTS)
    assert await field_of(carriers.add, vault, "north", SECRET, FACTS) == "name"
    for changes in ({"prefix": "x"}, {"prepend": "a"}, {"weight": 0}, {"priority": -1},
                    {"priority": 1_000_000}, {"strip": 5}):  # fmt: skip
        assert await field_of(carriers.route, **LEADS | changes) == next(iter(changes))
    assert [one[0] for one in await entries(database)] == ["trunk.added"]


async def test_what_leads_to_a_carrier_is_written_down(
    database: Database, vault: Vault, do: Do
) -> None:
    await do(carriers.add, vault, "north", SECRET, FACTS)
    for weight in (2, 2, 5):
        await do(carriers.route, **LEADS | {"weight": weight})
    await do(carriers.unroute, prefix="4930", name="north")
    with pytest.raises(NotFoundError):
        await do(carriers.unroute, prefix="4930", name="north")
    with pytest.raises(NotFoundError):
        await do(carriers.route, **LEADS | {"name": "south"})
    _, added, changed, removed = await entries(database)
    assert added[:3] == ("route.added", "4930 to north", {})
    assert (changed[0], changed[2]["weight"], changed[3]["weight"]) == ("route.changed", 2, 5)
    assert (removed[0], removed[2]["weight"], removed[3]) == ("route.removed", 5, {})
    assert await database.write(trunks.routes) == []


async def test_a_carrier_out_of_service_gets_no_call(
    database: Database, vault: Vault, do: Do
) -> None:
    await do(carriers.add, vault, "north", SECRET, FACTS)
    await do(carriers.route, **LEADS)

    def names(conn: Conn) -> list[str]:
        return [row["name"] for row in trunks.candidates(conn, ["", "4930"])]

    assert await database.write(names) == ["north"]
    await do(carriers.set_status, "north", "disabled")
    assert await database.write(names) == []
    await do(carriers.set_status, "north", "active")
    assert await database.write(names) == ["north"]
    with pytest.raises(NotFoundError):
        await do(carriers.set_status, "south", "active")


async def test_numbers_are_assigned_and_taken_away(database: Database, do: Do) -> None:
    owner = await customer(database, mode="live")
    await add_phone(database, owner)
    rule = Rule(("alice",), "all", 20, "")
    give = {"number": "+1 555 077 7001", "account_id": owner.account_id, "mode": "live"}
    assert await do(carriers.own, **give, rule=rule) == DID
    for changes, error in (
        ({}, ValidationFailedError), ({"number": "12"}, ValidationFailedError),
        ({"account_id": "platform"}, NotFoundError),
    ):  # fmt: skip
        with pytest.raises(error):
            await do(carriers.own, **give | changes, rule=rule)
    for _ in range(2):
        await do(carriers.set_rule, owner.account_id, DID, Rule((), "order", 30, "+15559876543"))
    await do(carriers.disown, DID)
    with pytest.raises(NotFoundError, match="Nobody owns"):
        await do(carriers.disown, DID)
    assigned, ruled, removed = await entries(database)
    assert assigned[:2] == ("number.assigned", DID)
    assert (assigned[3]["mode"], assigned[3]["targets"]) == ("live", "alice")
    assert (ruled[0], ruled[2]["targets"], ruled[3]["ring_seconds"]) == (
        "number.rule_changed", "alice", 30,
    )  # fmt: skip
    assert (removed[0], removed[2]["forward_to"]) == ("number.removed", "+15559876543")
    rows = await database.all("SELECT DISTINCT account_id FROM audit_log")
    assert [row["account_id"] for row in rows] == [owner.account_id]
