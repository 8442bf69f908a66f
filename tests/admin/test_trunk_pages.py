"""Carriers and their routes through the pages: added, changed, out of service, removed; what is
wrong is said at its field, and a secret goes in and never comes out."""

import pytest

from db import trunks
from db.connection import Row
from db.database import Database
from telephony.clock import SECOND, now
from telephony.secrets import Vault
from tests.admin.conftest import ROOT
from tests.dashboard.visitor import Visitor
from tests.users.world import People

HERE = "/admin/network"
ONE = f"{HERE}/trunks/north"
SECRET = "hush-hush-secret"
FORM = {
    "name": "north", "host": "sip.example.net", "port": "5061", "transport": "tls",
    "username": "me", "secret": SECRET, "registers": "on", "codecs": "ulaw, alaw",
    "caller_id_format": "digits", "cidrs": "192.0.2.0/24, 198.51.100.7", "capacity": "30",
}  # fmt: skip
CHANGES = {name: text for name, text in FORM.items() if name not in ("name", "secret")}
ROUTE = {"prefix": "+4930", "name": "north", "priority": "1", "weight": "5", "strip": "2",
         "prepend": "0"}  # fmt: skip


async def trunk(database: Database) -> Row | None:
    return await trunks.find(database, "north")


@pytest.fixture
async def north(root: Visitor) -> Visitor:
    """The administrator, on the page of a carrier that has just been added."""
    await root.open(f"{HERE}/new-trunk")
    await root.form(f"{HERE}/trunks", FORM)
    return root


async def test_a_carrier_is_added_changed_and_removed(
    sqlite: Database, people: People, vault: Vault, north: Visitor
) -> None:
    assert north.at == ONE
    row = await trunk(sqlite)
    assert row
    assert (row["port"], row["transport"], row["capacity"], row["codecs"], row["cidrs"]) == (
        5061, "tls", 30, "ulaw,alaw", "192.0.2.0/24,198.51.100.7/32",
    )  # fmt: skip
    assert vault.open(row["secret_sealed"]) == SECRET
    assert SECRET not in north.page.text
    assert "No route leads to it" in north.page.text
    await north.form(ONE, CHANGES | {"capacity": "", "codecs": "alaw"})
    row = await trunk(sqlite)
    assert row
    assert (row["capacity"], row["codecs"]) == (None, "alaw")
    assert vault.open(row["secret_sealed"]) == SECRET
    await north.send(f"{ONE}/remove")
    assert north.at == HERE
    assert await trunk(sqlite) is None
    await north.open(ONE, 404)
    acts = await people.acts()
    assert acts[-3:] == ["trunk.added", "trunk.changed", "trunk.removed"]
    log = await north.open("/admin/audit?subject=north")
    assert '<span class="quiet">Capacity:</span> 30 → –' in log
    assert SECRET not in log


async def test_out_of_service_and_back(sqlite: Database, north: Visitor) -> None:
    await north.form(f"{ONE}/status", {"status": "disabled"})
    row = await trunk(sqlite)
    assert row
    assert row["status"] == "disabled"
    assert "Disabled" in await north.open(HERE)
    await north.open(ONE)
    await north.form(f"{ONE}/status", {"status": "active"})
    assert "Take out of service" in await north.open(ONE)
    await north.form(f"{ONE}/status", {"status": "gone"}, 400)


WRONG: list[tuple[dict[str, str], str]] = [
    ({"name": "North"}, "1 to 31 of a-z"), ({"name": "default"}, "SMS_VOIP_TRUNK_HOST"),
    ({"host": "a b"}, "The host is a name"), ({"port": "0"}, "The port is"),
    ({"port": "x"}, 'id="e-port"'), ({"transport": "x"}, "transport"),
    ({"codecs": "opus"}, "Codecs are some of"), ({"cidrs": "home"}, "neither an address"),
    ({"capacity": "0"}, "1 or more"), ({"secret": ""}, "go together"),
    ({"username": "", "secret": ""}, "a registration needs both"),
]  # fmt: skip


