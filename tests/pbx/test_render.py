"""Templates become one installation's files, which only it can read."""

import os
import re
from pathlib import Path

import pytest

from telephony import secrets as installation_secrets
from telephony.pbx.errors import PbxError
from telephony.pbx.find import Installation
from telephony.pbx.render import TEMPLATES, Layout, fill, render
from tests.fixtures_pbx import Pbx, pbx_settings


def rendered(tmp_path: Path, **changes: object) -> Layout:
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True, exist_ok=True)
    (root / "etc/passwd").write_text(
        "root:x:0:0:root:/root:/bin/sh\nasterisk:x:234:345:Asterisk:/var/lib/asterisk:/bin/false\n"
    )
    settings = pbx_settings(tmp_path / "var", **changes)
    secrets = installation_secrets.load(settings)
    return render(settings, secrets, Installation(root, "/usr/sbin/asterisk", "22.2.0"))


def text(layout: Layout, name: str) -> str:
    return (layout.folder / "etc" / name).read_text()


def test_files_belong_to_root_and_are_readable_by_asterisk_alone(tmp_path: Path) -> None:
    layout = rendered(tmp_path)
    assert (layout.uid, layout.gid) == (234, 345)
    for path in layout.folder.rglob("*"):
        status = path.stat()
        assert status.st_mode & 0o007 == 0, path
        assert status.st_gid == 345, path
        if "etc" in path.relative_to(layout.folder).parts:
            assert status.st_uid == 0
            assert status.st_mode & 0o030 == (0o010 if path.is_dir() else 0)
    for name in ("log/cdr-custom", "log/cdr-csv", "db", "spool/monitor", "run"):
        assert (layout.folder / name).stat().st_uid == 234
        shared = name == "spool/monitor"  # a platform of the group takes recordings away
        assert bool((layout.folder / name).stat().st_mode & 0o020) == shared


def test_every_template_is_rendered_and_no_placeholder_is_left(tmp_path: Path) -> None:
    layout = rendered(tmp_path)
    names = {path.name for path in TEMPLATES.glob("*.conf")}
    assert {path.name for path in (layout.folder / "etc").iterdir()} == names
    assert not [name for name in names if "@@" in text(layout, name)]


def test_secrets_are_in_one_file_only(tmp_path: Path) -> None:
    layout = rendered(tmp_path)
    secrets = installation_secrets.load(pbx_settings(tmp_path / "var"))
    assert secrets.ami_calls != secrets.ami_provisioning
    for path in (layout.folder / "etc").iterdir():
        for secret in (secrets.ami_calls, secrets.ami_provisioning):
            assert (secret in path.read_text()) == (path.name == "manager.conf")
        assert secrets.master_key not in path.read_text()


def test_data_are_kept_and_stale_configuration_is_not(tmp_path: Path) -> None:
    layout = rendered(tmp_path)
    (layout.folder / "db/astdb.sqlite3").write_text("accounts")
    layout.cdr_file.write_text("{}\n")
    (layout.folder / "etc/stale.conf").touch()
    rendered(tmp_path)
    assert (layout.folder / "db/astdb.sqlite3").read_text() == "accounts"
    assert layout.cdr_file.read_text() == "{}\n"
    assert not (layout.folder / "etc/stale.conf").exists()


def test_the_trunk_only_where_it_is_set(tmp_path: Path) -> None:
    bare = rendered(tmp_path / "bare", trunk_host="")
    assert text(bare, "pjsip_trunk.conf") == ""
    full = rendered(tmp_path / "full", trunk_host="sip.example.net:5062")
    assert "contact = sip:sip.example.net:5062" in text(full, "pjsip_trunk.conf")


def test_asterisk_gets_the_certificate_of_the_settings(tmp_path: Path) -> None:
    (tmp_path / "cert").write_text("certificate")
    (tmp_path / "key").write_text("key")
    layout = rendered(tmp_path, tls_cert=tmp_path / "cert", tls_key=tmp_path / "key")
    assert (layout.folder / "tls/tls.crt").read_text() == "certificate"
    assert (layout.folder / "tls/tls.key").read_text() == "key"
    assert (layout.folder / "tls/tls.key").stat().st_mode & 0o777 == 0o640


def test_asterisk_gets_a_self_signed_certificate_where_none_is_set(tmp_path: Path) -> None:
    layout = rendered(tmp_path)
    assert "BEGIN CERTIFICATE" in (layout.folder / "tls/tls.crt").read_text()
    kept = tmp_path / "var/tls/tls.key"
    assert (layout.folder / "tls/tls.key").read_text() == kept.read_text()
    assert kept.stat().st_mode & 0o777 == 0o600


def test_a_host_name_becomes_an_address(tmp_path: Path) -> None:
    layout = rendered(tmp_path, bind_host="localhost", ami_host="localhost")
    assert "bindaddr = 127.0.0.1" in text(layout, "manager.conf")
    assert re.search(r"bind = 127\.0\.0\.1:\d+", text(layout, "pjsip.conf"))
    assert "\nmedia_address = 127.0.0.1" in text(layout, "pjsip_trunk.conf")


def test_addresses_of_ipv6_are_bracketed(tmp_path: Path) -> None:
    layout = rendered(tmp_path, bind_host="::1")
    assert re.search(r"bind = \[::1\]:\d+", text(layout, "pjsip.conf"))


def test_on_all_addresses_audio_is_not_bound_to_one(tmp_path: Path) -> None:
    layout = rendered(tmp_path, bind_host="0.0.0.0")
    assert "\n;media_address = 0.0.0.0" in text(layout, "pjsip_trunk.conf")


@pytest.mark.parametrize("realm", ["a\nb", "a;b", "a\r#exec", "x\x00", "#include"])
def test_a_setting_cannot_break_out_of_its_line(tmp_path: Path, realm: str) -> None:
    with pytest.raises(PbxError, match="The setting behind REALM"):
        rendered(tmp_path, realm=realm)


def test_an_unknown_placeholder_is_an_error() -> None:
    assert fill("a @@X@@ ${UNIQUEID} @@X@@", {"X": "1"}) == "a 1 ${UNIQUEID} 1"
    with pytest.raises(KeyError, match="TYPO"):
        fill("@@TYPO@@", {"X": "1"})


def test_a_root_without_the_user_is_refused(tmp_path: Path) -> None:
    (tmp_path / "root/etc").mkdir(parents=True)
    (tmp_path / "root/etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    settings = pbx_settings(tmp_path / "var")
    root = Installation(tmp_path / "root", "/usr/sbin/asterisk", "22.2.0")
    with pytest.raises(PbxError, match="no user `asterisk`"):
        render(settings, installation_secrets.load(settings), root)


def test_without_root_rights_files_are_our_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    layout = rendered(tmp_path)
    assert (layout.uid, layout.gid) == (os.getuid(), os.getgid())
    assert text(layout, "asterisk.conf")


@pytest.mark.parametrize("path", sorted(TEMPLATES.glob("*.conf")), ids=lambda path: path.name)
def test_a_template_says_what_it_is_for(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert lines[0].startswith("; ")
    if path.name != "cdr_custom.conf":
        assert max(map(len, lines)) <= 100


def test_manager_conf_is_closed_while_asterisk_runs(pbx: Pbx) -> None:
    file = pbx.layout.folder / "etc/manager.conf"
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.stat().st_uid == 0
