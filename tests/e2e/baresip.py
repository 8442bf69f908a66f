"""baresip, a softphone of Debian's, without sound hardware: it plays a tone from a file and writes
what it hears into another, and is told what to do over its control port."""

import array
import json
import re
import socket
import subprocess
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from telephony.voice.softphone import tone
from tests.fixtures_pbx import eventually
from tests.patience import PATIENCE_SECONDS

Event = dict[str, Any]
RATE = 8000
MODULES = ("g711", "aufile", "aubridge", "sndfile", "srtp", "dtls_srtp", "ice")
CONFIG = """\
net_interface 127.0.0.1
sip_cafile {certificate}
rtp_ports {rtp}
audio_source aufile,{folder}/tone.wav
audio_player aubridge,nil
audio_alert aubridge,nil
ausrc_srate 8000
auplay_srate 8000
snd_path {folder}
module_path {modules}
{loaded}
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:{control}
"""
MODULE_FOLDER = "/usr/lib/baresip/modules"


class Baresip:
    """A running phone; `baresip` starts one."""

    def __init__(self, folder: Path, control: int) -> None:
        self._folder = folder
        self._bytes = b""
        self.events: list[Event] = []
        self._link = socket.create_connection(("127.0.0.1", control), timeout=5)
        self._link.settimeout(0.02)

    def do(self, command: str, params: str = "") -> None:
        """Give a command of baresip's menu."""
        text = json.dumps({"command": command, "params": params})
        self._link.sendall(f"{len(text)}:{text},".encode())

    def wait(self, kind: str, seconds: float = PATIENCE_SECONDS, **fields: str) -> Event:
        """The first event of that type that no earlier wait has had."""

        def found() -> Event | None:
            self._read()
            for event in self.events:
                if event.get("type") == kind and fields.items() <= event.items():
                    self.events.remove(event)
                    return event
            return None

        return eventually(found, seconds, f"{kind} among {self.events}; {self.said()}")

    def registered(self, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait for the 200 of its REGISTER, which may come before anybody is told of events."""
        eventually(lambda: "} 200 OK (" in self.said(), seconds, f"a registration; {self.said()}")

    def said(self) -> str:
        """Everything that it has printed so far."""
        return (self._folder / "output.txt").read_text(errors="replace")

    def heard_seconds(self) -> float:
        """Seconds of sound in what it wrote of the far end, silence left out."""
        return sum(_loud_seconds(path) for path in self._folder.glob("dump-*-dec.wav"))

    def close(self) -> None:
        self._link.close()

    def _read(self) -> None:
        try:
            self._bytes += self._link.recv(65536)
        except TimeoutError:
            return
        while (head := re.match(rb"(\d+):", self._bytes)) and (
            len(self._bytes) > (end := head.end() + int(head[1]))
        ):
            self.events.append(json.loads(self._bytes[head.end() : end]))
            self._bytes = self._bytes[end + 1 :]


@contextmanager
def baresip(
    folder: Path, account: str, certificate: Path, control: int, rtp: str
) -> Iterator[Baresip]:
    """Start it with a line of its file `accounts`, and stop it."""
    folder.mkdir()
    _write_tone(folder / "tone.wav")
    loaded = "\n".join(f"module {name}.so" for name in MODULES)
    (folder / "accounts").write_text(f"{account}\n")
    (folder / "contacts").touch()
    (folder / "config").write_text(CONFIG.format(
        folder=folder, certificate=certificate, control=control, rtp=rtp, loaded=loaded,
        modules=MODULE_FOLDER,
    ))  # fmt: skip
    command = ["stdbuf", "-oL", "baresip", "-f", str(folder)]
    with (
        (folder / "output.txt").open("wb") as output,
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        ) as process,
    ):
        try:
            phone = eventually(lambda: _connected(folder, control), 10, "its control port")
            yield phone
            phone.close()
        finally:
            process.terminate()
            assert process.wait(5) == 0


def _connected(folder: Path, control: int) -> Baresip | None:
    try:
        return Baresip(folder, control)
    except ConnectionRefusedError:
        return None


def _write_tone(path: Path) -> None:
    samples = array.array("h", ((byte - 128) << 8 for byte in tone(30)))
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, len(samples), "NONE", ""))
        file.writeframes(samples.tobytes())


def _loud_seconds(path: Path) -> float:
    """The header of a file that is still written tells no length, so it is not asked."""
    samples = array.array("h", path.read_bytes()[44:][: path.stat().st_size // 2 * 2 - 44])
    return sum(abs(sample) > 1000 for sample in samples) / RATE
