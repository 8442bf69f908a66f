"""Mails: handed to a real SMTP server, retried, given up, never told to anybody else."""

import asyncio
import logging
from collections.abc import AsyncIterator
from email import message_from_bytes
from email.message import Message
from typing import Any

import pytest
from aiosmtpd.handlers import Message as Handler
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography.fernet import Fernet

from db.connection import Row
from db.database import Database
from telephony import clock
from telephony.clock import now
from telephony.mail.outbox import queue
from telephony.mail.sender import RETRY_SECONDS, MailWorker
from telephony.secrets import Vault
from telephony.settings import Settings
from tests.users.world import MINUTE

ADA = "ada@example.com"
BODY = "Open this link:\nhttps://sms.example.com/register/a-secret-token\n\nGrüße\n"


class Mailbox(Handler):
    """A real SMTP server's memory; `says` is its answer to a recipient."""

    def __init__(self) -> None:
        super().__init__()
        self.got: list[Message] = []
        self.says = "250 OK"

    def handle_message(self, message: Message) -> None:
        self.got.append(message_from_bytes(message.as_bytes()))

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.says.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.says


@pytest.fixture
async def mailbox() -> AsyncIterator[tuple[Mailbox, int]]:
    box = Mailbox()

    def login(
        server: SMTP, session: Session, envelope: Envelope, how: str, data: Any
    ) -> AuthResult:
        good = isinstance(data, LoginPassword) and (data.login, data.password) == (b"me", b"pw")
        return AuthResult(success=good)

    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(box, authenticator=login, auth_require_tls=False, loop=loop), "127.0.0.1", 0
    )
    yield box, server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()


def settings(port: int = 0, **more: Any) -> Settings:
    host = {"smtp_host": "127.0.0.1", "smtp_port": port} if port else {}
    facts = {"smtp_security": "none", "mail_from": "Platform <no-reply@sms.example.com>"}
    return Settings(**{**host, **facts, **more})


async def queued(database: Database, vault: Vault, to: str = ADA) -> None:
    await database.write(queue, vault, to, "Confirm your email address", BODY, now())


async def only(database: Database) -> Row:
    (row,) = await database.all("SELECT * FROM mail")
    return row


async def test_a_mail_reaches_a_server(
    database: Database, vault: Vault, mailbox: tuple[Mailbox, int]
) -> None:
    box, port = mailbox
    await queued(database, vault)
    assert "a-secret-token" not in str(await database.all("SELECT * FROM mail"))
    worker = MailWorker(database, vault, settings(port, smtp_username="me", smtp_password="pw"))
    assert await worker.step() == 1
    (mail,) = box.got
    assert (mail["From"], mail["To"], mail["Subject"]) == (
        "Platform <no-reply@sms.example.com>", ADA, "Confirm your email address",
    )  # fmt: skip
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Message-ID"].endswith("@sms.example.com>")
    text = mail.get_payload(decode=True)
    assert isinstance(text, bytes)
    assert text.decode().replace("\r\n", "\n") == BODY
    row = await only(database)
    assert (row["state"], row["body_sealed"], row["attempts"]) == ("sent", "", 1)
    assert await worker.step() == 0


@pytest.mark.parametrize(
    ("says", "state"),
    [("451 try again later", "pending"), ("550 no such user here", "failed")],
)
async def test_what_a_server_refuses(
    database: Database, vault: Vault, mailbox: tuple[Mailbox, int], says: str, state: str,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    box, port = mailbox
    box.says = says
    await queued(database, vault)
    worker = MailWorker(database, vault, settings(port))
    await worker.step()
    row = await only(database)
    assert row["state"] == state
    assert says[4:] in row["error"]
    assert "a-secret-token" not in caplog.text
    assert await worker.step() == 0  # not before its time
    box.says = "250 OK"
    await database.write(lambda conn: conn.run("UPDATE mail SET next_attempt_at = 0"))
    await worker.step()
    assert len(box.got) == (state == "pending")


async def test_a_server_that_is_away_is_tried_again_and_at_last_given_up(
    database: Database, vault: Vault
) -> None:
    await queued(database, vault)
    worker = MailWorker(database, vault, settings(9))
    for tries in range(1, len(RETRY_SECONDS) + 2):
        assert (await only(database))["state"] == "pending"
        await database.write(lambda conn: conn.run("UPDATE mail SET next_attempt_at = 0"))
        await worker.step()
        assert (await only(database))["attempts"] == tries
    row = await only(database)
    assert (row["state"], row["body_sealed"]) == ("failed", "")


async def test_a_wrong_password_is_for_the_operator_to_mend(
    database: Database, vault: Vault, mailbox: tuple[Mailbox, int]
) -> None:
    box, port = mailbox
    await queued(database, vault)
    await MailWorker(
        database, vault, settings(port, smtp_username="me", smtp_password="wrong")
    ).step()
    assert (await only(database))["state"] == "pending"
    assert box.got == []


async def test_another_master_key_gives_the_mail_up(
    database: Database, vault: Vault, mailbox: tuple[Mailbox, int]
) -> None:
    _, port = mailbox
    await queued(database, vault)
    stranger = Vault(Fernet.generate_key().decode())
    await MailWorker(database, stranger, settings(port)).step()
    assert (await only(database))["state"] == "failed"


async def test_a_worker_that_died_lets_its_mail_fall_due_again(
    database: Database, vault: Vault, mailbox: tuple[Mailbox, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    box, port = mailbox
    await queued(database, vault)
    worker = MailWorker(database, vault, settings(port))

    async def die(*_: object) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as patched:
        patched.setattr(worker, "_hand_over", die)
        with pytest.raises(asyncio.CancelledError):
            await worker.step()
    assert await worker.step() == 0
    later = now() + 3 * MINUTE
    monkeypatch.setattr(clock, "now", lambda: later)
    assert await worker.step() == 1
    assert len(box.got) == 1


async def test_links_are_printed_where_the_settings_say_so_and_only_there(
    database: Database, vault: Vault, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await queued(database, vault)
    async with asyncio.timeout(20):
        await MailWorker(database, vault, settings()).run()  # nowhere to send: it ends at once
    assert (await only(database))["state"] == "pending"
    assert "a-secret-token" not in caplog.text
    await MailWorker(database, vault, settings(mail_to_log=True)).step()
    assert "https://sms.example.com/register/a-secret-token" in caplog.text
    assert (await only(database))["state"] == "sent"


@pytest.mark.parametrize("to", ["a\r\nBcc: eve@example.com", "no address", ""])
async def test_a_recipient_that_is_no_address_harms_nobody(
    database: Database, vault: Vault, mailbox: tuple[Mailbox, int], to: str
) -> None:
    box, port = mailbox
    await queued(database, vault, to)
    await queued(database, vault)
    await MailWorker(database, vault, settings(port)).step()
    assert [mail["To"] for mail in box.got] == [ADA]
    states = await database.all("SELECT state FROM mail ORDER BY id")
    assert [row["state"] for row in states] == ["failed", "sent"]
