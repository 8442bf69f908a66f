"""Files that people hand in: what they are is told by their beginning; kept sealed."""

import pytest
from cryptography.fernet import Fernet, InvalidToken

from db import stored_files
from db.database import Database
from telephony import files
from telephony.clock import now
from telephony.errors import NotFoundError, ValidationFailedError
from telephony.secrets import Vault
from tests.factories import customer

VAULT = Vault(Fernet.generate_key().decode())
PDF = b"%PDF-1.7\nsecret passport"


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (PDF, "application/pdf"),
        (b"\xff\xd8\xff\xe0 a photo", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n a scan", "image/png"),
    ],
)
def test_a_file_is_what_it_begins_as(content: bytes, media_type: str) -> None:
    file = files.sealed(VAULT, "document", "photo.exe", content)
    assert (file.media_type, file.size_bytes, file.name) == (media_type, len(content), "photo.exe")
    assert content not in file.content_sealed
    assert VAULT.open_bytes(file.content_sealed) == content


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "PDF, JPEG or PNG"),
        (b"<script>alert(1)</script>", "PDF, JPEG or PNG"),
        (b"MZ\x90\x00", "PDF, JPEG or PNG"),
        (b" %PDF-1.7", "PDF, JPEG or PNG"),
        (b"GIF89a", "PDF, JPEG or PNG"),
        (b"<svg onload=x>", "PDF, JPEG or PNG"),
        (b"\x89PNG", "PDF, JPEG or PNG"),
        (PDF + b"x" * files.BYTES_MAX, "at most 5 MiB"),
    ],
)
def test_what_is_refused_is_told_at_its_field(content: bytes, told: str) -> None:
    with pytest.raises(ValidationFailedError, match=told) as caught:
        files.sealed(VAULT, "document", "passport.pdf", content)
    assert caught.value.extra["errors"][0]["field"] == "document"


def test_the_largest_file_is_taken() -> None:
    content = PDF.ljust(files.BYTES_MAX, b"x")
    assert files.sealed(VAULT, "document", "a", content).size_bytes == files.BYTES_MAX


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("passport.pdf", "passport.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\ada\\scan.png", "scan.png"),
        ("a\r\nSet-Cookie: x", "aSet-Cookie: x"),
        ("\u202egpj.exe", "gpj.exe"),
        ("  .. ", "file"),
        ("", "file"),
        ("Ärzte.pdf", "Ärzte.pdf"),
        ("x" * 300 + ".pdf", "x" * 96 + ".pdf"),
    ],
)
def test_a_name_is_a_name_only(name: str, plain: str) -> None:
    assert files.plain_name(name) == plain


async def test_a_file_is_found_with_what_it_belongs_to(database: Database) -> None:
    who = await customer(database)
    file = files.sealed(VAULT, "document", "a.pdf", PDF)
    one = await database.write(files.keep, file, "kyc_1", who.account_id, now())
    two = await database.write(files.keep, file, "kyc_1", None, now())
    other = await database.write(files.keep, file, "kyc_2", who.account_id, now())
    row = await files.find(database, "kyc_1", one)
    assert VAULT.open_bytes(bytes(row["content_sealed"])) == PDF
    assert (row["name"], row["account_id"]) == ("a.pdf", who.account_id)
    listed = await stored_files.of(database, "kyc_1")
    assert [row["id"] for row in listed] == [one, two]
    assert "content_sealed" not in listed[0]
    for subject, file_id in (("kyc_1", other), ("kyc_2", one), ("", one), ("kyc_1", "fil_0")):
        with pytest.raises(NotFoundError):
            await files.find(database, subject, file_id)


def test_another_key_or_a_changed_byte_opens_nothing() -> None:
    sealed = VAULT.seal_bytes(PDF)
    assert sealed != VAULT.seal_bytes(PDF)
    broken = bytes([*sealed[:-1], sealed[-1] ^ 1])
    for wrong in (broken, sealed[:-1], b"", b"short"):
        with pytest.raises(InvalidToken):
            VAULT.open_bytes(wrong)
    with pytest.raises(InvalidToken):
        Vault(Fernet.generate_key().decode()).open_bytes(sealed)
