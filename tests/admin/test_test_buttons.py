"""Carriers and providers are tried out from their pages, with real peers: what came of it is shown
within seconds, by htmx as well; nothing is sent while outgoing traffic is stopped."""

import pytest

from db import components
from db.connection import Conn
from db.database import Database
from telephony import outgoing
from telephony.admin import carriers, providers
from telephony.audit import Actor
from telephony.clock import now
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.voice.trunks import CarrierFacts
from tests.dashboard.visitor import Visitor
from tests.fixtures_smsc import Smsc
from tests.pbx.registrar import registrar
from tests.ports import free_port
from tests.users.world import URL, People

HERE = "/admin/network"
TRUNK, PROVIDER = f"{HERE}/trunks/north/test", f"{HERE}/providers/west/test"
ROOT = Actor("usr_root", "root@example.com")
TO = "+15551234567"


async def carrier(
    database: Database, vault: Vault, port: int, name: str = "north", username: str = "",
    registers: bool = False,
) -> None:  # fmt: skip
    facts = CarrierFacts(
        host="127.0.0.1", port=port, transport="udp", username=username, registers=registers,
        codecs=["ulaw"], caller_id_format="e164", cidrs=[], capacity=None,
    )  # fmt: skip
    secret = "hush" if username else ""
    await database.write(carriers.add, ROOT, now(), vault, name, secret, facts)


async def provider(database: Database, vault: Vault, host: str, port: int) -> None:
    options = {"host": host, "port": port, "system_id": "platform", "password": "hush"}
    await database.write(
        providers.add, ROOT, now(), vault, Settings(), "west", "smpp", options
    )  # fmt: skip


async def test_a_carrier_is_asked_now(
    sqlite: Database, vault: Vault, people: People, root: Visitor
) -> None:
    port = free_port()
    await carrier(sqlite, vault, port)
    await root.open(f"{HERE}/trunks/north")
    with registrar(port):
        assert "OPTIONS: 200 in" in await root.send(TRUNK)
    assert "Well" in root.page.text
    said = await root.send(TRUNK)
    assert "OPTIONS: " in said
    assert "Not well" in said
    assert (await people.acts()).count("trunk.tested") == 2


async def test_what_is_known_of_a_registration_is_said(
    sqlite: Database, vault: Vault, root: Visitor
) -> None:
    port = free_port()
    await carrier(sqlite, vault, port)
    await carrier(sqlite, vault, port, "asks", "us")
    await carrier(sqlite, vault, port, "books", "us", registers=True)
    for name, told in (
        ("north", "none; it knows us by our address"),
        ("asks", "none; it knows us by our answers as us"),
        ("books", "not looked at yet"),
    ):  # fmt: skip
        assert f"Registration: {told}" in await root.open(f"{HERE}/trunks/{name}")
        with registrar(port):
            said = await root.send(f"{HERE}/trunks/{name}/test")
        assert f"Registration: {told}" in said.split('id="tested"')[1]
    await sqlite.write(
        components.report, "trunk:books:registration", "trunk", "degraded",
        "Rejected, again in 57 s", now(),
    )  # fmt: skip
    assert "Registration: Rejected, again in 57 s." in await root.open(f"{HERE}/trunks/books")
    await sqlite.write(carriers.set_status, ROOT, now(), "books", "disabled")
    said = await root.open(f"{HERE}/trunks/books")
    assert "Registration: none while it is out of service" in said
    assert "Registration" not in await root.open(f"{HERE}/new-trunk")


async def test_htmx_gets_the_part_alone(sqlite: Database, vault: Vault, root: Visitor) -> None:
    port = free_port()
    await carrier(sqlite, vault, port)
    said = await root.open(f"{HERE}/trunks/north")
    token = said.split('name="csrf" value="')[1].split('"')[0]
    headers = {"HX-Request": "true", "Origin": URL}
    with registrar(port):
        answer = await root.client.post(TRUNK, data={"csrf": token}, headers=headers)
    assert answer.status_code == 200
    assert "OPTIONS: 200" in answer.text
    assert "<html" not in answer.text


async def test_a_provider_is_bound_and_sends(
    sqlite: Database, vault: Vault, people: People, root: Visitor, smsc: Smsc
) -> None:
    await provider(sqlite, vault, smsc.host, smsc.port)
    await root.open(f"{HERE}/providers/west")
    said = await root.send(PROVIDER)
    assert "link: bound" in said
    assert "submitted" not in said
    assert "not tried: whether it takes a message" in said
    said = await root.send(PROVIDER, to="+1 555 123 4567", sender="ACME")
    for step in ("link: bound", "submitted: Submitted", "delivered", "Well"):
        assert step in said, said
    assert "hush" not in said
    assert (await people.acts()).count("sms_provider.tested") == 2
    rows = await sqlite.all("SELECT after FROM audit_log WHERE action = 'sms_provider.tested'")
    assert [row["after"] for row in rows] == ["{}", f'{{"to": "{TO}"}}']


async def test_without_a_number_an_api_is_not_asked(
    sqlite: Database, vault: Vault, root: Visitor
) -> None:
    options = {"url": f"http://127.0.0.1:{free_port()}/send"}
    await sqlite.write(
        providers.add, ROOT, now(), vault, Settings(), "west", "http", options
    )  # fmt: skip
    await root.open(f"{HERE}/providers/west")
    said = (await root.send(PROVIDER)).split('id="tested"')[1]
    for told in ("Not tried", "link: none is kept", "not tried: address, credentials"):
        assert told in said, said
    assert "Well" not in said
    assert "Not well" not in said
    said = (await root.send(PROVIDER, to=TO)).split('id="tested"')[1]
    assert "link_down" in said
    assert "Not well" in said


async def test_a_provider_that_is_not_there(
    sqlite: Database, vault: Vault, root: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.admin.providers.STEP_SECONDS", 0.5)
    await provider(sqlite, vault, "127.0.0.1", free_port())
    await root.open(f"{HERE}/providers/west")
    said = await root.send(PROVIDER, to=TO)
    assert "no link: " in said
    assert "submitted" not in said
    assert "Not well" in said
    assert "Not well" in await root.send(PROVIDER, to="12")


async def test_nothing_is_sent_while_traffic_is_stopped(
    sqlite: Database, vault: Vault, people: People, root: Visitor
) -> None:
    await provider(sqlite, vault, "127.0.0.1", free_port())

    def stop(conn: Conn) -> None:
        outgoing.stop(conn, ROOT, now(), "messages", "fraud")

    await sqlite.write(stop)
    await root.open(f"{HERE}/providers/west")
    said = await root.send(PROVIDER, to=TO)
    assert "Not well" in said
    assert "link" not in said.split('id="tested"')[1]
    assert "sms_provider.tested" not in await people.acts()


async def test_support_tests_nothing(
    sqlite: Database, vault: Vault, people: People, helper: Visitor
) -> None:
    await carrier(sqlite, vault, free_port())
    await provider(sqlite, vault, "127.0.0.1", free_port())
    await helper.open(f"{HERE}/trunks/north")
    for action in (TRUNK, PROVIDER):
        assert action not in helper.actions()
        await helper.form(action, {}, 403)
    assert "trunk.tested" not in await people.acts()
