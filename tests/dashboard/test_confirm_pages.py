"""Who has to confirm in the midst of a form need not fill it in again, and nothing secret travels
through the page that asks."""

import re
from collections.abc import Mapping
from html import unescape

import pytest

from api.app import PAGES
from api.fields import SECRET
from api.web.carried import LEFT_OUT, PROOF
from db import sms_providers
from db.database import Database
from telephony.users.sessions import Member
from tests.dashboard.visitor import INPUT, Visitor
from tests.users.world import MINUTE, PASSWORD, URL, People

BOB = "bob@example.net"
SOUNDS_SECRET = re.compile("password|secret|token")
HOSTILE = '"><script>alert(1)</script>'
TEAM = "/dashboard/team"


async def grow_old(database: Database) -> None:
    """Nobody has proved lately to be the one."""
    await database.write(lambda conn: conn.run(
        "UPDATE session SET confirmed_at = confirmed_at - :ago", ago=11 * MINUTE
    ))  # fmt: skip


def hidden(visitor: Visitor) -> list[tuple[str, str]]:
    return [(name, unescape(value)) for name, value in INPUT.findall(visitor.page.text)]


async def test_the_form_goes_on_by_itself(
    sqlite: Database, people: People, owner: Member, ada: Visitor
) -> None:
    await ada.open(TEAM)
    await grow_old(sqlite)
    said = await ada.send(f"{TEAM}/invite", 403, email=BOB, role="billing")
    assert "Confirm that it is you" in said
    assert "not your password" not in said
    assert ada.page.headers["cache-control"] == "no-store"
    assert await people.mails() == []
    assert "Type your password" in await ada.confirm("", 403)
    assert "not your password" in await ada.confirm("wrong", 403)
    assert ("email", BOB) in hidden(ada)
    assert 'value="wrong"' not in ada.page.text
    before = ada.client.cookies["session"]
    await ada.confirm()
    assert ada.at == TEAM
    assert ada.client.cookies["session"] != before
    assert len(await people.mails()) == 1
    assert BOB in ada.page.text


async def test_boxes_that_are_ticked_come_along(
    sqlite: Database, owner: Member, ada: Visitor
) -> None:
    await ada.open("/dashboard/keys")
    await grow_old(sqlite)
    boxes = {"sms:send": "on", "voice:call": "on"}
    await ada.form("/dashboard/keys", {"name": HOSTILE, "mode": "test", **boxes}, 403)
    assert HOSTILE not in ada.page.text
    assert "sk_test_" in await ada.confirm()
    (key,) = await sqlite.all("SELECT name, scopes FROM api_key")
    assert key["name"] == HOSTILE
    assert all(scope in str(key["scopes"]) for scope in boxes)


async def test_who_is_refused_afterwards_is_still_signed_in(
    sqlite: Database, owner: Member, ada: Visitor
) -> None:
    await ada.open(TEAM)
    await grow_old(sqlite)
    await ada.send(f"{TEAM}/invite", 403, email="no address", role="billing")
    said = await ada.confirm(status=400)
    assert 'value="no address"' in said
    assert PASSWORD not in said
    await grow_old(sqlite)
    await ada.form("/dashboard/webhooks/whe_none/rotate", {}, 403)
    before = ada.client.cookies["session"]
    await ada.confirm(status=404)  # the error page of a form that is not shown again
    assert ada.client.cookies["session"] != before
    await ada.open(TEAM)
    assert ada.at == TEAM


async def test_a_new_password_is_asked_for_once_more(
    sqlite: Database, owner: Member, ada: Visitor
) -> None:
    page, new = "/dashboard/security", "horse battery staple 2"
    await ada.open(page)
    await grow_old(sqlite)
    said = await ada.send(f"{page}/password", 403, password=new)
    assert "What you typed is kept, but for secrets and files" in said
    assert new not in said
    assert (LEFT_OUT, "password") in hidden(ada)
    await ada.confirm("wrong", 403)
    assert (LEFT_OUT, "password") in hidden(ada)
    said = await ada.confirm(status=400)
    assert "This was not kept while you confirmed that it is you" in said
    await ada.send(f"{page}/password", password=new)
    await ada.client.post("/sign-out")
    ada.client.cookies.clear()
    await ada.sign_in(owner.email, new)
    assert ada.at == "/dashboard"


