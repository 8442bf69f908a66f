"""A flood is answered with the seconds after which its minute or hour is over."""

import pytest

from api import endpoint
from api.app import create_app
from db.database import Database
from telephony.clock import SECOND
from telephony.errors import NoLineFreeError, RateLimitedError
from telephony.secrets import Vault
from telephony.settings import Settings
from tests.api.client import Api, good, problem
from tests.api.world import client_of
from tests.factories import customer

HOUR = 1_768_000_000 // 3600 * 3600 * SECOND
MESSAGE = {"to": "+15551239999", "text": "Hi!"}


@pytest.mark.parametrize(
    ("limit", "passed", "left"),
    [
        ("sms_recipient_per_hour", 600 * SECOND, "3000"),
        ("sms_recipient_per_hour", 3600 * SECOND - 1, "1"),
        ("sms_range_per_hour", 1800 * SECOND + 1, "1800"),
        ("sms_account_per_minute", 75 * SECOND, "45"),
    ],
)
async def test_when_to_come_again(
    database: Database, vault: Vault, monkeypatch: pytest.MonkeyPatch, limit: str, passed: int,
    left: str,
) -> None:  # fmt: skip
    app = create_app(Settings().model_copy(update={limit: 1}), database, vault)
    monkeypatch.setattr(endpoint, "now", lambda: HOUR + passed)
    async with client_of(app) as client:
        mine = Api(client).using(await customer(database))
        good(await mine.post("/sms/send", MESSAGE), 202)
        refused = await mine.post("/sms/send", MESSAGE)
        problem(refused, 429, "rate_limited")
        assert refused.headers["retry-after"] == left
        monkeypatch.setattr(endpoint, "now", lambda: HOUR + passed + int(left) * SECOND)
        good(await mine.post("/sms/send", MESSAGE), 202)


def test_an_error_that_knows_no_better_says_what_its_class_says() -> None:
    assert RateLimitedError("x").retry_after_seconds == 60
    assert RateLimitedError("x", retry_after_seconds=7).retry_after_seconds == 7
    assert RateLimitedError("x").retry_after_seconds == 60, "the other one's is its own"
    assert NoLineFreeError().extra == {}
