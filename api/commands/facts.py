"""What a newcomer needs once everything runs: on the terminal and in `var/ready.json`."""

from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.markup import escape

from telephony.secrets import Secrets
from telephony.seed import ADMIN, Credentials
from telephony.settings import Settings


@dataclass(frozen=True)
class Facts:
    """Where the installation is and how to get in. `phones` maps a SIP username to its secret,
    None where it was changed since the demo account was made."""

    settings: Settings
    secrets: Secrets
    demo: Credentials
    phones: dict[str, str | None]
    pids: dict[str, int | None] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """The content of `ready.json`."""
        settings = self.settings
        server = f"{settings.local_host}:{settings.sip_port}"
        return {
            "api_url": settings.api_url,
            "metrics_url": settings.metrics_url,
            "test_key": self.demo.test_key,
            "live_key": self.demo.live_key,
            "webhook_secret": self.demo.webhook_secret,
            "admin": {"email": ADMIN, "password": self.demo.admin_password},
            "sip": [
                {"username": name, "password": secret, "server": server, "realm": settings.realm}
                for name, secret in self.phones.items()
            ],
            "tls": {
                "server": f"{settings.local_host}:{settings.sips_port}",
                "websocket": f"wss://{settings.local_host}:{settings.wss_port}/ws",
                "self_signed": settings.tls_cert is None,
                "certificate": str(settings.tls_cert or settings.self_signed_cert),
            },
            "ami": {
                "host": settings.ami_host,
                "port": settings.ami_port,
                "calls": self.secrets.ami_calls,
                "provisioning": self.secrets.ami_provisioning,
            },
            "pids": self.pids,
        }


def show(console: Console, document: dict[str, Any]) -> None:
    """Print the facts, and three commands that work when pasted."""
    url, key = document["api_url"], document["test_key"]
    console.print()
    console.print(f"  [bold]API[/]        {url}/api/v1")
    console.print(f"  [bold]test key[/]   {key}")
    console.print(f"  [bold]live key[/]   {document['live_key']}")
    for phone in document["sip"]:
        secret = phone["password"] or "(changed; set a new one with POST /voip/password)"
        line = f"{phone['username']}  secret {secret}  server {phone['server']}"
        console.print(f"  [bold]phone[/]      {escape(line)}", soft_wrap=True)
    tls = document["tls"]
    whose = f"self-signed, {tls['certificate']}" if tls["self_signed"] else tls["certificate"]
    line = f"server {tls['server']}  browsers {tls['websocket']}  ({whose})"
    console.print(f"  [bold]TLS[/]        {escape(line)}", soft_wrap=True)
    console.print(f"  [bold]metrics[/]    {document['metrics_url'] or 'off'}")
    console.print(f"  [bold]pages[/]      {url}/sign-in")
    admin = document["admin"]
    console.print(f"  [bold]admin[/]      {admin['email']}  password {escape(admin['password'])}")
    console.print("\n  Try it:\n")
    for command in curls(url, key):
        console.print(escape(command), soft_wrap=True, highlight=False)
        console.print()


def curls(url: str, key: str) -> list[str]:
    """A message, a call, and the call log, in test mode."""
    authorization = f'-H "Authorization: Bearer {key}"'
    json_type = '-H "Content-Type: application/json"'
    message = '{"to": "+15551234567", "text": "Hi!"}'
    call = '{"to": "+15559870007", "from": "+15550111222", "caller_id": "+15550111222"}'
    return [
        f"curl -X POST {url}/api/v1/sms/send {authorization} {json_type} -d '{message}'",
        f"curl -X POST {url}/api/v1/voice/call {authorization} {json_type} -d '{call}'",
        f'curl "{url}/api/v1/voip/logs?limit=10&search=+1555" {authorization}',
    ]
