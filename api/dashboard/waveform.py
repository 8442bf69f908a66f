"""The waveform of a recording as paths of an SVG, one for each channel."""

import math

from telephony.voice.recordings.peaks import levels

HEIGHT = 40
MIDDLE = HEIGHT // 2
QUIETEST = 0.4
"""Silence is a thin line."""


def drawn(peaks: str, channels: int) -> list[str]:
    """The `d` of a path for each channel, a stroke for each part; nothing of a recording that was
    stored before its peaks were kept."""
    return [_path(one) for one in levels(peaks, channels)] if peaks else []


def _path(loud: bytes) -> str:
    return "".join(
        f"M{at}.5 {MIDDLE - half:.1f}V{MIDDLE + half:.1f}"
        for at, half in enumerate(map(_half, loud))
    )


def _half(level: int) -> float:
    """Speech is far from the loudest that there can be: the root lifts it."""
    return max(QUIETEST, math.sqrt(level / 255) * MIDDLE)
