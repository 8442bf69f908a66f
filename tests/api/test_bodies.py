"""What a request may hold, and how the door answers when something is wrong with it, or inside."""

import json
import logging
import re
from typing import Any

import pytest

from api.app import create_app
from db.database import CLOSED, Database, DatabaseBusyError, DatabaseError
from telephony.secrets import Vault
from telephony.settings import Settings
from tests.api.client import Api, good, problem
from tests.api.world import NUMBER, Counting, add_phone, client_of
from tests.factories import Customer, customer

SMS = {"to": "+15551234567", "text": "Hi!"}
CALL = {"to": "+15559876543"}

# (path, a good body, the field, values that are not allowed in it)
REFUSED: list[tuple[str, dict[str, Any], str, list[Any]]] = [
    ("/sms/send", SMS, "to", [
        "", "hello", "15551234567", "+1555", "+999123456789", "+1555123456789012", "++15551234567",
        15551234567, None, ["+15551234567"], {}, True, "+1555\0234567", "tel:+15551234567",
        "+15551234567;ext=5", "\ud800",
    ]),
    ("/sms/send", SMS, "text", ["", None, 1, True, ["a"], "a" * 1601, "я" * 671, "a\0b"]),
    ("/sms/send", SMS, "from", [None, 1, "x" * 33, "\0"]),
    ("/sms/send", SMS, "reference", [1, "r" * 256, "\0", {}]),
    ("/sms/send", SMS, "validity_seconds", [0, 59, -1, 604801, 1.5, True, None, "soon", 10**30]),
    ("/sms/send", SMS, "callback_url", [
        "", "example.com", "ftp://example.com/", "file:///etc/passwd", "https://", 1,
        "https://u:p@example.com/", "https://169.254.169.254/latest/", "https://10.0.0.1/",
        "https://example.com:0/", "https://exa mple.com/", "https://example.com/\0",
        "https://example.com/" + "a" * 2048,
    ]),
    ("/voice/call", CALL, "to", ["", "hello", "sip", "+1", None, 1, "alice", "sip:\0"]),
    ("/voice/call", CALL, "from", ["Not A Phone", "+1", 1, None]),
    ("/voice/call", CALL, "caller_id", ["", "alice", "+1", 1]),
    ("/voice/call", CALL, "timeout_seconds", [4, 121, 0, True, "long", None, 7.5]),
    ("/voice/call", CALL, "time_limit_seconds", [0, -1, 14401, True, None]),
    ("/voice/call", CALL, "callback_url", ["http:///", "https://192.168.1.1/"]),
    ("/voip/caller-id", {"caller_id": NUMBER}, "caller_id", ["", "anonymous", None, 1, "+1"]),
    ("/voip/caller-id", {"caller_id": NUMBER}, "sip_account", [1, "x" * 65, "\0"]),
    ("/voip/password", {}, "sip_password", [
        "", "short", "eleven char", "a" * 129, "Password1234", "aaaaaaaaaaaaaaaa", 1,
        "alicealicealice", "pässwörter lang", "tab\tin the secret", "NUL\0in the secret",
    ]),
    ("/voip/topup", {"amount": 1}, "amount", [
        0, -1, -0.000001, 0.0000001, 1.0000001, "25", "abc", "", True, False, None, [], {},
        1_000_001, 1e300, 10**40,
    ]),
]  # fmt: skip


@pytest.fixture
async def caller(sqlite: Database, vault: Vault) -> Customer:
    owner = await customer(sqlite, funds="50", sip_funds="50")
    await add_phone(sqlite, vault, owner)
    return owner


@pytest.mark.parametrize(
    ("path", "body", "field", "values"), REFUSED, ids=[f"{case[0]} {case[2]}" for case in REFUSED]
)
async def test_a_value_that_is_not_allowed_names_its_field(
    plain: Api, caller: Customer, path: str, body: dict[str, Any], field: str, values: list[Any]
) -> None:
    for value in values:
        content = json.dumps({**body, field: value})
        headers = {"Content-Type": "application/json"}
        response = await plain.using(caller).send("POST", path, content=content, headers=headers)
        found = problem(response, 400, "validation_error")
        assert [error["field"] for error in found["errors"]] == [field], (value, found)
        error = found["errors"][0]
        assert error["code"], found
        assert error["message"] in found["detail"]


async def test_an_infinite_amount_is_not_allowed(plain: Api, caller: Customer) -> None:
    for amount in ("1e400", "-1e400"):
        response = await plain.using(caller).send(
            "POST", "/voip/topup", content=f'{{"amount": {amount}}}',
            headers={"Content-Type": "application/json"},
        )  # fmt: skip
        problem(response, 400, "validation_error")


async def test_nothing_strange_reaches_a_database_as_a_crash(api: Api, database: Database) -> None:
    """NUL is no text to PostgreSQL, half a surrogate pair is none to anybody."""
    door = api.using(await customer(database))
    for path in ("/sms/msg_%00", "/voice/calls/%00", "/sms/%F0%9F%98%80", "/sms/%ff"):
        problem(await door.get(path), 404, "not_found")
    for query in ("search=%00", "cursor=a%00b", "sip_account=%00"):
        problem(await door.send("GET", f"/voip/logs?{query}"), 400, "validation_error")
    headers = {"Content-Type": "application/json"}
    content = b'{"to": "+15551234567", "text": "x", "\\ud800": 1}'
    response = await door.send("POST", "/sms/send", content=content, headers=headers)
    assert response.status_code == 400


