"""What tests that follow requests share: the settings, the headers, a look at the log."""

from api.background import Background
from db.connection import Row
from db.database import Database
from telephony.request_log import look_up
from telephony.settings import Settings
from tests.api.client import URL
from tests.factories import Customer

SETTINGS = Settings(public_url=URL, bind_host="127.0.0.1", smpp_host="127.0.0.1")
MINE = "my-own.id_1"
TO = {"to": "+15551239999", "text": "Hi!"}


def headers(who: Customer | None, request_id: str = MINE) -> dict[str, str]:
    key = {"Authorization": f"Bearer {who.key}"} if who else {}
    return {"X-Request-Id": request_id, **key}


async def logged(database: Database, beside: Background, request_id: str = MINE) -> list[Row]:
    await beside.requests.finish()
    return await look_up(database, request_id)


async def only(database: Database, table: str) -> Row:
    (row,) = await database.all(f'SELECT * FROM "{table}"')
    return row
