"""SMS providers and their routes, changed by administrators: what is written down tells no secret,
and a secret that is left out goes nowhere else."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from db import sms_providers
from db.connection import Row
from db.database import Database
from telephony.admin import providers
from telephony.audit import Actor
from telephony.clock import now
from telephony.errors import NotFoundError, ValidationFailedError
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.sms.providers import configured
from telephony.sms.providers.masks import MASK

ROOT = Actor("usr_root", "root@example.com")
SMPP = {"host": "192.0.2.9", "port": 2775, "system_id": "us", "password": "hush-1"}
HTTP = {
    "url": "https://example.com/send?key=hush-2",
    "headers": {"Authorization": "Bearer hush-3", "X-Team": "hush-4"},
    "body": {"api_key": "hush-5", "to": "{to}"}, "window": 5,
}  # fmt: skip
ROUTE = {"provider": "north", "prefix": "49", "sender": "", "mode": "live", "priority": 0,
         "weight": 1, "account_id": ""}  # fmt: skip
Do = Callable[..., Any]


@pytest.fixture
def do(database: Database, vault: Vault) -> Do:
    """Runs a deed as an administrator; those that take options get the vault and settings."""

    async def run(deed: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        sealed = (vault, Settings()) if deed in (providers.add, providers.change) else ()
        return await database.write(lambda conn: deed(conn, ROOT, now(), *sealed, *args, **kwargs))

    return run


async def entries(database: Database) -> list[tuple[str, Row, Row]]:
    """Action, before and after, oldest first; no secret in them."""
    rows = await database.all("SELECT * FROM audit_log ORDER BY seq")
    assert "hush" not in str(rows)
    return [(row["action"], json.loads(row["before"]), json.loads(row["after"])) for row in rows]


async def options(database: Database, vault: Vault, name: str = "north") -> dict[str, Any]:
    row = await sms_providers.find(database, name)
    assert row is not None
    return configured.opened(row, vault)


async def shown(database: Database, vault: Vault, name: str = "north") -> dict[str, Any]:
    row = await sms_providers.find(database, name)
    assert row is not None
    found = configured.shown(row, vault)
    assert not any(secret in str(found) for secret in ("hush-1", "hush-3", "hush-4"))
    return found


async def test_a_providers_life_is_written_down(database: Database, vault: Vault, do: Do) -> None:
    await do(providers.add, "north", "smpp", SMPP)
    told = await shown(database, vault)
    assert told == {"host": "192.0.2.9", "system_id": "us", "password": MASK}
    await do(providers.change, "north", told | {"window": 20})
    assert await options(database, vault) == told | {"window": 20, "password": "hush-1"}
    await do(providers.change, "north", told | {"window": 20, "password": "hush-6"})
    with pytest.raises(ValidationFailedError, match="already"):
        await do(providers.add, "north", "smpp", SMPP)
    await do(providers.remove, "north")
    for deed, args in ((providers.remove, ()), (providers.change, (SMPP,))):
        with pytest.raises((NotFoundError, ValidationFailedError), match="no provider north"):
            await do(deed, "north", *args)
    added, changed, replaced, removed = await entries(database)
    assert added[0] == "sms_provider.added"
    assert (added[2]["host"], added[2]["password"]) == ("192.0.2.9", "(not shown)")
    assert changed[0] == "sms_provider.changed"
    assert changed[2]["window"] == 20
    assert "password" not in changed[2]
    assert replaced[2] == {"kind": "smpp", "password": "(not shown)"}
    assert removed[:2] == ("sms_provider.removed", {"kind": "smpp"})


async def test_one_is_disabled_and_enabled(database: Database, do: Do) -> None:
    await do(providers.add, "north", "smpp", SMPP)
    for enabled in (True, False, False, True):
        await do(providers.set_enabled, "north", enabled)
        row = await sms_providers.find(database, "north")
        assert row is not None
        assert row["enabled"] == enabled
    with pytest.raises(NotFoundError, match="no provider gone"):
        await do(providers.set_enabled, "gone", False)
    _, *told = [one[0] for one in await entries(database)]
    assert told == ["sms_provider.disabled", "sms_provider.enabled"]


async def test_addresses_bodies_and_headers_may_hold_secrets(
    database: Database, vault: Vault, do: Do
) -> None:
    await do(providers.add, "web", "http", HTTP)
    told = await shown(database, vault, "web")
    assert told["headers"] == {"Authorization": MASK, "X-Team": MASK}
    other = told["headers"] | {"X-Team": "hush-7", "X-New": "hush-8"}
    await do(providers.change, "web", told | {"headers": other})
    assert (await options(database, vault, "web"))["headers"] == {
        "Authorization": "Bearer hush-3", "X-Team": "hush-7", "X-New": "hush-8",
    }  # fmt: skip
    added, changed = await entries(database)
    assert added[2]["url"] == "https://example.com/send"
    assert added[2]["body"] == added[2]["headers"] == "(not shown)"
    assert changed[2]["headers"] == changed[1]["headers"] == "(not shown)"
    assert "url" not in changed[2]


async def test_secrets_in_a_body_and_an_address_are_masked_and_stay(
    database: Database, vault: Vault, do: Do
) -> None:
    web: dict[str, Any] = HTTP | {
        "url": "https://example.com/send?key=hush-2&team=hush-6&v=1",
        "body": {"api_key": "hush-5", "to": "{to}", "token": "{message_id}", "pin": "hush-7",
                 "from": [{"name": "us", "password": {"is": "hush-8"}}]},
        "secret_fields": ["pin", "team"],
    }  # fmt: skip
    await do(providers.add, "web", "http", web)
    told = await shown(database, vault, "web")
    assert "hush" not in str(told)
    assert told["url"] == f"https://example.com/send?key={MASK}&team={MASK}&v=1"
    assert told["body"] == {
        "api_key": MASK, "to": "{to}", "token": "{message_id}", "pin": MASK,
        "from": [{"name": "us", "password": {"is": MASK}}],
    }  # fmt: skip
    told["secret_fields"] = sorted(told["secret_fields"])
    await do(providers.change, "web", told | {"window": 6})
    assert await options(database, vault, "web") == web | {"window": 6}
    await do(providers.change, "web", told | {"body": told["body"] | {"api_key": "hush-9"}})
    assert (await options(database, vault, "web"))["body"] == web["body"] | {"api_key": "hush-9"}
    before = await options(database, vault, "web")
    for wrong, field in (
        ({"secret_fields": ["team"]}, "body"), ({"secret_fields": ["pin"]}, "url"),
        ({"body": told["body"] | {"note": MASK}}, "body"),
        ({"body": {"x": MASK}}, "body"), ({"url": f"https://example.com/send?a={MASK}"}, "body"),
        ({"url": told["url"].replace("example.com", "evil.example.com")}, "url"),
    ):  # fmt: skip
        with pytest.raises(ValidationFailedError, match="Write the secret again") as caught:
            await do(providers.change, "web", told | wrong)
        assert f"options.{field}" in [one["field"] for one in caught.value.extra["errors"]]
        assert "hush" not in str(caught.value.extra)
    assert await options(database, vault, "web") == before
    assert (await entries(database))[0][2]["url"] == "https://example.com/send"


async def test_a_secret_stays_with_its_peer(database: Database, vault: Vault, do: Do) -> None:
    await do(providers.add, "north", "smpp", SMPP)
    await do(providers.add, "web", "http", HTTP)
    for name, elsewhere, field in (
        ("north", {"host": "192.0.2.66"}, "password"), ("north", {"port": 2776}, "password"),
        ("web", {"url": "https://evil.example.com/"}, "headers"),
        ("web", {"status_url": "https://evil.example.com/{id}"}, "headers"),
    ):  # fmt: skip
        before = await options(database, vault, name)
        with pytest.raises(ValidationFailedError, match="another peer") as caught:
            await do(providers.change, name, await shown(database, vault, name) | elsewhere)
        assert f"options.{field}" in [one["field"] for one in caught.value.extra["errors"]]
        assert await options(database, vault, name) == before
    await do(providers.change, "north", SMPP | {"host": "192.0.2.66", "password": "hush-9"})
    assert (await options(database, vault))["password"] == "hush-9"


async def test_what_is_wrong_is_told_of_its_option(database: Database, do: Do) -> None:
    async def wrong(name: str, kind: str, given: dict[str, object]) -> list[str]:
        with pytest.raises(ValidationFailedError) as caught:
            await do(providers.add, name, kind, given)
        assert "hush" not in str(caught.value) + str(caught.value.extra)
        return [one["field"] for one in caught.value.extra["errors"]]

    assert await wrong("a b", "smpp", SMPP) == ["name"]
    assert await wrong("sandbox", "smpp", SMPP) == ["name"]
    assert await wrong("north", "pigeon-post", SMPP) == ["kind"]
    assert await wrong("north", "smpp", {"password": "hush"}) == [
        "options.host", "options.system_id",
    ]  # fmt: skip
    assert await wrong("north", "smpp", SMPP | {"source": {"x": "hush"}}) == ["options.source"]
    assert await wrong("north", "smpp", SMPP | {"colour": "hush"}) == ["options.colour"]
    assert await wrong("web", "http", {"url": "http://10.0.0.1/?hush"}) == ["options"]
    assert await entries(database) == []


async def test_routes_are_written_down(database: Database, do: Do) -> None:
    await do(providers.add, "north", "smpp", SMPP)
    route_id = await do(providers.add_route, **ROUTE)
    for changes, told in (({"provider": "gone"}, "add it first"), ({"mode": "test"}, "sandbox"),
                          ({"prefix": "+4"}, "without its plus")):  # fmt: skip
        with pytest.raises(ValidationFailedError, match=told):
            await do(providers.add_route, **ROUTE | changes)
    with pytest.raises(ValidationFailedError, match="leads there already"):
        await do(providers.add_route, **ROUTE)
    await do(providers.remove_route, route_id)
    with pytest.raises(NotFoundError, match="no route"):
        await do(providers.remove_route, route_id)
    _, added, removed = await entries(database)
    assert (added[0], added[2]["prefix"]) == ("sms_route.added", "49")
    assert (removed[0], removed[1]["id"]) == ("sms_route.removed", route_id)


async def test_a_route_is_changed_in_place(database: Database, do: Do) -> None:
    await do(providers.add, "north", "smpp", SMPP)
    await do(providers.add, "south", "smpp", SMPP)
    route_id = await do(providers.add_route, **ROUTE)
    other = await do(providers.add_route, **ROUTE | {"prefix": "44"})
    await do(providers.change_route, route_id, **ROUTE)
    await do(providers.change_route, route_id, **ROUTE | {"weight": 3, "provider": "south"})
    for wrong, told in (({"provider": "gone"}, "add it first"), ({"mode": "test"}, "sandbox"),
                        ({"prefix": "44"}, f"{other} leads there already")):  # fmt: skip
        with pytest.raises(ValidationFailedError, match=told):
            await do(providers.change_route, route_id, **ROUTE | wrong)
    with pytest.raises(NotFoundError, match="no route"):
        await do(providers.change_route, "rte_gone", **ROUTE)
    row = await database.write(sms_providers.route, route_id)
    assert row == {"id": route_id, **ROUTE, "weight": 3, "provider": "south"}
    *_, changed = await entries(database)
    assert changed == (
        "sms_route.changed", {"id": route_id, "provider": "north", "weight": 1},
        {"provider": "south", "weight": 3},
    )  # fmt: skip


async def test_a_kind_whose_package_is_gone_is_told_as_little(
    database: Database, vault: Vault, do: Do
) -> None:
    sealed = vault.seal(json.dumps({"token": "hush"}))
    await database.write(sms_providers.put, "north", "gone-kind", sealed, "gsm7", now())
    with pytest.raises(ValidationFailedError, match="gone-kind"):
        await do(providers.change, "north", {"token": "hush-2"})
    with pytest.raises(LookupError):
        await shown(database, vault)
    await do(providers.remove, "north")
    assert [one[0] for one in await entries(database)] == ["sms_provider.removed"]
