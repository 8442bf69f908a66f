"""Settings, read once from the environment (`SMS_VOIP_*`) into a frozen object."""

from functools import cached_property
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, IPvAnyNetwork, SecretStr, field_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from telephony.settings_operations import OperationsSettings

Port = Annotated[int, Field(ge=1, le=65535)]
Prefix = Annotated[str, Field(pattern="^[0-9]{1,15}$")]
PerSecond = Annotated[int, Field(ge=1, le=10_000)]


class Settings(OperationsSettings):
    """Every knob of the platform; `sms-voip doctor` prints the help line of a bad one."""

    model_config = SettingsConfigDict(env_prefix="SMS_VOIP_", frozen=True, extra="ignore")

    var_dir: Path = Field(Path("var"), description="Folder for all data of this installation")
    cache_dir: Path = Field(
        Path("~/.cache/sms-voip"), description="Folder for parts that installations share"
    )
    bind_host: str = Field("127.0.0.1", description="IP address that HTTP, SIP and RTP listen on")
    http_port: Port = Field(8000, description="TCP port of the HTTP API")
    sip_port: Port = Field(5060, description="UDP and TCP port of SIP")
    ami_host: str = Field("127.0.0.1", description="Host of the Asterisk manager interface")
    ami_port: Port = Field(5038, description="TCP port of the Asterisk manager interface")
    agi_host: str = Field("127.0.0.1", description="Address that the FastAGI server listens on")
    agi_port: Port = Field(4573, description="TCP port of the FastAGI server")
    rtp_range: str = Field("10000-10199", description="UDP ports of call audio, FIRST-LAST")
    database_url: str = Field("", description="postgresql://… ; empty: SQLite in the var folder")
    node: str = Field("pbx1", pattern=r"^[a-z0-9-]{1,32}$", description="Name of the PBX node")
    realm: str = Field("sms-voip", description="SIP realm; changing it voids every SIP secret")
    sip_digests: Literal["MD5", "SHA-256,MD5"] = Field(
        "MD5", description="What phones are challenged with; some fail where SHA-256 is offered"
    )
    trunk_host: str = Field("", description="host:port of the SIP trunk that live calls leave by")
    call_slice_seconds: int = Field(
        60, ge=1, le=3600, description="Talk time of a call that is paid for ahead, in seconds"
    )
    calls_max: int = Field(
        100, ge=0, description="Calls that an account may have at once, if nothing else is set"
    )
    verification_number: str = Field(
        "", description="Caller id of calls that speak a code to verify a number"
    )
    calls_per_second: int = Field(
        10, ge=1, description="API calls an account may start in a second, if nothing else is set"
    )
    originates_per_second: int = Field(
        100, ge=1, le=1000, description="API calls that a PBX node starts in a second, at most"
    )
    recording_days: int = Field(
        30, ge=1, le=3650, description="Days that a recording is kept where its account has none"
    )
    recording_url_seconds: int = Field(
        7 * 24 * 3600, ge=60, description="Seconds for which a link to a recording is good"
    )
    recordings_dir: Path | None = Field(
        None, description="Folder of recordings; empty: `recordings` in the var folder"
    )
    recordings_bucket: str = Field("", description="Bucket of recordings; empty: the folder")
    recordings_endpoint: str = Field("", description="URL of the S3 service; empty: AWS")
    recordings_region: str = Field("us-east-1", description="Region of the bucket")
    recordings_access_key_id: str = Field("", description="Access key id of the bucket")
    recordings_secret_access_key: SecretStr = Field(
        SecretStr(""), description="Secret access key of the bucket"
    )
    tls_cert: Path | None = Field(
        None, description="Certificate file of SIP over TLS and WSS; empty: self-signed"
    )
    tls_key: Path | None = Field(None, description="Private key file of the certificate")
    sips_port: Port = Field(5061, description="TCP port of SIP over TLS")
    wss_port: Port = Field(8089, description="TCP port of SIP over secure WebSocket")
    public_url: str = Field("", description="The API's URL as customers see it")
    sandbox_host: str = Field(
        "", description="Host that takes test keys only, the others then live ones; empty: any"
    )
    play_money: int = Field(
        100, ge=0, le=1_000_000,
        description="Whole units of play money in each wallet of who signs up",
    )  # fmt: skip
    requests_per_minute: int = Field(
        120, ge=1, description="Requests that an API key may send in a minute, if it has no limit"
    )
    public_requests_per_minute: int = Field(
        120, ge=1,
        description="Requests without a key that one address may send in a minute, by endpoint",
    )  # fmt: skip
    failed_auth_per_minute: int = Field(
        30, ge=1, description="Requests with a wrong key that one address may send in a minute"
    )
    rate_limit_url: SecretStr = Field(
        SecretStr(""),
        description="redis://… where several processes count requests together; empty: each alone",
    )
    trusted_proxies: Annotated[list[IPvAnyNetwork], NoDecode] = Field(
        default_factory=list,
        description="Networks of proxies that are believed whom they forward for, by comma",
    )
    proxy_header: Literal["X-Forwarded-For", "Forwarded"] = Field(
        "X-Forwarded-For", description="The header that the trusted proxies write"
    )
    webhook_allow_cidrs: Annotated[list[str], NoDecode] = Field(
        default_factory=list, description="Private networks that webhooks may reach, by comma"
    )
    webhook_days: int = Field(
        30, ge=0, le=3650, description="Days that events and their deliveries are kept; 0: for ever"
    )
    sms_sender: str = Field(
        "SMSVOIP", description="Sender of messages of accounts without a verified number"
    )
    sms_parts_max: int = Field(
        10, ge=1, le=255, description="Parts that one message may have; a longer text is refused"
    )
    sms_smart_encoding: bool = Field(
        False, description="Replace look-alikes such as curly quotes where that saves parts"
    )
    sms_account_per_minute: int = Field(
        0, ge=0, description="Messages that one account may send in a minute; 0: no limit"
    )
    sms_account_per_second: int = Field(
        0, ge=0, le=10_000,
        description="Messages of one account that go out in a second, if nothing else is set;"
        " more wait for their turn; 0: no limit",
    )  # fmt: skip
    sms_prefix_per_second: Annotated[dict[Prefix, PerSecond], NoDecode] = Field(
        default_factory=dict,
        description="The same for messages of one account to numbers of a prefix: `49=20,1=50`",
    )
    sms_recipient_per_hour: int = Field(
        0, ge=0, description="Messages of one account to one number in an hour; 0: no limit"
    )
    sms_range_per_hour: int = Field(
        0,
        ge=0,
        description="Messages of one account in an hour to numbers that differ in their last four"
        " digits only, as in traffic pumping; 0: no limit",
    )
    sms_body_days: int = Field(
        0, ge=0, description="Days after which the texts of messages are deleted; 0: never"
    )
    smpp_host: str = Field("", description="Host of the SMSC for live SMS; empty: no live SMS")
    smpp_port: Port = Field(2775, description="TCP port of the SMSC")
    smpp_system_id: str = Field("", description="system_id of the SMPP bind")
    smpp_password: SecretStr = Field(SecretStr(""), description="Password of the SMPP bind")
    smpp_system_type: str = Field("", max_length=12, description="system_type of the SMPP bind")
    smpp_window: int = Field(50, ge=1, le=10_000, description="submit_sm in flight at most")
    smpp_response_seconds: float = Field(
        30, gt=0, description="Seconds after which an unanswered SMPP request is given up"
    )
    smpp_enquire_link_seconds: float = Field(
        30, gt=0, description="Seconds between two enquire_link to the SMSC"
    )
    smpp_response_id_base: Literal["as_is", "hex", "decimal"] = Field(
        "as_is", description="How submit_sm_resp writes message ids: as_is, hex or decimal"
    )
    smpp_receipt_id_base: Literal["as_is", "hex", "decimal"] = Field(
        "as_is", description="How delivery receipts write message ids: as_is, hex or decimal"
    )
    smpp_options: str = Field(
        "", description="JSON object of more options of the SMPP provider; see docs/smpp.md"
    )
    smtp_host: str = Field("", description="Host that takes mails; empty: mails wait in a queue")
    smtp_port: Port = Field(587, description="TCP port of the mail server")
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="How the connection to the mail server is encrypted"
    )
    smtp_username: str = Field("", description="User name at the mail server; empty: none")
    smtp_password: SecretStr = Field(SecretStr(""), description="Password at the mail server")
    mail_from: str = Field(
        "SMS & Voice Platform <no-reply@localhost>", description="Sender of mails"
    )
    mail_to_log: bool = Field(
        False, description="Print mails, links and all, to the log while smtp_host is empty"
    )
    ledger_hash_chain: bool = Field(
        False, description="Chain the journals of the ledger by SHA-256; costs some throughput"
    )
    master_key: SecretStr = Field(
        SecretStr(""), description="Fernet key of secrets at rest; empty: var/secrets.json"
    )
    ami_calls_secret: SecretStr = Field(
        SecretStr(""), description="Password of AMI user `calls`; empty: var/secrets.json"
    )
    ami_provisioning_secret: SecretStr = Field(
        SecretStr(""), description="Password of AMI user `provisioning`; empty: var/secrets.json"
    )
    asterisk_root: Path | None = Field(
        None, description="Root file system with Asterisk ≥ 22.2 to use instead of the cached one"
    )

    @field_validator(
        "var_dir", "cache_dir", "tls_cert", "tls_key", "asterisk_root", "recordings_dir"
    )
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return value.expanduser().absolute() if value else None

    @field_validator("bind_host")
    @classmethod
    def _address(cls, value: str) -> str:
        return "127.0.0.1" if value == "localhost" else str(ip_address(value.strip("[]")))

    @field_validator("sandbox_host")
    @classmethod
    def _host(cls, value: str) -> str:
        return value.strip().rstrip(".").lower()

    @field_validator("webhook_allow_cidrs", "trusted_proxies", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return [part.strip() for part in value.split(",") if part.strip()]

    @field_validator("sms_prefix_per_second", mode="before")
    @classmethod
    def _paces(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        pairs = [part.partition("=") for part in value.split(",") if part.strip()]
        return {prefix.strip(): pace.strip() for prefix, _, pace in pairs}

    @field_validator("database_url")
    @classmethod
    def _database(cls, value: str) -> str:
        if value and not value.startswith(("postgresql://", "postgres://", "sqlite:///")):
            raise ValueError("the URL must start with postgresql:// or sqlite:///")
        return value

    @field_validator("rtp_range")
    @classmethod
    def _range(cls, value: str) -> str:
        first, _, last = value.partition("-")
        if not (first.isdigit() and last.isdigit() and 1024 <= int(first) < int(last) <= 65535):
            raise ValueError("write it as FIRST-LAST, for example 10000-10199")
        return value

    @cached_property
    def on_loopback(self) -> bool:
        """True where nothing outside this machine can reach the platform."""
        return ip_address(self.bind_host).is_loopback

    @cached_property
    def api_url(self) -> str:
        """Base URL of the API without a trailing slash."""
        return self.public_url.rstrip("/") or f"http://{self.local_host}:{self.http_port}"

    @cached_property
    def metrics_url(self) -> str:
        """Where /metrics is; empty where it is not."""
        place = f"http://{self.metrics_host}:{self.metrics_port}/metrics"
        return place if self.metrics_port else ""

    @cached_property
    def local_host(self) -> str:
        """How programs on this machine reach the platform; IPv6 in brackets."""
        address = ip_address(self.bind_host)
        if address.is_unspecified:
            return "127.0.0.1"
        return f"[{address}]" if address.version == 6 else str(address)

    @cached_property
    def sip_host(self) -> str:
        """The host that phones register at: the one of `public_url`, else `local_host`."""
        host = urlsplit(self.public_url).hostname or ""
        return f"[{host}]" if ":" in host else host or self.local_host

    @cached_property
    def self_signed_cert(self) -> Path:
        """Where the certificate is made that stands in for `tls_cert`."""
        return self.var_dir / "tls/tls.crt"

    @cached_property
    def cdr_file(self) -> Path:
        """Where the PBX writes its call detail records, one JSON object per line."""
        return self.var_dir / "asterisk/log/cdr-custom/cdr.jsonl"

    @cached_property
    def recording_spool(self) -> Path:
        """Where the PBX writes the audio of calls while they last."""
        return self.var_dir / "asterisk/spool/monitor"

    @cached_property
    def recordings_folder(self) -> Path:
        """Where recordings are kept, if not in a bucket."""
        return self.recordings_dir or self.var_dir / "recordings"

    @cached_property
    def db_url(self) -> str:
        """`database_url`, or the SQLite file in the var folder."""
        return self.database_url or f"sqlite:///{self.var_dir / 'sms-voip.db'}"
