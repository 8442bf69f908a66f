"""Which Asterisk is used, and that a new one appears whole, once, or not at all."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from telephony.pbx import find as find_module
from telephony.pbx.bootstrap import bootstrap
from telephony.pbx.errors import PbxError
from telephony.pbx.find import SYSTEM, find, parse_version
from telephony.pbx.process import run
from telephony.settings import Settings

Tool = Callable[[str, str], Path]


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tool:
    """Puts a shell script of that name first on PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/sbin:/usr/bin:/sbin:/bin")
    monkeypatch.delenv("SMS_VOIP_ASTERISK_ROOT", raising=False)

    def put(name: str, script: str) -> Path:
        file = folder / name
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)
        return file

    return put


def settings(tmp_path: Path, **values: object) -> Settings:
    return Settings(var_dir=tmp_path / "var", cache_dir=tmp_path / "cache", **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("banner", "version"),
    [
        ("Asterisk 22.10.1~dfsg+~cs6.17.60671434-1", (22, 10, 1)),
        ("Asterisk 22.2.0", (22, 2, 0)),
        ("Asterisk 23.0.0-rc1", (23, 0, 0)),
        ("Asterisk 20.4", (20, 4, 0)),
        ("Asterisk certified/20.7-cert1", (20, 7, 0)),
    ],
)
def test_a_version_is_read_from_the_banner(banner: str, version: tuple[int, ...]) -> None:
    assert parse_version(banner) == version


@pytest.mark.parametrize("banner", ["", "Asterisk GIT-master-0ab1", "command not found"])
def test_a_banner_without_a_version_is_refused(banner: str) -> None:
    with pytest.raises(PbxError, match="Cannot tell the version"):
        parse_version(banner)


async def test_a_good_system_asterisk_is_used(tool: Tool, tmp_path: Path) -> None:
    binary = tool("asterisk", "echo Asterisk 22.2.0")
    found = await find(settings(tmp_path))
    assert (found.root, found.binary, found.version) == (SYSTEM, str(binary), "22.2.0")
    assert found.is_system


async def test_an_old_system_asterisk_is_named_and_passed_over(tool: Tool, tmp_path: Path) -> None:
    tool("asterisk", "echo Asterisk 22.1.9")
    tool("mmdebstrap", "exit 9")
    lines: list[str] = []
    with pytest.raises(PbxError, match=r"(?s)mmdebstrap failed \(9\).*SMS_VOIP_ASTERISK_ROOT"):
        await find(settings(tmp_path), lines.append)
    assert "22.1.9 in / is too old; 22.2 or later is needed. Looking further." in lines[0]


async def test_an_old_root_is_refused(
    tool: Tool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = put_asterisk(tmp_path / "root")
    tool("chroot", "echo Asterisk 20.11.1")
    with pytest.raises(PbxError, match=r"Asterisk 20\.11\.1 in .*/root is too old; 22\.2 or later"):
        await find(settings(tmp_path, asterisk_root=root))


async def test_a_root_without_asterisk_is_refused(tool: Tool, tmp_path: Path) -> None:
    with pytest.raises(PbxError, match=r"no usr/sbin/asterisk in .*/nothing"):
        await find(settings(tmp_path, asterisk_root=tmp_path / "nothing"))


async def test_a_root_needs_root(
    tool: Tool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = put_asterisk(tmp_path / "root")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(PbxError, match="Only root may run"):
        await find(settings(tmp_path, asterisk_root=root))


async def test_a_program_that_cannot_be_run_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(argv: list[str]) -> tuple[int, str]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(find_module, "run", broken)
    root = put_asterisk(tmp_path / "root")
    with pytest.raises(PbxError, match=r"Cannot run /usr/sbin/asterisk in .*: Permission denied"):
        await find(settings(tmp_path, asterisk_root=root))


async def test_the_cached_root_is_used_without_asking_anybody(tool: Tool, tmp_path: Path) -> None:
    tool("chroot", "echo Asterisk 22.10.1")
    tool("mmdebstrap", "exit 9")
    root = put_asterisk(tmp_path / "cache/asterisk-root")
    found = await find(settings(tmp_path))
    assert (found.root, found.version, found.is_system) == (root, "22.10.1", False)


def put_asterisk(root: Path) -> Path:
    (root / "usr/sbin").mkdir(parents=True)
    (root / "usr/sbin/asterisk").touch()
    return root


MAKES_A_ROOT = """
for root in "$@"; do :; done
echo "I: automatically chosen mode: root" >&2
echo "$@" >> {log}
mkdir -p $root/usr/sbin $root/var/cache/apt/archives
sleep 0.2
touch $root/usr/sbin/asterisk
"""


async def test_a_new_root_appears_whole_and_once(tool: Tool, tmp_path: Path) -> None:
    log, root = tmp_path / "log", tmp_path / "cache/asterisk-root"
    tool("mmdebstrap", MAKES_A_ROOT.format(log=log))
    lines: list[str] = []
    starts = [asyncio.create_task(bootstrap(root, lines.append)) for _ in range(3)]
    while not all(start.done() for start in starts):
        assert not root.exists() or (root / "usr/sbin/asterisk").exists()
        await asyncio.sleep(0.01)
    await asyncio.gather(*starts)
    (call,) = log.read_text().splitlines()
    assert call.startswith("--variant=apt --aptopt=Acquire::Check-Valid-Until")
    assert call.endswith(f"--include=asterisk sid {root}.new")
    assert "automatically chosen mode: root" in lines
    assert lines[-1] == f"Asterisk is in {root}."
    assert not (root / "var/cache/apt").exists()
    assert sorted(file.name for file in root.parent.iterdir()) == [root.name, f"{root.name}.lock"]


async def test_a_failed_root_leaves_nothing(tool: Tool, tmp_path: Path) -> None:
    root = tmp_path / "cache/asterisk-root"
    tool("mmdebstrap", 'for d in "$@"; do :; done; mkdir -p $d/usr; echo E: no network; exit 25')
    with pytest.raises(PbxError, match="E: no network"):
        await bootstrap(root, lambda line: None)
    assert [file.name for file in root.parent.iterdir()] == [f"{root.name}.lock"]


async def test_what_an_interrupted_start_left_is_cleared(tool: Tool, tmp_path: Path) -> None:
    root = tmp_path / "cache/asterisk-root"
    (tmp_path / "cache/asterisk-root.new/half").mkdir(parents=True)
    tool("mmdebstrap", MAKES_A_ROOT.format(log=tmp_path / "log"))
    await bootstrap(root, lambda line: None)
    assert not (root / "half").exists()


@pytest.mark.parametrize("user", [0, 1000])
async def test_without_means_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: int
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.delenv("SMS_VOIP_ASTERISK_ROOT", raising=False)
    with pytest.raises(PbxError, match=r"Install the package `asterisk` 22\.2 .* `mmdebstrap`"):
        await find(settings(tmp_path))


async def test_a_child_does_not_outlive_its_caller(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    waiting = asyncio.create_task(run(["sh", "-c", f"echo $$ > {file}; exec sleep 60"]))
    while not (file.exists() and file.read_text().strip()):
        await asyncio.sleep(0.01)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert not Path(f"/proc/{file.read_text().strip()}").exists()
