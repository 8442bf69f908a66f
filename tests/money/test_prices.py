"""A request may name the most that it will pay."""

import pytest

from db.database import Database
from telephony.secrets import Vault
from tests.api.client import Api, good, problem
from tests.api.world import add_phone, count, pots
from tests.factories import customer

TO = "+15551234567"  # 0.007 a part, 0.012 a minute


@pytest.mark.parametrize(("text", "most"), [("a", 0.007), ("a" * 161, 0.014), ("a", 1)])
async def test_a_message_within_its_price(
    api: Api, database: Database, text: str, most: float
) -> None:
    who = await customer(database)
    good(await api.using(who).post("/sms/send", {"to": TO, "text": text, "max_price": most}), 202)


@pytest.mark.parametrize(
    ("text", "most", "price"), [("a", 0.006999, "0.007 USD"), ("a" * 161, 0.007, "0.014 USD")]
)
async def test_a_dearer_message_is_refused(
    api: Api, database: Database, text: str, most: float, price: str
) -> None:
    who = await customer(database)
    body = {"to": TO, "text": text, "max_price": most}
    found = problem(await api.using(who).post("/sms/send", body), 400, "validation_error")
    assert [(one["field"], one["code"]) for one in found["errors"]] == [
        ("max_price", "price_above_max")
    ]
    assert price in found["detail"]
    assert await count(database, "hold") == await count(database, "message") == 0


@pytest.mark.parametrize(("most", "status"), [(0.012, 202), (0.011999, 400)])
async def test_a_call_names_the_most_of_a_minute(
    api: Api, database: Database, vault: Vault, most: float, status: int
) -> None:
    who = await customer(database, sip_funds="5")
    await add_phone(database, vault, who)
    body = {"to": TO, "max_price_per_minute": most}
    response = await api.using(who).post("/voice/call", body)
    if status == 202:
        good(response, 202)
        return
    found = problem(response, 400, "validation_error")
    assert found["errors"][0]["field"] == "max_price_per_minute"
    assert "0.012 USD" in found["detail"]
    assert (await pots(database, who))["sip"] == (5_000_000, 0)
    assert await count(database, "call") == await count(database, "hold") == 0


@pytest.mark.parametrize("most", [0, -1, "1", 0.0000001])
async def test_a_price_is_an_amount(api: Api, database: Database, most: object) -> None:
    who = await customer(database)
    body = {"to": TO, "text": "a", "max_price": most}
    problem(await api.using(who).post("/sms/send", body), 400, "validation_error")
