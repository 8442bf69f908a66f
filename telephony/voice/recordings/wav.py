"""WAV from the raw audio that the PBX writes: signed 16 bits, little end first, 8 kHz.

The PBX writes no header, so there is none that a crash could leave wrong: it is made here, from
the length that the audio really has.
"""

import hashlib
import struct
from collections.abc import Iterator
from pathlib import Path

from telephony.voice.recordings.peaks import SAMPLE_BYTES, Peaks

RATE = 8000
PCM = 1
HEADER_BYTES = 44
CHUNK_BYTES = 1 << 18


def header(channels: int, audio_bytes: int) -> bytes:
    """The 44 bytes before so much audio (RIFF, PCM)."""
    frame = channels * SAMPLE_BYTES
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF", HEADER_BYTES - 8 + audio_bytes, b"WAVE",
        b"fmt ", 16, PCM, channels, RATE, RATE * frame, frame, SAMPLE_BYTES * 8,
        b"data", audio_bytes,
    )  # fmt: skip


class Wav:
    """Raw audio of a file as a WAV to read through once, from the start; afterwards `sha256` and
    `peaks` are those of what was read. A last sample that is not whole is left out."""

    def __init__(self, raw: Path, channels: int, raw_bytes: int) -> None:
        frame = channels * SAMPLE_BYTES
        self.audio_bytes = raw_bytes - raw_bytes % frame
        self.size = HEADER_BYTES + self.audio_bytes
        self.duration = round(self.audio_bytes / (RATE * frame))
        self._raw = raw
        self._channels = channels
        self._hash = hashlib.sha256()
        self._peaks = Peaks(channels, self.audio_bytes)

    @property
    def peaks(self) -> str:
        """What a waveform is drawn from."""
        return self._peaks.text

    @property
    def sha256(self) -> str:
        """In hex."""
        return self._hash.hexdigest()

    def __iter__(self) -> Iterator[bytes]:
        self._hash = hashlib.sha256()
        self._peaks = Peaks(self._channels, self.audio_bytes)
        for chunk in self._chunks():
            self._hash.update(chunk)
            yield chunk

    def _chunks(self) -> Iterator[bytes]:
        yield header(self._channels, self.audio_bytes)
        left = self.audio_bytes
        with self._raw.open("rb") as file:
            while left:
                chunk = file.read(min(CHUNK_BYTES, left))
                if not chunk:
                    raise OSError(f"{self._raw} became shorter while it was read")
                left -= len(chunk)
                self._peaks.take(chunk)
                yield chunk
