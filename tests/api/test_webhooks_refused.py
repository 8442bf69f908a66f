"""What an endpoint's URL may not be on a platform that the world reaches, and secrets that a
repeated request does not replace twice."""

import pytest
from cryptography.fernet import Fernet

from api.app import create_app
from api.v1.webhooks import EventType
from db.database import Database
from db.events import TYPES
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.webhooks.samples import SAMPLES
from tests.api.client import URL, Api, good, problem
from tests.api.world import client_of
from tests.factories import customer
from tests.webhooks.hostile import HOSTILE


async def test_hostile_urls_are_refused_at_registration(sqlite: Database) -> None:
    """All that can be told without asking a name server; the rest is refused when it is dialled,
    as `tests/webhooks/test_no_syn.py` hears."""
    settings = Settings(bind_host="0.0.0.0", public_url=URL, webhook_allow_cidrs=[])
    vault = Vault(Fernet.generate_key().decode())
    who = await customer(sqlite)
    async with client_of(create_app(settings, sqlite, vault)) as client:
        door = Api(client).using(who)
        taken = []
        for trick, url in HOSTILE.items():
            response = await door.post("/webhooks", {"url": url})
            if response.status_code == 201:
                taken.append(trick)
                await door.send("DELETE", f"/webhooks/{response.json()['id']}")
                continue
            told = problem(response, 400, "validation_error")
            assert [error["code"] for error in told["errors"]] == ["url_not_allowed"], trick
            problem(await door.post("/sms/send", {
                "to": "+15550111333", "text": "x", "callback_url": url,
            }), 400, "validation_error")  # fmt: skip
        assert all(trick.startswith(("name:", "trailing dot")) for trick in taken), taken
        problem(await door.post("/webhooks", {"url": "http://example.com/"}), 400,
                "validation_error")  # fmt: skip
        created = good(await door.post("/webhooks", {"url": "https://example.com/"}), 201)
        path = f"/webhooks/{created['id']}"
        for url in ("https://10.0.0.1/", "http://example.com/"):
            problem(await door.send("PATCH", path, json={"url": url}), 400, "validation_error")
        assert good(await door.get("/webhooks"))["data"][0]["url"] == "https://example.com/"


async def test_a_repeated_rotation_is_one(api: Api, database: Database) -> None:
    door = api.using(await customer(database))
    created = good(await door.post("/webhooks", {"url": "https://example.com/"}), 201)
    path = f"/webhooks/{created['id']}/rotate-secret"
    answers = [await door.post(path, idempotency_key="once") for _ in range(3)]
    assert len({answer.text for answer in answers}) == 1
    assert answers[1].headers["Idempotent-Replayed"] == "true"
    assert len(await database.all("SELECT * FROM webhook_old_secret")) == 1
    stored = str(await database.all("SELECT * FROM idempotency_key"))
    assert answers[0].json()["secret"] not in stored


async def test_a_repeated_replay_is_one(api: Api, database: Database) -> None:
    door = api.using(await customer(database))
    created = good(await door.post("/webhooks", {"url": "https://example.com/"}), 201)
    for path, body in (("test", {}), ("replay", {"state": "all"})):
        path = f"/webhooks/{created['id']}/{path}"
        one, two = [await door.post(path, body, idempotency_key=path[-5:]) for _ in range(2)]
        assert one.json() == two.json()
    assert len(await database.all("SELECT * FROM event")) == 1
    assert len(await database.all("SELECT * FROM webhook_replay")) == 1


def test_every_type_of_event_is_known_everywhere() -> None:
    assert EventType.__args__ == TYPES  # type: ignore[attr-defined]
    assert set(SAMPLES) == set(TYPES)


@pytest.mark.parametrize("kind", TYPES)
def test_no_sample_looks_like_a_real_event(kind: str) -> None:
    assert not {"event", "id", "created_at", "mode", "sample"} & set(SAMPLES[kind])
