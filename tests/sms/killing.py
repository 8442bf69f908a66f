"""What the test of killed platforms is made of: the process, a customer who never gives up."""

import asyncio
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp

from db import sms_providers
from db.connection import Conn
from telephony.clock import now
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.sms import routes
from telephony.sms.providers import configured
from tests.e2e.installation import environment
from tests.factories import Customer, add_customer

COMMAND = (sys.executable, "-m", "api.cli", "serve")
END_SECONDS = 20
FUNDS = 10_000_000_000
AGAIN_SECONDS = 0.05
POST_SECONDS = 20
PREFIXES = {"waits": "15551", "resends": "15552"}
"""Where each provider's messages go; it is named by what it does without an answer."""


class Platform:
    """API and workers as one process, which may be killed."""

    def __init__(self, settings: Settings) -> None:
        self._environment = environment(settings)
        self._log = settings.var_dir / "platform.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                COMMAND, env=self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def kill(self) -> None:
        """kill -9, if it lives; it must not have ended by itself."""
        if self._process:
            assert self._process.poll() is None, self._log.read_text()[-2000:]
            self._process.kill()
            self._process.wait(END_SECONDS)
            self._process = None

    def stop(self) -> None:
        """In good order."""
        assert self._process
        self._process.terminate()
        assert self._process.wait(END_SECONDS) == 0
        self._process = None


class Stubborn:
    """A customer who asks again with the same idempotency key until the answer is 202."""

    def __init__(self, url: str, key: str, callback_url: str) -> None:
        self.accepted: dict[int, str] = {}
        self.broken = 0
        self._url = url
        self._headers = {"Authorization": f"Bearer {key}"}
        self._callback_url = callback_url
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> "Stubborn":
        timeout = aiohttp.ClientTimeout(total=POST_SECONDS)
        self._session = aiohttp.ClientSession(timeout=timeout)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._session
        await self._session.close()

    async def send(self, number: int) -> None:
        """One message, as one-time passwords are sent."""
        answer = await self._insist("/sms/send", f"one-{number}", self._body(number))
        self.accepted[number] = answer["message_id"]

    async def send_all(self, numbers: Sequence[int]) -> None:
        """Some in one batch."""
        body = {"messages": [self._body(number) for number in numbers]}
        answer = await self._insist("/sms/batch", f"batch-{numbers[0]}", body)
        assert answer["refused"] == 0, answer
        for number, result in zip(numbers, answer["results"], strict=True):
            self.accepted[number] = result["accepted"]["message_id"]

    def _body(self, number: int) -> dict[str, str]:
        return {
            "to": recipient(number), "text": text_of(number), "callback_url": self._callback_url,
            "reference": str(number),
        }  # fmt: skip

    async def _insist(self, path: str, key: str, body: Mapping[str, Any]) -> dict[str, Any]:
        while True:
            try:
                return await self._post(path, key, body)
            except (aiohttp.ClientError, TimeoutError):
                self.broken += 1
                await asyncio.sleep(AGAIN_SECONDS)

    async def _post(self, path: str, key: str, body: Mapping[str, Any]) -> dict[str, Any]:
        assert self._session
        headers = self._headers | {"Idempotency-Key": key}
        url = f"{self._url}/api/v1{path}"
        async with self._session.post(url, json=body, headers=headers) as response:
            answer: dict[str, Any] = await response.json()
            assert response.status == 202, answer
            return answer


def recipient(number: int) -> str:
    """Every second message goes to the provider that waits."""
    prefix = PREFIXES["waits" if number % 2 else "resends"]
    return f"+{prefix}{number:06d}"


def text_of(number: int) -> str:
    return f"{number:06d}"


def open_shop(
    conn: Conn, vault: Vault, settings: Settings, smsc_port: int, webhook_secret: str
) -> Customer:  # fmt: skip
    """A live customer, and both providers with their routes."""
    for name, prefix in PREFIXES.items():
        unanswered = "wait" if name == "waits" else "resend"
        options = (
            f'{{"host": "127.0.0.1", "port": {smsc_port}, "system_id": "{name}",'
            f' "unknown_outcome": "{unanswered}", "user_message_reference": true,'
            ' "reconnect_seconds_min": 0.05, "reconnect_seconds_max": 0.2}'
        )
        configured.add(conn, vault, settings, name, "smpp", options, now())
        routes.add(conn, provider=name, mode="live", account_id="", sender="", prefix=prefix,
                   priority=0, weight=1)  # fmt: skip
    assert len(sms_providers.routes(conn)) == len(PREFIXES)
    return add_customer(
        conn, funds=FUNDS, sip_funds=0, mode="live", scopes=("sms:send", "sms:read"),
        name="Stubborn", webhook_secret_sealed=vault.seal(webhook_secret),
    )  # fmt: skip
