"""Files that people hand in: looked at, sealed, kept. What a file is tells its beginning, not its
name or what a browser says of it."""

import unicodedata
from dataclasses import dataclass

from db import stored_files
from db.connection import Conn, Reader, Row
from telephony.clock import Instant
from telephony.errors import NotFoundError, ValidationFailedError
from telephony.secrets import Vault

BEGINNINGS = {
    b"%PDF-": "application/pdf",
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG\r\n\x1a\n": "image/png",
}
TYPES = "PDF, JPEG or PNG"
BYTES_MAX = 5 * 1024 * 1024
NAME_LENGTH_MAX = 100
NAMELESS = "file"


@dataclass(frozen=True)
class SealedFile:
    """A file that may be kept."""

    name: str
    media_type: str
    size_bytes: int
    content_sealed: bytes


def sealed(vault: Vault, field: str, name: str, content: bytes) -> SealedFile:
    """Check a file and seal it, for which a thread is the place; ValidationFailedError of the
    field."""
    if len(content) > BYTES_MAX:
        raise _bad(field, f"A file has at most {BYTES_MAX // 1024 // 1024} MiB.")
    found = [kind for start, kind in BEGINNINGS.items() if content.startswith(start)]
    if not found:
        raise _bad(field, f"Choose a file that is a {TYPES}.")
    return SealedFile(plain_name(name), found[0], len(content), vault.seal_bytes(content))


def keep(
    conn: Conn, file: SealedFile, subject: str, account_id: str | None, now: Instant
) -> str:  # fmt: skip
    """Keep a file as one of the subject's; its id."""
    return stored_files.add(
        conn, now, account_id=account_id, subject=subject, name=file.name,
        media_type=file.media_type, size_bytes=file.size_bytes,
        content_sealed=file.content_sealed,
    )  # fmt: skip


async def find(reader: Reader, subject: str, file_id: str) -> Row:
    """A file of the subject, still sealed; NotFoundError."""
    row = await stored_files.content(reader, subject, file_id)
    if row is None:
        raise NotFoundError("There is no such file.")
    return row


def plain_name(name: str) -> str:
    """A name without folders and without what cannot be printed."""
    last = name.replace("\\", "/").rpartition("/")[2]
    shown = "".join(one for one in unicodedata.normalize("NFC", last) if one.isprintable())
    return shown.strip(" .")[-NAME_LENGTH_MAX:] or NAMELESS


def _bad(field: str, message: str) -> ValidationFailedError:
    error = {"field": field, "code": "invalid", "message": message}
    return ValidationFailedError(message, errors=[error])
