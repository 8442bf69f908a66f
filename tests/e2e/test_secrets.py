"""A new SIP secret is in force at once, the old one is not, and it is kept nowhere."""

import secrets as random
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.installation import Installation

OWN_FILES = {"demo.json", "ready.json"}


@pytest.fixture
def phone(here: Installation) -> Iterator[dict[str, Any]]:
    """The second demo phone; it gets its first secret back."""
    account: dict[str, Any] = here.facts["sip"][1]
    yield account
    body = {"sip_password": account["password"], "sip_account": account["username"]}
    assert here.post("/voip/password", body).json()["applied"]
    assert here.register(account["username"], account["password"]) == 200


def holders(here: Installation, secret: str) -> set[str]:
    """Names of the files below the var folder that hold the secret, whatever they are: the
    database with its WAL, AstDB, configuration, every log. The root is Asterisk's own /usr."""
    found = set()
    for path in here.var.rglob("*"):
        inside = path.relative_to(here.var).parts
        if path.is_file() and inside[:2] != ("asterisk", "root") and holds(path, secret):
            found.add("/".join(inside))
    with open(here.output, "rb") as output:
        if secret.encode() in output.read():
            found.add("output")
    return found


def holds(path: Any, secret: str) -> bool:
    return secret.encode() in path.read_bytes()


def test_the_search_finds_what_is_there(here: Installation) -> None:
    phone = here.facts["sip"][0]
    assert holders(here, phone["password"]) == OWN_FILES | {"output"}
    assert "sms-voip.db" in {name.removesuffix("-wal") for name in holders(here, "+15550111222")}


@pytest.mark.parametrize("idempotency", ["", "rotate-given"])
def test_a_given_secret(here: Installation, phone: dict[str, Any], idempotency: str) -> None:
    secret = f"given-{random.token_urlsafe(12)}"
    body = {"sip_password": secret, "sip_account": phone["username"]}
    began = time.monotonic()
    answer = here.post("/voip/password", body, idempotency=idempotency)
    took = time.monotonic() - began
    assert (answer.status_code, answer.json()["applied"]) == (200, True)
    assert "sip_password" not in answer.json()
    assert here.register(phone["username"], phone["password"]) == 401
    assert here.register(phone["username"], secret) == 200
    print(f"\n  a new secret was in force after {took * 1000:.0f} ms")
    assert holders(here, secret) == set()


@pytest.mark.parametrize("idempotency", ["", "rotate-generated"])
def test_a_generated_secret(here: Installation, phone: dict[str, Any], idempotency: str) -> None:
    answer = here.post("/voip/password", {"sip_account": phone["username"]},
                       idempotency=idempotency)  # fmt: skip
    assert (answer.status_code, answer.json()["applied"]) == (200, True)
    secret = answer.json()["sip_password"]
    assert here.register(phone["username"], secret) == 200
    assert here.register(phone["username"], phone["password"]) == 401
    assert holders(here, secret) == set()
    if idempotency:
        again = here.post("/voip/password", {"sip_account": phone["username"]},
                          idempotency=idempotency)  # fmt: skip
        assert again.headers["Idempotent-Replayed"] == "true"
        assert again.json()["sip_password"] == secret
        assert here.register(phone["username"], secret) == 200


def test_a_secret_that_is_refused_is_kept_nowhere(here: Installation) -> None:
    first = here.facts["sip"][1]["username"]
    secret = f"ref\u00fcsed-{random.token_urlsafe(12)}"
    answer = here.post("/voip/password", {"sip_password": secret, "sip_account": first})
    assert answer.status_code == 400
    assert secret not in answer.text
    assert holders(here, secret) == set()


@pytest.mark.parametrize("fact", ["test_key", "live_key", "webhook_secret"])
def test_keys_are_only_where_they_are_shown(here: Installation, fact: str) -> None:
    assert here.get("/ping", key="test_key").status_code == 200
    shown = {"output"} if fact.endswith("key") else set()
    assert holders(here, here.facts[fact]) == OWN_FILES | shown
    for name in OWN_FILES:
        assert (here.var / name).stat().st_mode & 0o777 == 0o600


def test_secrets_of_the_manager_are_readable_by_root_and_asterisk_alone(
    here: Installation,
) -> None:
    for user in ("calls", "provisioning"):
        found = holders(here, here.facts["ami"][user])
        assert found == {"ready.json", "secrets.json", "asterisk/etc/manager.conf"}
        for name in found:
            assert (here.var / name).stat().st_mode & 0o007 == 0


def test_the_admin_password_is_stored_as_a_hash(here: Installation) -> None:
    password = here.facts["admin"]["password"]
    assert holders(here, password) == OWN_FILES | {"output"}
    (admin,) = here.rows('SELECT * FROM "user"')
    assert admin["platform_role"] == "admin"
    assert "$argon2id$" in str(admin)
