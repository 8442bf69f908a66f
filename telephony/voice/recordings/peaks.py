"""How loud a recording is over its time, little enough to be kept in its row: a player draws its
waveform without having to read hours of audio."""

from array import array
from collections.abc import Sequence

SAMPLE_BYTES = 2
PARTS = 200
EVERY = 4
"""Of so many frames one is looked at, which tells how loud speech is just as well."""
LOUDEST = 1 << 15


class Peaks:
    """Takes the audio of `channels` channels piece by piece; it is divided into 200 equal parts,
    fewer of a very short one."""

    def __init__(self, channels: int, audio_bytes: int) -> None:
        frame = channels * SAMPLE_BYTES
        self._channels = channels
        self._part_bytes = max(1, -(-audio_bytes // (frame * PARTS))) * frame
        self._rest = bytearray()
        self._levels = bytearray()

    def take(self, chunk: bytes) -> None:
        """The next piece of the audio, of any length."""
        self._rest += chunk
        while len(self._rest) >= self._part_bytes:
            self._levels += self._measured(self._rest[: self._part_bytes])
            del self._rest[: self._part_bytes]

    @property
    def text(self) -> str:
        """Two hexadecimal digits for each part and, within it, each channel: 00 is silence."""
        frame = self._channels * SAMPLE_BYTES
        rest = self._rest[: len(self._rest) // frame * frame]
        return (self._levels + (self._measured(rest) if rest else b"")).hex()

    def _measured(self, part: bytearray) -> bytes:
        samples = array("h", bytes(part))
        step = self._channels * EVERY
        return bytes(_level(samples[channel::step]) for channel in range(self._channels))


def _level(samples: Sequence[int]) -> int:
    return max(max(samples), -min(samples)) * 255 // LOUDEST


def levels(text: str, channels: int) -> list[bytes]:
    """For each channel the level of each part, 0 to 255."""
    packed = bytes.fromhex(text)
    return [packed[channel::channels] for channel in range(channels)]
