"""A client that a stock generator makes of the document, typed and whole, sends a message."""

import importlib
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from api.app import ENDPOINTS
from db.database import Database
from telephony.secrets import Vault
from tests.contract.serving import served
from tests.factories import customer

DOCUMENT = Path(__file__).parents[2] / "docs" / "openapi.json"
PACKAGE = "generated_client"
NO_JSON = ("/voice/recordings/{recording_id}", "/voip/setup/{token}")
"""What answers with audio or XML, whose bytes the client gives as they are."""


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """What the generator printed; its package can be imported."""
    folder = tmp_path_factory.mktemp("client")
    done = subprocess.run(
        [sys.executable, "-m", "openapi_python_client", "generate", "--path", str(DOCUMENT),
         "--meta", "none", "--output-path", str(folder / PACKAGE)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    sys.path.insert(0, str(folder))
    yield done.stdout
    sys.path.remove(str(folder))


@pytest.fixture
async def url(sqlite: Database) -> AsyncIterator[str]:
    async with served(sqlite, Vault(Fernet.generate_key().decode())) as url:
        yield url


def part(name: str) -> Any:
    return importlib.import_module(f"{PACKAGE}.{name}")


def test_the_generator_leaves_nothing_out(generated: str) -> None:
    left_out = re.findall(r"parsing (\w+ \S+) within", generated)
    assert {one.split()[1] for one in left_out} <= set(NO_JSON), generated
    for endpoint in ENDPOINTS:
        module = part(f"api.{endpoint.path.split('/')[1]}.{endpoint.run.__name__}")
        assert callable(module.sync_detailed)


async def test_it_sends_a_message_and_reads_it(generated: str, sqlite: Database, url: str) -> None:
    who = await customer(sqlite, mode="test", funds="1")
    client = part("client").AuthenticatedClient(base_url=f"{url}/api/v1", token=who.key)
    body = part("models").SendBody(to="+15551234567", text="Hi!")
    sent = await part("api.sms.send_message").asyncio(
        client=client, body=body, idempotency_key="generated-1"
    )
    assert isinstance(sent, part("models").Sent)
    assert (sent.to, sent.segments, sent.encoding) == ("+15551234567", 1, "gsm7")
    shown = await part("api.sms.show_message").asyncio(client=client, message_id=sent.message_id)
    assert isinstance(shown, part("models").MessageAnswer)
    assert (shown.text, shown.status) == ("Hi!", "queued")


async def test_an_error_is_a_typed_problem(generated: str, url: str) -> None:
    client = part("client").AuthenticatedClient(base_url=f"{url}/api/v1", token="sk_test_wrong")
    body = part("models").SendBody(to="+15551234567", text="Hi!")
    refused = await part("api.sms.send_message").asyncio(client=client, body=body)
    assert isinstance(refused, part("models").Problem)
    assert (refused.status, refused.code) == (401, "invalid_api_key")
