"""What waveforms are drawn from: equal parts of the time, each as loud as its loudest sample."""

import struct
from pathlib import Path

import pytest

from api.dashboard.waveform import HEIGHT, drawn
from telephony.voice.recordings.peaks import PARTS, Peaks, levels
from telephony.voice.recordings.wav import RATE, Wav
from tests.voice.recorded import tones


def raw(*frames: tuple[int, ...]) -> bytes:
    """Frames as the PBX writes them."""
    return b"".join(struct.pack(f"<{len(frame)}h", *frame) for frame in frames)


def measured(audio: bytes, channels: int, pieces: int = 1 << 20) -> list[bytes]:
    peaks = Peaks(channels, len(audio))
    for at in range(0, len(audio), pieces):
        peaks.take(audio[at : at + pieces])
    return levels(peaks.text, channels)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("seconds", [0.001, 0.1, 1, 7.3])
def test_there_are_so_many_parts_at_most(seconds: float, channels: int) -> None:
    audio = b"\1\0" * int(seconds * RATE) * channels
    found = measured(audio, channels)
    assert len(found) == channels
    assert {len(one) for one in found} == {len(found[0])}
    assert 0 < len(found[0]) <= PARTS
    assert len(found[0]) > PARTS // 2 or seconds < 0.1


def test_the_pieces_do_not_matter() -> None:
    audio = tones(0.7, 440, 1004)
    whole = measured(audio, 2)
    for pieces in (1, 3, 999, 4096):
        assert measured(audio, 2, pieces) == whole


def test_the_channels_are_on_their_own() -> None:
    frames = RATE // 10
    quiet, loud = (100, -32_768), (-16_384, 0)
    left, right = measured(raw(*[quiet] * frames, *[loud] * frames), 2)
    assert left[0] == 0
    assert set(right[: PARTS // 2 - 1]) == {255}
    assert set(left[PARTS // 2 + 1 :]) == {127}
    assert set(right[PARTS // 2 + 1 :]) == {0}


def test_silence_is_nothing_and_the_loudest_is_all() -> None:
    assert set(measured(raw(*[(0,)] * 1000), 1)[0]) == {0}
    assert set(measured(raw(*[(32_767,)] * 1000), 1)[0]) == {254}
    assert set(measured(raw(*[(-32_768,)] * 1000), 1)[0]) == {255}


def test_no_audio_has_no_peaks() -> None:
    assert Peaks(2, 0).text == ""
    assert drawn("", 2) == []


def test_what_is_written_tells_its_peaks(tmp_path: Path) -> None:
    path = tmp_path / "call.raw"
    path.write_bytes(tones(1, 440, 1004) + b"\1")  # a last sample that is not whole
    wav = Wav(path, 2, path.stat().st_size)
    assert wav.peaks == ""
    for _ in range(2):  # a second reading begins anew
        assert len(b"".join(wav)) == wav.size
        assert len(wav.peaks) == PARTS * 2 * 2
    assert levels(wav.peaks, 2) == measured(tones(1, 440, 1004), 2)


def test_a_waveform_stays_within_its_height() -> None:
    (path,) = drawn(bytes([0, 64, 255]).hex(), 1)
    strokes = [one.split("V") for one in path.split("M")[1:]]
    assert [one[0].split()[0] for one in strokes] == ["0.5", "1.5", "2.5"]
    tops = [float(one[0].split()[1]) for one in strokes]
    bottoms = [float(one[1]) for one in strokes]
    assert tops[2] == 0
    assert bottoms[2] == HEIGHT
    assert [top + bottom for top, bottom in zip(tops, bottoms, strict=True)] == [HEIGHT] * 3
    assert tops == sorted(tops, reverse=True)
