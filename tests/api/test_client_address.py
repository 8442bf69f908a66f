"""Whose address counts: the one that the last trusted proxy saw, and no other."""

import httpx
import pytest

from api.app import create_app
from db.database import Database
from telephony.accounts import create_key
from telephony.clock import now
from telephony.secrets import Vault
from telephony.settings import Settings
from tests.api.client import URL, Api, good, problem
from tests.factories import ACTOR, customer

PROXY = "10.0.0.1"
OFFICE = "198.51.100.7"


def door(
    database: Database, vault: Vault, peer: str, key: str, trusted: str = "",
    header: str = "X-Forwarded-For",
) -> Api:  # fmt: skip
    """A client whose connection comes from `peer`."""
    settings = Settings(trusted_proxies=trusted, proxy_header=header)
    app = create_app(settings, database, vault)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(peer, 40_000))
    return Api(httpx.AsyncClient(transport=transport, base_url=URL), key)


async def key_for(database: Database, *cidrs: str) -> str:
    who = await customer(database)
    made = await database.write(
        create_key, who.account_id, "test", name="office", actor=ACTOR, now=now(), cidrs=cidrs
    )
    return made.key


@pytest.mark.parametrize(
    ("cidr", "peer", "allowed"),
    [
        ("198.51.100.0/24", OFFICE, True),
        ("198.51.100.7", OFFICE, True),
        ("198.51.100.8", OFFICE, False),
        ("198.51.100.0/24", f"::ffff:{OFFICE}", True),
        ("::ffff:198.51.100.0/120", OFFICE, True),
        ("::ffff:198.51.100.0/120", "198.51.101.7", False),
        ("2001:db8:1::/48", "2001:db8:1:2::3", True),
        ("2001:db8:1::/48", "2001:DB8:0001:0002:0:0:0:3", True),
        ("2001:db8:1::/48", "2001:db8:2::3", False),
        ("0.0.0.0/0", "2001:db8:1::1", False),
        ("::/0", OFFICE, False),
    ],
)
async def test_a_key_for_a_network(
    database: Database, vault: Vault, cidr: str, peer: str, allowed: bool
) -> None:
    response = await door(database, vault, peer, await key_for(database, cidr)).get("/voip/logs")
    if allowed:
        good(response)
    else:
        problem(response, 403, "ip_not_allowed")


async def test_several_networks(sqlite: Database, vault: Vault) -> None:
    key = await key_for(sqlite, "192.0.2.1", "2001:db8::/32", "198.51.100.0/24")
    for peer in ("192.0.2.1", "2001:db8::5", OFFICE):
        good(await door(sqlite, vault, peer, key).get("/ping"))
    problem(await door(sqlite, vault, "192.0.2.2", key).get("/ping"), 403, "ip_not_allowed")


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded", "allowed"),
    [
        ("", PROXY, OFFICE, False),  # nobody is trusted: anybody can write the header
        ("", OFFICE, "192.0.2.66", True),
        ("10.0.0.0/8", PROXY, OFFICE, True),
        ("10.0.0.0/8", "192.0.2.66", OFFICE, False),  # not sent by the proxy
        ("10.0.0.0/8", f"::ffff:{PROXY}", f"::ffff:{OFFICE}", True),
        ("10.0.0.0/8", PROXY, f"{OFFICE}, 192.0.2.66", False),  # the client wrote the first one
        ("10.0.0.0/8", PROXY, f"192.0.2.66, {OFFICE}", True),
        ("10.0.0.0/8", PROXY, f"192.0.2.66, {OFFICE}, 10.9.9.9", True),
        ("10.0.0.0/8", PROXY, f"{OFFICE}, unknown, 10.9.9.9", False),
        ("10.0.0.0/8", PROXY, f"{OFFICE}:51234", True),
        ("10.0.0.0/8", PROXY, "", False),
        ("10.0.0.0/8", PROXY, "10.1.1.1, 10.1.1.2", False),
        ("10.0.0.0/8, fd00::/8", "fd00::1", OFFICE, True),
    ],
)
async def test_the_last_hop_that_no_trusted_proxy_has(
    sqlite: Database, vault: Vault, trusted: str, peer: str, forwarded: str, allowed: bool
) -> None:
    here = door(sqlite, vault, peer, await key_for(sqlite, OFFICE), trusted)
    response = await here.get("/ping", headers={"X-Forwarded-For": forwarded})
    assert response.status_code == (200 if allowed else 403), response.text


@pytest.mark.parametrize(
    ("forwarded", "allowed"),
    [
        (f"for={OFFICE}", True),
        (f'For="{OFFICE}:4711";proto=https', True),
        (f"for=192.0.2.66, by=10.0.0.2;for={OFFICE};host=api", True),
        (f"for={OFFICE}, for=192.0.2.66", False),
        (f"for={OFFICE}, for=_hidden", False),
        (f"for={OFFICE}, for=unknown, for=10.0.0.3", False),
        (f"for={OFFICE}, by=10.0.0.3", False),
        ('for="[2001:db8:5::1]:4711"', True),
        ('for="[2001:db8:6::1]"', False),
    ],
)
async def test_the_standard_header(
    sqlite: Database, vault: Vault, forwarded: str, allowed: bool
) -> None:
    key = await key_for(sqlite, OFFICE, "2001:db8:5::/48")
    here = door(sqlite, vault, PROXY, key, "10.0.0.0/8", "Forwarded")
    # Only one header is believed: a proxy passes the other one on as the client wrote it.
    headers = {"Forwarded": forwarded, "X-Forwarded-For": OFFICE}
    response = await here.get("/ping", headers=headers)
    assert response.status_code == (200 if allowed else 403), response.text


async def test_several_header_lines_are_one_list(sqlite: Database, vault: Vault) -> None:
    here = door(sqlite, vault, PROXY, await key_for(sqlite, OFFICE), "10.0.0.0/8")
    for first, second, status in ((OFFICE, "192.0.2.66", 403), ("192.0.2.66", OFFICE, 200)):
        lines = [("X-Forwarded-For", first), ("X-Forwarded-For", second)]
        headers = [("Authorization", f"Bearer {here._key}"), *lines]
        response = await here._client.get("/api/v1/ping", headers=headers)
        assert response.status_code == status, response.text
