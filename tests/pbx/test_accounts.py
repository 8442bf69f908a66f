"""A SIP account is three rows of AstDB; a phone can use it at once, and never without them."""

import json
from pathlib import Path

import pytest

from tests.fixtures_pbx import Pbx, eventually, phone_rows


def test_a_phone_registers_as_soon_as_its_rows_are_written(pbx: Pbx) -> None:
    assert pbx.register("acc-new", "the first secret") == 401
    pbx.provision("acc-new", "the first secret")
    assert pbx.register("acc-new", "the first secret") == 200
    assert pbx.register("acc-new", "another secret") == 401


def test_a_new_secret_replaces_the_old_one_at_once(pbx: Pbx) -> None:
    pbx.provision("acc-turn", "old secret")
    assert pbx.register("acc-turn", "old secret") == 200
    pbx.provision("acc-turn", "new secret")
    assert pbx.register("acc-turn", "old secret") == 401
    assert pbx.register("acc-turn", "new secret") == 200


def test_md5_alone_is_offered_since_some_phones_fail_beside_sha256(pbx: Pbx) -> None:
    pbx.provision("acc-md5", "a secret")
    with pbx.phone("acc-md5", "a secret") as phone:
        assert phone.register() == 200
        assert ["SHA-256" in text for text in phone.challenges] == [False]


def test_both_digests_are_offered_md5_last_where_the_operator_wants_both(pbx: Pbx) -> None:
    """pyVoIP and many phones answer the last challenge, and know MD5 only."""
    pbx.provision("acc-md5", "a secret")
    auth = phone_rows("acc-md5", "a secret", pbx.settings.realm)["auth"]
    both = json.dumps(auth | {"supported_algorithms_uas": "SHA-256,MD5"})
    with pbx.ami("provisioning") as ami:
        ami.send("DBPut", Family="ps/auth", Key="acc-md5", Val=both)
    with pbx.phone("acc-md5", "a secret") as phone:
        assert phone.register() == 200
        assert phone.realm == pbx.settings.realm
        assert ["SHA-256" in text for text in phone.challenges] == [True, False]


def test_a_deleted_account_is_refused(pbx: Pbx) -> None:
    pbx.provision("acc-gone", "a secret")
    with pbx.ami("provisioning") as ami:
        for kind in ("endpoint", "auth", "aor"):
            assert ami.send("DBDel", Family=f"ps/{kind}", Key="acc-gone")["Response"] == "Success"
    assert pbx.register("acc-gone", "a secret") == 401


def test_what_was_written_is_what_asterisk_uses(pbx: Pbx) -> None:
    pbx.provision("acc-read", "a secret")
    with pbx.ami("provisioning") as ami:
        rows = ami.rows("PJSIPShowEndpoint", "EndpointDetailComplete", Endpoint="acc-read")
    endpoint = next(row for row in rows if row["Event"] == "EndpointDetail")
    assert endpoint["Context"] == "from-phone"
    assert endpoint["Accountcode"] == "acc-read"
    assert endpoint["AllowTransfer"] == "false"
    assert endpoint["TrustIdInbound"] == "false"


def test_a_stranger_is_challenged_and_cannot_call(pbx: Pbx) -> None:
    with pbx.phone("stranger", "no secret") as phone:
        assert phone.invite("+15550000001") == 401


def test_a_registration_is_kept_in_astdb(pbx: Pbx) -> None:
    pbx.provision("acc-stays", "a secret")
    assert pbx.register("acc-stays", "a secret") == 200
    with pbx.ami("provisioning") as ami:
        rows = ami.rows("DBGetTree", "DBGetTreeComplete", Family="registrar/contact")
        assert any(row["Key"].startswith("/registrar/contact/acc-stays;@") for row in rows)


@pytest.mark.parametrize("secret", ["a secret that must not be seen"])
def test_no_log_and_no_database_holds_the_secret(pbx: Pbx, secret: str) -> None:
    pbx.provision("acc-quiet", secret)
    assert pbx.register("acc-quiet", secret) == 200
    assert pbx.register("acc-quiet", "wrong " + secret) == 401
    database = pbx.layout.folder / "db/astdb.sqlite3"
    eventually(lambda: b"acc-quiet" in _all_bytes(database), what="a commit of AstDB")
    for path in pbx.layout.folder.rglob("*"):
        if path.is_file() and path.parent.name in ("log", "db", "cdr-custom"):
            held = _read(path)
            assert secret.encode() not in held, path
            assert pbx.secrets.ami_calls.encode() not in held, path


def _read(path: Path) -> bytes:
    """Empty for a journal of SQLite that is gone again."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def _all_bytes(database: Path) -> bytes:
    files = sorted(database.parent.glob(f"{database.name}*"))
    return b"".join(map(_read, files))