async def test_missing_fields_are_named_all_at_once(plain: Api, caller: Customer) -> None:
    body = problem(await plain.using(caller).post("/sms/send", {}), 400, "validation_error")
    assert [error["field"] for error in body["errors"]] == ["to", "text"]


@pytest.mark.parametrize("field", ["sendAt", "max_cost", "From", "to ", "from_"])
async def test_an_unknown_field_is_named(plain: Api, caller: Customer, field: str) -> None:
    """`from_` is our own spelling inside, and none of the customer's business."""
    response = await plain.using(caller).post("/sms/send", {**SMS, field: "x"})
    assert field in problem(response, 400, "unknown_field")["detail"]


@pytest.mark.parametrize(
    "written",
    ["+15551234567", "+1 555 123 4567", "+1-555-123-4567", "+1 (555) 123-4567", "+1.555.123.4567",
     " +15551234567 ", "+1(555)1234567"],
)  # fmt: skip
async def test_numbers_are_normalised(plain: Api, caller: Customer, written: str) -> None:
    door = plain.using(caller)
    mine = written.replace("555", "555", 1).replace("123", "011").replace("4567", "1222")
    body = good(await door.post("/sms/send", {"to": written, "text": "x", "from": mine}), 202)
    assert (body["to"], body["from"]) == ("+15551234567", NUMBER)
    call = {"to": written, "from": mine, "caller_id": mine}
    body = good(await door.post("/voice/call", call), 202)
    assert (body["to"], body["from"], body["caller_id"]) == ("+15551234567", NUMBER, NUMBER)


async def test_a_body_of_exactly_the_limit_is_read(plain: Api, caller: Customer) -> None:
    head, tail = b'{"to": "+15551234567", "text": "Hi!"', b"}"
    headers = {"Content-Type": "application/json; charset=utf-8"}
    for size, status in ((256 * 1024, 202), (256 * 1024 + 1, 413)):
        content = head + b" " * (size - len(head) - len(tail)) + tail
        response = await plain.using(caller).send(
            "POST", "/sms/send", content=content, headers=headers
        )
        assert response.status_code == status, response.text


async def test_a_path_that_is_not_there(plain: Api) -> None:
    for path in ("/nothing", "/smss", "/voice/call/", "/../secret", "/sms/send/now"):
        response = await plain.send("PUT", path)
        assert response.status_code in (404, 307), path
    problem(await plain.get("/nothing"), 404, "not_found")


@pytest.mark.parametrize("given", ["a", "A-z_0.9", "x" * 64])
async def test_a_request_id_is_given_back(plain: Api, given: str) -> None:
    response = await plain.get("/nothing", headers={"X-Request-Id": given})
    assert response.headers["x-request-id"] == given
    assert response.json()["request_id"] == given


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "a/b", "é", "a\tb", "<script>"])
async def test_a_request_id_of_another_kind_is_replaced(plain: Api, given: str) -> None:
    headers = {"X-Request-Id": given.encode()}
    ids = {
        (await plain.send("GET", "/ping", headers=headers)).headers["x-request-id"]
        for _ in range(3)
    }
    assert len(ids) == 3
    assert all(re.fullmatch(r"req_[0-9a-f]{24}", one) for one in ids)


class Broken(Counting):
    """A database whose every transaction ends in an error, as told."""

    def __init__(self, database: Database, error: Exception) -> None:
        super().__init__(database)
        self._error = error

    async def write(self, deed: Any, *args: Any, **kwargs: Any) -> Any:
        raise self._error


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (RuntimeError("the private detail"), 500, "internal_error"),
        (DatabaseError("the private detail"), 500, "internal_error"),
        (DatabaseBusyError("the private detail"), 503, "database_busy"),
    ],
)
async def test_a_failure_inside_tells_nothing_of_it(
    sqlite: Database, settings: Settings, vault: Vault, caller: Customer, error: Exception,
    status: int, code: str, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    broken = Broken(sqlite, error)
    async with client_of(create_app(settings, broken, vault)) as client:
        with caplog.at_level(logging.DEBUG):
            response = await Api(client, caller.key).post("/sms/send", SMS)
    body = problem(response, status, code)
    assert "private" not in response.text
    assert "Traceback" not in response.text
    assert "Nothing was charged" in body["title"]
    assert (response.headers.get("retry-after") == "1") == (status == 503)
    if status == 500:  # whoever has the request id finds the traceback
        assert body["request_id"] in caplog.text
        assert "the private detail" in caplog.text


async def test_a_closed_database_is_a_problem_document_too(
    plain: Api, sqlite: Database, caller: Customer
) -> None:
    await sqlite.close()
    response = await plain.using(caller).post("/sms/send", SMS)
    problem(response, 500, "internal_error")
    assert CLOSED not in response.text
