"""Routes of messages, through the pages of administrators: added, changed in place, removed."""

from db import sms_providers
from db.database import Database
from telephony.users.sessions import Member
from tests.admin.test_provider_pages import ROUTES, acme, north  # noqa: F401
from tests.dashboard.visitor import Visitor


async def test_messages_are_led_to_it(
    sqlite: Database,
    acme: Member,  # noqa: F811
    north: Visitor,  # noqa: F811
) -> None:
    await north.open(ROUTES)
    fields = {"provider": "north", "prefix": "+49", "account_id": acme.account_id,
              "sender": "ACME", "priority": "1", "weight": "3"}  # fmt: skip
    said = await north.form(ROUTES, fields)
    assert f'href="/admin/accounts/{acme.account_id}"' in said
    (route,) = await sqlite.write(sms_providers.routes)
    assert (route["prefix"], route["account_id"], route["weight"]) == ("49", acme.account_id, 3)
    for wrong, status in (({"prefix": "x"}, 400), ({"weight": "0"}, 400), ({"mode": "test"}, 400),
                          ({"provider": "gone"}, 400), ({"priority": "-1"}, 400)):  # fmt: skip
        await north.open(ROUTES)
        await north.form(ROUTES, fields | wrong, status)
    await north.open(ROUTES)
    assert "leads there already" in await north.form(ROUTES, fields, 400)
    one = f"{ROUTES}/{route['id']}"
    assert f'value="{acme.account_id}"' in await north.open(one)
    assert one in north.actions()
    await north.form(one, fields | {"prefix": "x"}, 400)
    await north.open(one)
    await north.form(one, fields | {"prefix": "44", "sender": " ", "weight": "7"})
    assert north.at == ROUTES
    (row,) = await sqlite.write(sms_providers.routes)
    assert row == route | {"prefix": "44", "sender": "", "weight": 7}
    await north.open(f"{ROUTES}/rte_gone", 404)
    await north.open(ROUTES)
    await north.send(f"{ROUTES}/remove")
    assert await sqlite.write(sms_providers.routes) == []
    await north.form(f"{ROUTES}/remove", {"id": "rte_gone"}, 404)