SMPP = {"kind": "smpp", "options.host": "smsc.example", "options.system_id": "me",
        "options.password": "pa55w0rd"}  # fmt: skip
HTTP = {"kind": "http", "options.method": "POST", "options.id_path": "smsc.example",
        "options.url": "https://smsc.example/send?key=pa55w0rd",
        "options.body": '{"to": "{to}", "text": "{text}", "token": "pa55w0rd"}'}  # fmt: skip


@pytest.mark.parametrize(("given", "kept"), [(SMPP, "options.host"), (HTTP, "options.id_path")])
async def test_secret_options_of_a_provider_are_asked_for_once_more(
    sqlite: Database, root: Visitor, given: dict[str, str], kept: str
) -> None:
    new, fields = "/admin/network/new-provider", {"name": "north", **given}
    await root.open(new)
    await grow_old(sqlite)
    await root.form("/admin/network/providers", fields, 403)
    assert "pa55w0rd" not in root.page.text
    assert (kept, "smsc.example") in hidden(root)
    said = await root.confirm(status=400)
    assert "smsc.example" in said
    assert "not kept" in said
    assert await sms_providers.find(sqlite, "north") is None
    await root.form("/admin/network/providers", fields)
    assert await sms_providers.find(sqlite, "north") is not None


async def test_a_file_is_chosen_once_more(sqlite: Database, root: Visitor) -> None:
    await root.open("/admin/tariffs")
    await grow_old(sqlite)
    fields = {"csrf": dict(INPUT.findall(root.page.text))["csrf"], "name": "spring",
              "currency": "USD", "valid_from": "2031-01-31"}  # fmt: skip
    root.page = await root.client.post(
        "/admin/tariffs/compare", data=fields, headers={"Origin": URL},
        files={"file": ("deck.csv", b"prefix,content-of-it")},
    )  # fmt: skip
    assert root.page.status_code == 403
    assert "content-of-it" not in root.page.text
    said = await root.confirm(status=400)
    assert "2031-01-31" in said
    assert "not kept" in said


async def test_a_forged_form_is_not_even_asked_about(
    sqlite: Database, owner: Member, ada: Visitor
) -> None:
    await ada.open(TEAM)
    await grow_old(sqlite)
    form = {"email": BOB, "role": "billing", "confirm_password": PASSWORD}
    for sent, origin in ((form, URL), (form | dict(hidden(ada)), "https://evil.example")):
        answer = await ada.client.post(f"{TEAM}/invite", data=sent, headers={"Origin": origin})
        assert answer.status_code == 403
        assert "confirm_password" not in answer.text
    rows = await sqlite.all("SELECT confirmed_at FROM session")
    assert all(row["confirmed_at"] <= owner.confirmed_at - 10 * MINUTE for row in rows)


async def test_a_passkey_that_is_none_is_refused_with_the_form_kept(
    sqlite: Database, owner: Member, ada: Visitor
) -> None:
    await ada.open(TEAM)
    await grow_old(sqlite)
    await ada.send(f"{TEAM}/invite", 403, email=BOB, role="billing")
    said = await ada.send(f"{TEAM}/invite", 403, nth=1, confirm_passkey="{}")
    assert "Confirm that it is you" in said
    assert ("email", BOB) in hidden(ada)


def test_what_sounds_secret_is_declared_so() -> None:
    """So that a new form cannot let one travel by mistake."""
    taken = {page.takes for page in PAGES if page.confirm and page.takes}
    assert taken
    for form in taken:
        fields: Mapping[str, object] = form.model_fields
        assert not [name for name in fields if name.startswith(PROOF)], form
        for name, one in form.model_fields.items():
            assert not SOUNDS_SECRET.search(name) or one.json_schema_extra == SECRET, (form, name)
