"""The installation's own secrets: made once, kept in a file that only its owner can read."""

import hmac
import json
import os
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from telephony.settings import Settings

FILE = "secrets.json"
SEALED = "v2."
"""What sealed text begins with; a token of Fernet, which costs five times as much, never does."""
NONCE_BYTES = 12


@dataclass(frozen=True)
class Secrets:
    """`master_key` is a Fernet key; the AMI passwords are printable ASCII."""

    master_key: str
    ami_calls: str
    ami_provisioning: str

    def __repr__(self) -> str:
        return "Secrets(…)"


def load(settings: Settings) -> Secrets:
    """Secrets from the settings, the rest from `var/secrets.json`, made on first use (0600)."""
    path = settings.var_dir / FILE
    kept = json.loads(path.read_text()) if path.exists() else _make(path)
    return Secrets(
        master_key=settings.master_key.get_secret_value() or kept["master_key"],
        ami_calls=settings.ami_calls_secret.get_secret_value() or kept["ami_calls"],
        ami_provisioning=settings.ami_provisioning_secret.get_secret_value()
        or kept["ami_provisioning"],
    )


def _make(path: Path) -> dict[str, str]:
    made = {
        "master_key": Fernet.generate_key().decode(),
        "ami_calls": secrets.token_urlsafe(32),
        "ami_provisioning": secrets.token_urlsafe(32),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):  # of two processes that start together, the first one's count
        write_private(path, json.dumps(made, indent=2), replace=False)
    return dict(json.loads(path.read_text()))


def write_private(path: Path, text: str, replace: bool = True) -> None:
    """Replace a file by one of mode 600 in one step: a reader sees the old or the new text.
    Without `replace`, FileExistsError where there is one."""
    half = path.with_name(f"{path.name}.{os.getpid()}.new")
    half.unlink(missing_ok=True)
    with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    if replace:
        half.replace(path)
        return
    try:
        os.link(half, path)
    finally:
        half.unlink()


class Vault:
    """Seals what must be readable again, and fingerprints what must only be compared."""

    def __init__(self, master_key: str) -> None:
        self._fernet = Fernet(master_key.encode())
        self._key = master_key.encode()
        self._cipher = AESGCM(self.subkey("seal"))
        self._mac = hmac.new(self._key, digestmod="sha256")

    def seal(self, text: str) -> str:
        """Encrypted and authenticated (AES-256-GCM), as printable text."""
        return SEALED + urlsafe_b64encode(self.seal_bytes(text.encode())).decode()

    def open(self, sealed: str) -> str:
        """What `seal` was given; raises InvalidToken if the master key is another one."""
        if not sealed.startswith(SEALED):
            return self._fernet.decrypt(sealed.encode()).decode()  # as earlier releases sealed
        try:
            return self.open_bytes(urlsafe_b64decode(sealed.removeprefix(SEALED))).decode()
        except ValueError as error:
            raise InvalidToken from error

    def seal_bytes(self, data: bytes) -> bytes:
        """The same for what is no text, such as a file."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, data, None)

    def open_bytes(self, sealed: bytes) -> bytes:
        """What `seal_bytes` was given; raises InvalidToken."""
        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], None)
        except (ValueError, InvalidTag) as error:
            raise InvalidToken from error

    def fingerprint(self, data: bytes) -> str:
        """Keyed hash in hex: equal for equal data, of no use to someone who has only the hash."""
        mac = self._mac.copy()  # hmac.digest would let go of Python's lock, and wait for it again
        mac.update(data)
        return mac.hexdigest()

    def subkey(self, purpose: str) -> bytes:
        """A key of its own for one purpose: what it signs says nothing of the master key."""
        return hmac.digest(self._key, f"subkey: {purpose}".encode(), "sha256")
