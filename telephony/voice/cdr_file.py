"""The PBX's file of call records, read on from wherever one had stopped, through its rotations."""

import os
from dataclasses import dataclass
from pathlib import Path

CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Chunk:
    """Whole lines of the file `inode`, up to byte `end`."""

    inode: int
    end: int
    lines: list[bytes]

    def up_to(self, count: int) -> "Chunk":
        """Its first lines alone."""
        rest = sum(len(line) + 1 for line in self.lines[count:])
        return Chunk(self.inode, self.end - rest, self.lines[:count])


def read_chunk(path: Path, inode: int, offset: int) -> Chunk | None:
    """The next whole lines after the position, None if there are none yet. A file that was
    renamed by rotation is read to its end before the new one is begun."""
    for candidate, start in _candidates(path, inode, offset):
        with candidate.open("rb") as file:
            number = os.fstat(file.fileno()).st_ino
            file.seek(start)
            data = file.read(CHUNK_BYTES)
        whole = data.rfind(b"\n") + 1
        if whole == 0 and len(data) == CHUNK_BYTES:
            whole = len(data)  # one absurd line: it goes where unreadable ones go
        if whole:
            return Chunk(number, start + whole, data[:whole].removesuffix(b"\n").split(b"\n"))
    return None


def _candidates(path: Path, inode: int, offset: int) -> list[tuple[Path, int]]:
    """Files to look into, oldest first, each with the byte to start at: the one that was being
    read, wherever rotation put it, and those that came after it. Where it is gone, all are read
    again, which doubles nothing."""
    if not path.parent.is_dir():
        return []
    found = [(file, file.stat()) for file in path.parent.iterdir() if _is_record_file(file, path)]
    # The last one written is the newest; the one without a suffix is being written.
    found.sort(key=lambda one: (one[0] == path, one[1].st_mtime_ns))
    reached = next((at for at, (_, stat) in enumerate(found) if stat.st_ino == inode), 0)
    return [
        (file, offset if stat.st_ino == inode and stat.st_size >= offset else 0)
        for file, stat in found[reached:]
    ]


def _is_record_file(file: Path, path: Path) -> bool:
    """`cdr.jsonl` and what rotation renames it to; a compressed one has been read."""
    suffix = file.name.removeprefix(path.name)
    return file.name.startswith(path.name) and not suffix.endswith((".gz", ".xz", ".bz2", ".zst"))
