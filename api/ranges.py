"""One byte range of a file (RFC 9110, section 14); several at once get the whole file."""

import re
from dataclasses import dataclass

from telephony.errors import RangeNotSatisfiableError

_RANGE = re.compile(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Part:
    """Bytes from `start` until before `stop` of `size`; `whole` where no range was asked for."""

    start: int
    stop: int
    size: int
    whole: bool = False

    @property
    def content_range(self) -> str:
        """The header's value; the last byte is named, not the one behind it."""
        return f"bytes {self.start}-{self.stop - 1}/{self.size}"


def part(header: str | None, size: int) -> Part:
    """What a Range header asks for. One that is malformed, or of other units, counts as none;
    RangeNotSatisfiableError where nothing of it is in the file."""
    found = _RANGE.fullmatch(header or "")
    first, last = found.groups() if found else ("", "")
    if not (first or last) or (first and last and int(first) > int(last)):
        return Part(0, size, size, whole=True)
    if first:
        start, stop = int(first), min(size, int(last) + 1) if last else size
    else:
        start, stop = max(0, size - int(last)), size
    if start >= stop:
        raise RangeNotSatisfiableError(size=size)
    return Part(start, stop, size)
