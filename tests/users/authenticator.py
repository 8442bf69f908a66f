"""An authenticator in software: one P-256 key, told to the platform as a browser would."""

import hashlib
import json
import os
import struct

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


class Authenticator:
    """`origin` is the page that asks; `flags` what the device claims of its user."""

    def __init__(self, origin: str, flags: int = PRESENT | VERIFIED) -> None:
        self.origin = origin
        self.flags = flags
        self.count = 0
        self.id = os.urandom(20)
        self._key = ec.generate_private_key(ec.SECP256R1())

    def create(self, options: str) -> str:
        """What `navigator.credentials.create` answers."""
        asked = json.loads(options)
        client = self._client("webauthn.create", asked["challenge"])
        host = asked["rp"]["id"]
        attested = bytes(16) + struct.pack(">H", len(self.id)) + self.id + self._public()
        data = self._data(host, self.flags | ATTESTED) + attested
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        return self._answer(client, attestationObject=bytes_to_base64url(attestation))

    def get(self, options: str) -> str:
        """What `navigator.credentials.get` answers; the counter goes up."""
        asked = json.loads(options)
        client = self._client("webauthn.get", asked["challenge"])
        self.count += 1
        data = self._data(asked["rpId"], self.flags)
        signed = data + hashlib.sha256(client).digest()
        signature = self._key.sign(signed, ec.ECDSA(hashes.SHA256()))
        return self._answer(
            client, authenticatorData=bytes_to_base64url(data),
            signature=bytes_to_base64url(signature), userHandle=None,
        )  # fmt: skip

    def _data(self, host: str, flags: int) -> bytes:
        return hashlib.sha256(host.encode()).digest() + struct.pack(">BI", flags, self.count)

    def _client(self, kind: str, challenge: str) -> bytes:
        assert len(base64url_to_bytes(challenge)) >= 16
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin}).encode()

    def _public(self) -> bytes:
        numbers = self._key.public_key().public_numbers()
        x, y = (number.to_bytes(32, "big") for number in (numbers.x, numbers.y))
        return bytes(cbor2.dumps({1: 2, 3: -7, -1: 1, -2: x, -3: y}))

    def _answer(self, client: bytes, **response: str | None) -> str:
        name = bytes_to_base64url(self.id)
        told = {"clientDataJSON": bytes_to_base64url(client), **response}
        return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": told,
                           "clientExtensionResults": {}})  # fmt: skip
