"""The setup sheet at the door: JSON, a page, a QR code, and the link that a phone follows."""

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest

from api.app import create_app
from db.database import Database
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.voice import phone_link
from telephony.voice.sip_accounts import digests
from tests.api.client import BASE, URL, Api, good, problem
from tests.api.world import SECRET, add_phone, client_of
from tests.factories import Customer, customer

PATH = "/voip/accounts/alice/setup"


@pytest.fixture
async def who(database: Database, vault: Vault) -> Customer:
    owner = await customer(database)
    await add_phone(database, vault, owner)
    return owner


async def test_the_sheet_has_all_that_a_phone_asks_for(api: Api, who: Customer) -> None:
    sheet = good(await api.using(who).get(PATH))
    assert (sheet["username"], sheet["realm"]) == ("alice", "sms-voip")
    assert (sheet["server"], sheet["transport"], sheet["stun"]) == ("127.0.0.1", "udp", "none")
    assert [(way["transport"], way["address"]) for way in sheet["transports"]] == [
        ("udp", "127.0.0.1:5060"), ("tcp", "127.0.0.1:5060"), ("tls", "127.0.0.1:5061"),
        ("wss", "wss://127.0.0.1:8089/ws"),
    ]  # fmt: skip
    assert (sheet["codecs"], sheet["media_encryption"]) == (["ulaw", "alaw"], "none")
    assert set(sheet["baresip"]) == {"udp", "tcp", "tls"}
    assert sheet["linphone"]["username"] == sheet["zoiper"]["authentication_username"] == "alice"
    assert sheet["qr_svg"] == phone_link.qr_svg(sheet["provisioning_url"])
    by_id = good(await api.using(who).get(f"/voip/accounts/{sheet['sip_account']}/setup"))
    assert by_id["baresip"] == sheet["baresip"]


async def test_neither_secret_nor_digest_is_on_the_sheet(api: Api, who: Customer) -> None:
    for accept in ("application/json", "text/html", "image/svg+xml"):
        text = (await api.using(who).get(PATH, {"Accept": accept})).text
        assert SECRET not in text
        for digest in digests("alice", "sms-voip", SECRET).split(","):
            assert digest.partition(":")[2] not in text


async def test_as_a_page(api: Api, who: Customer) -> None:
    answer = await api.using(who).get(PATH, {"Accept": "text/html,application/xhtml+xml,*/*"})
    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
    for part in ("<h1>Set up alice</h1>", "<svg ", "auth_user=alice", "127.0.0.1:5061"):
        assert part in answer.text


async def test_as_a_qr_code(api: Api, who: Customer) -> None:
    answer = await api.using(who).get(PATH, {"Accept": "image/svg+xml"})
    assert answer.headers["content-type"] == "image/svg+xml"
    assert ElementTree.fromstring(answer.text).tag.endswith("svg")


@pytest.mark.parametrize(
    ("changes", "shown"),
    [({}, ("PEM", "udp")), ({"tls_cert": Path("/c"), "tls_key": Path("/k")}, (None, "tls"))],
)
async def test_a_self_signed_certificate_is_there_to_be_trusted(
    database: Database, vault: Vault, who: Customer, tmp_path: Path,
    changes: dict[str, Any], shown: tuple[str | None, str],
) -> None:  # fmt: skip
    settings = Settings(var_dir=tmp_path, public_url=URL, **changes)
    async with client_of(create_app(settings, database, vault)) as client:
        api = Api(client).using(who)
        assert good(await api.get(PATH))["certificate"] is None
        settings.self_signed_cert.parent.mkdir()
        settings.self_signed_cert.write_text("PEM")
        sheet = good(await api.get(PATH))
    assert (sheet["certificate"], sheet["transport"]) == shown


async def test_whose_account_it_is(api: Api, database: Database, who: Customer) -> None:
    stranger = await customer(database)
    for method in ("GET", "POST"):
        problem(await api.using(stranger).send(method, PATH), 404, "not_found")
        problem(await api.using(None).send(method, PATH), 401, "missing_api_key")


async def test_a_reader_may_not_sign_a_phone_in(api: Api, database: Database) -> None:
    reader = await customer(database, scopes=("voip:read",))
    problem(await api.using(reader).post(PATH), 403, "scope_missing")


def entries(xml: str) -> dict[str, dict[str, str]]:
    return {
        section.attrib["name"]: {entry.attrib["name"]: entry.text or "" for entry in section}
        for section in ElementTree.fromstring(xml)
    }


async def follow(client: httpx.AsyncClient, url: str) -> httpx.Response:
    """As a phone does it: without a key."""
    assert url.startswith(f"{URL}{BASE}/voip/setup/")
    return await client.get(url)


async def test_a_phone_that_follows_the_link_is_signed_in(
    api: Api, client: httpx.AsyncClient, who: Customer
) -> None:
    made = good(await api.using(who).post(PATH))
    assert made["qr_svg"] == phone_link.qr_svg(made["provisioning_url"])
    answer = await follow(client, made["provisioning_url"])
    assert answer.headers["content-type"] == "application/xml"
    assert answer.headers["cache-control"] == "no-store"
    found = entries(answer.text)
    md5 = digests("alice", "sms-voip", SECRET).split(",")[0].removeprefix("MD5:")
    assert (found["auth_info_0"]["ha1"], found["auth_info_0"]["username"]) == (md5, "alice")
    assert found["proxy_0"]["reg_proxy"] == "<sip:127.0.0.1:5060;transport=udp>"


async def test_the_link_of_the_sheet_signs_nobody_in(
    api: Api, client: httpx.AsyncClient, who: Customer
) -> None:
    sheet = good(await api.using(who).get(PATH))
    found = entries((await follow(client, sheet["provisioning_url"])).text)
    assert "auth_info_0" not in found
    assert found["proxy_0"]["reg_identity"] == "sip:alice@127.0.0.1"


async def test_a_new_secret_ends_every_link(
    api: Api, client: httpx.AsyncClient, who: Customer
) -> None:
    links = [
        good(await api.using(who).get(PATH))["provisioning_url"],
        good(await api.using(who).post(PATH))["provisioning_url"],
    ]
    await api.using(who).post("/voip/password", {"sip_password": "quite another one"})
    for link in links:
        problem(await follow(client, link), 403, "link_expired")


async def test_a_link_runs_out(
    api: Api, client: httpx.AsyncClient, who: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(phone_link, "SIGNED_IN_SECONDS", 0)
    link = good(await api.using(who).post(PATH))["provisioning_url"]
    problem(await follow(client, link), 403, "link_expired")


async def test_the_link_of_a_deleted_account_leads_nowhere(
    api: Api, client: httpx.AsyncClient, who: Customer
) -> None:
    link = good(await api.using(who).post(PATH))["provisioning_url"]
    await api.using(who).send("DELETE", "/voip/accounts/alice")
    problem(await follow(client, link), 403, "link_expired")


@pytest.mark.parametrize("token", ["x", "sip_1.99999999999.s.00", "a.b.c.d.e", "%00", "%D9%A1"])
async def test_a_forged_link_leads_nowhere(plain: Api, token: str) -> None:
    answer = await plain.get(f"/voip/setup/{token}")
    assert answer.status_code in (403, 404)


async def test_the_same_idempotency_key_gives_the_same_link(api: Api, who: Customer) -> None:
    first, again = [await api.using(who).post(PATH, None, "key-1") for _ in range(2)]
    assert first.json() == again.json()
    assert again.headers["idempotent-replayed"] == "true"
