"""The installation's secrets: made once, private, and of no use to who has only the database."""

import json
import os
import stat
from pathlib import Path

import pytest
from cryptography.fernet import Fernet, InvalidToken

from telephony.secrets import FILE, Vault, load, write_private
from telephony.settings import Settings


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_secrets_are_made_once_and_private(tmp_path: Path) -> None:
    settings = Settings(var_dir=tmp_path / "new" / "var")
    made = load(settings)
    assert load(settings) == made
    assert mode(settings.var_dir / FILE) == 0o600
    assert len({made.master_key, made.ami_calls, made.ami_provisioning}) == 3
    assert made.ami_calls.isascii()
    assert made.ami_calls.isprintable()
    other = load(Settings(var_dir=tmp_path / "other"))
    assert other.master_key != made.master_key


def test_settings_win_over_the_file(tmp_path: Path) -> None:
    kept = load(Settings(var_dir=tmp_path))
    key = Fernet.generate_key().decode()
    given = load(Settings.model_validate({"var_dir": tmp_path, "master_key": key}))
    assert given.master_key == key
    assert given.ami_calls == kept.ami_calls
    assert json.loads((tmp_path / FILE).read_text())["master_key"] == kept.master_key


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    made = load(Settings(var_dir=tmp_path))
    assert made.master_key not in f"{made!r} {made}"


def test_a_private_file_is_replaced_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("open to all")
    path.chmod(0o644)
    old_mask = os.umask(0)
    try:
        write_private(path, "new")
    finally:
        os.umask(old_mask)
    assert (path.read_text(), mode(path)) == ("new", 0o600)
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_what_a_dead_process_left_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / f"file.{os.getpid()}.new").write_text("half")
    write_private(tmp_path / "file", "whole")
    assert [each.read_text() for each in tmp_path.iterdir()] == ["whole"]


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("precious")
    (tmp_path / f"file.{os.getpid()}.new").symlink_to(target)
    write_private(tmp_path / "file", "secret")
    assert target.read_text() == "precious"


def test_the_vault_opens_only_what_it_sealed() -> None:
    vault = Vault(Fernet.generate_key().decode())
    sealed = vault.seal("s3crét")
    assert vault.open(sealed) == "s3crét"
    assert sealed.isascii()
    assert "s3cr" not in sealed
    assert vault.seal("s3crét") != sealed
    with pytest.raises(InvalidToken):
        Vault(Fernet.generate_key().decode()).open(sealed)
    with pytest.raises(InvalidToken):
        vault.open(sealed[:-8] + "AAAAAAA=")


def test_the_vault_opens_what_earlier_releases_sealed() -> None:
    key = Fernet.generate_key()
    token = Fernet(key).encrypt("s3crét".encode()).decode()
    assert Vault(key.decode()).open(token) == "s3crét"
    with pytest.raises(InvalidToken):
        Vault(Fernet.generate_key().decode()).open(token)


@pytest.mark.parametrize("given", ["", "v2.", "v2.AAAA", "v2.no base64!", "gAAAAA"])
def test_what_was_never_sealed_is_refused(given: str) -> None:
    with pytest.raises(InvalidToken):
        Vault(Fernet.generate_key().decode()).open(given)


def test_a_fingerprint_needs_the_key() -> None:
    one, two = (Vault(Fernet.generate_key().decode()) for _ in range(2))
    assert one.fingerprint(b"a") == one.fingerprint(b"a")
    assert one.fingerprint(b"a") != one.fingerprint(b"b")
    assert one.fingerprint(b"a") != two.fingerprint(b"a")
    assert len(bytes.fromhex(one.fingerprint(b""))) == 32
