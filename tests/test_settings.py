"""Settings come from the environment, once, and a wrong one says what is wrong."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from telephony.settings import Settings


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"SMS_VOIP_{name.upper()}", raising=False)


def test_defaults_are_a_machine_of_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = Settings()
    assert settings.on_loopback
    assert settings.api_url == "http://127.0.0.1:8000"
    assert settings.var_dir == tmp_path / "var"
    assert settings.db_url == f"sqlite:///{tmp_path}/var/sms-voip.db"
    assert settings.cache_dir.is_absolute()
    assert "~" not in str(settings.cache_dir)


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMS_VOIP_HTTP_PORT", "9000")
    monkeypatch.setenv("SMS_VOIP_PUBLIC_URL", "https://sms.example/")
    monkeypatch.setenv("SMS_VOIP_DATABASE_URL", "postgresql://db/sms")
    monkeypatch.setenv("SMS_VOIP_WEBHOOK_ALLOW_CIDRS", " 10.0.0.0/8 ,, fd00::/8")
    monkeypatch.setenv("SMS_VOIP_SMS_PREFIX_PER_SECOND", " 49=20, 1=50,")
    monkeypatch.setenv("SMS_VOIP_TLS_CERT", "~/cert.pem")
    monkeypatch.setenv("SMS_VOIP_NOT_A_SETTING", "x")
    settings = Settings()
    assert settings.http_port == 9000
    assert settings.api_url == "https://sms.example"
    assert settings.db_url == "postgresql://db/sms"
    assert settings.webhook_allow_cidrs == ["10.0.0.0/8", "fd00::/8"]
    assert settings.sms_prefix_per_second == {"49": 20, "1": 50}
    assert settings.tls_cert == Path.home() / "cert.pem"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SMS_PREFIX_PER_SECOND", "49"),
        ("SMS_PREFIX_PER_SECOND", "+49=1"),
        ("SMS_PREFIX_PER_SECOND", "49=0"),
        ("HTTP_PORT", "0"),
        ("HTTP_PORT", "65536"),
        ("SIP_PORT", "sip"),
        ("RTP_RANGE", "10000"),
        ("RTP_RANGE", "10199-10000"),
        ("RTP_RANGE", "80-10000"),
        ("RTP_RANGE", "10000-70000"),
        ("RTP_RANGE", "-1-10000"),
        ("BIND_HOST", "pbx.example"),
        ("NODE", "PBX 1"),
        ("NODE", ""),
        ("SMPP_WINDOW", "0"),
        ("SMPP_RESPONSE_SECONDS", "0"),
        ("SMPP_RESPONSE_ID_BASE", "octal"),
    ],
)
def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"SMS_VOIP_{name}", value)
    with pytest.raises(ValidationError) as refused:
        Settings()
    assert [error["loc"][0] for error in refused.value.errors()] == [name.lower()]


@pytest.mark.parametrize(
    ("host", "on_loopback"),
    [("127.0.0.1", True), ("127.1.2.3", True), ("::1", True), ("localhost", True),
     ("0.0.0.0", False), ("192.0.2.1", False), ("::", False)],
)  # fmt: skip
def test_it_is_known_whether_others_reach_the_platform(host: str, on_loopback: bool) -> None:
    assert Settings(bind_host=host).on_loopback is on_loopback


def test_settings_cannot_change_late() -> None:
    settings = Settings()
    with pytest.raises(ValidationError):
        settings.__setattr__("http_port", 1)


def test_secrets_are_not_shown() -> None:
    settings = Settings.model_validate({"smpp_password": "hunter2", "master_key": "k3y"})
    assert "hunter2" not in repr(settings)
    assert "k3y" not in str(settings)


def test_every_setting_has_a_help_line() -> None:
    fields = Settings.model_fields
    assert [name for name, field in fields.items() if not field.description] == []


@pytest.mark.parametrize(
    ("bind_host", "api_url", "on_loopback"),
    [
        ("localhost", "http://127.0.0.1:8000", True),
        ("::1", "http://[::1]:8000", True),
        ("[::1]", "http://[::1]:8000", True),
        ("0.0.0.0", "http://127.0.0.1:8000", False),
        ("192.0.2.7", "http://192.0.2.7:8000", False),
    ],
)
def test_an_address_to_listen_on(bind_host: str, api_url: str, on_loopback: bool) -> None:
    settings = Settings(bind_host=bind_host)
    assert (settings.api_url, settings.on_loopback) == (api_url, on_loopback)
