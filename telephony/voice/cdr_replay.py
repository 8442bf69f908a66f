"""Reads an old file of call records once more. What is kept already is passed over, so a file may
be read as often as one likes, also beside the platform that wrote it."""

import asyncio
import gzip
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import IO, cast

from db.connection import Conn
from db.database import Database
from telephony.clock import now
from telephony.voice.cdrs import Outcome, read_lines

GZIP = b"\x1f\x8b"
LINE_BYTES_MAX = 1 << 20
LINES_PER_COMMIT = 200

Advance = Callable[[int], None]
"""Told how many bytes of the file have been read by now."""


async def replay(db: Database, path: Path, node: str, advance: Advance) -> Counter[Outcome]:
    """Store every record of a file that a node wrote, compressed or not; what became of its
    lines. Raises OSError or EOFError where the file is damaged, and keeps what was before."""
    found: Counter[Outcome] = Counter()
    with path.open("rb") as raw:
        lines = _lines(raw)
        while batch := await asyncio.to_thread(_some, lines):
            found += await db.write(_store, node, batch)
            advance(raw.tell())
    return found


def _lines(raw: IO[bytes]) -> Iterator[bytes]:
    compressed = raw.read(len(GZIP)) == GZIP
    raw.seek(0)
    file = cast("IO[bytes]", gzip.GzipFile(fileobj=raw)) if compressed else raw
    while line := file.readline(LINE_BYTES_MAX):
        yield line.rstrip(b"\r\n")


def _some(lines: Iterator[bytes]) -> list[bytes]:
    return list(islice(lines, LINES_PER_COMMIT))


def _store(conn: Conn, node: str, lines: list[bytes]) -> Counter[Outcome]:
    return Counter(read_lines(conn, node, lines, now()))