async def test_what_is_wrong_is_said_at_its_field(sqlite: Database, root: Visitor) -> None:
    for fields, told in WRONG:
        await root.open(f"{HERE}/new-trunk")
        said = await root.form(f"{HERE}/trunks", FORM | fields, 400)
        assert told in said, fields
        assert 'class="invalid-feedback d-block"' in said, fields
        assert SECRET not in said
        assert "192.0.2.0/24" in said or "cidrs" in fields  # what was written is there again
    assert await trunks.every(sqlite) == []
    await root.open(f"{HERE}/new-trunk")
    await root.form(f"{HERE}/trunks", FORM)
    await root.open(f"{HERE}/new-trunk")
    assert "a trunk north already" in await root.form(f"{HERE}/trunks", FORM, 400)


async def test_a_secret_is_written_again_for_another_peer(
    sqlite: Database, vault: Vault, north: Visitor
) -> None:
    elsewhere = CHANGES | {"host": "192.0.2.66"}
    said = await north.form(ONE, elsewhere | {"secret": ""}, 400)
    assert "Write the secret again" in said
    await north.form(ONE, elsewhere | {"secret": "another-one"})
    row = await trunk(sqlite)
    assert row
    assert (row["host"], vault.open(row["secret_sealed"])) == ("192.0.2.66", "another-one")


async def test_routes_lead_to_it(sqlite: Database, north: Visitor) -> None:
    await north.open(f"{HERE}/routes")
    await north.form(f"{HERE}/routes", ROUTE)
    assert "4930" in await north.open(ONE)
    (route,) = await sqlite.write(trunks.routes)
    assert (route["prefix"], route["weight"], route["strip"], route["prepend"]) == (
        "4930", 5, 2, "0",
    )  # fmt: skip
    for fields, told in (
        ({"prefix": "x"}, "up to 15 digits"), ({"weight": "0"}, "The weight is"),
        ({"strip": "9"}, "No more digits"), ({"prepend": "a"}, "prepended is digits"),
        ({"priority": "-1"}, "The priority is"),
    ):  # fmt: skip
        await north.open(f"{HERE}/routes")
        assert told in await north.form(f"{HERE}/routes", ROUTE | fields, 400)
    await north.form(f"{HERE}/routes", ROUTE | {"name": "gone"}, 404)
    await north.open(f"{HERE}/routes")
    await north.form(f"{HERE}/routes", ROUTE | {"prefix": "", "weight": "1", "prepend": ""})
    assert "any" in await north.open(f"{HERE}/routes")
    await north.send(f"{HERE}/routes/remove", nth=1)
    (left,) = await sqlite.write(trunks.routes)
    assert left["prefix"] == ""
    await north.form(f"{HERE}/routes/remove", {"prefix": "4930", "name": "north"}, 404)


async def test_support_looks_only(north: Visitor, helper: Visitor) -> None:
    said = await helper.open(ONE)
    assert "sip.example.net" in said
    assert SECRET not in said
    assert helper.actions() == [action for action in helper.actions() if action == ONE or
                                not action.startswith(HERE)]  # fmt: skip
    assert "disabled" in said
    await helper.open(f"{HERE}/new-trunk", 403)
    for action, fields in ((f"{HERE}/trunks", FORM), (ONE, CHANGES), (f"{ONE}/remove", {}),
                           (f"{ONE}/status", {"status": "disabled"}), (f"{HERE}/routes", ROUTE),
                           (f"{HERE}/routes/remove", {"name": "north"})):  # fmt: skip
        await helper.open(HERE)
        await helper.form(action, fields, 403)


async def test_who_confirmed_long_ago_confirms_first(
    sqlite: Database, people: People, north: Visitor
) -> None:
    user = await people.user(ROOT)
    token = await people.token(user["id"], now() - 11 * 60 * SECOND)
    north.client.cookies.set("session", token)
    await north.open(ONE)
    await north.form(f"{ONE}/remove", {}, 403)
    assert "Confirm that it is you" in north.page.text
    assert await trunk(sqlite)
