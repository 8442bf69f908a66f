"""Carriers and providers with how each of them is; what commands added is on the page, but for
what is secret."""

import json

from db import components
from db.connection import Conn
from db.database import Database
from telephony.clock import now
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.sms import routes
from telephony.sms.providers import configured
from telephony.voice import trunks
from tests.dashboard.visitor import Visitor

HERE = "/admin/network"
OPTIONS = {"url": "https://example.com/hidden-path"}


async def test_an_empty_network_says_which_commands_fill_it(helper: Visitor) -> None:
    said = await helper.open(HERE)
    assert "There is no carrier" in said
    assert "There is no provider" in said
    assert "sms-voip route add" in said


async def test_what_commands_added_is_shown_with_its_state(
    sqlite: Database, vault: Vault, settings: Settings, helper: Visitor
) -> None:
    def fill(conn: Conn) -> None:
        at = now()
        trunks.add(
            conn, vault, name="north", host="192.0.2.7", port=5061, transport="tls",
            username="me", secret="hush-hush", registers=False, codecs=["ulaw"],
            caller_id_format="digits", cidrs=[], capacity=30, now=at,
        )  # fmt: skip
        trunks.route(conn, prefix="4930", name="north", priority=7, weight=3, strip=0, prepend="")
        components.report(conn, "trunk:north", "trunk", "outage", "OPTIONS: <b>no</b>", at, True)
        configured.add(conn, vault, settings, "web", "http", json.dumps(OPTIONS), at)
        routes.add(conn, provider="web", prefix="33", sender="", mode="live", priority=0,
                   weight=1, account_id="")  # fmt: skip
        components.report(conn, "web", "sms", "operational", "answers", at, True)

    await sqlite.write(fill)
    said = await helper.open(HERE)
    for told in ("192.0.2.7:5061 tls", "OPTIONS: <b>no</b>", "web", "answers", "30"):
        assert told in said, told
    assert "<b>no" not in helper.page.text
    assert "hush-hush" not in said
    assert "hidden-path" not in said
    part = await helper.client.get(HERE, headers={"HX-Request": "true"})
    assert "<html" not in part.text
    assert "north" in part.text
