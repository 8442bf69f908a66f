"""The `sms-voip` command."""

import os
import sys
from collections.abc import Iterable

import typer

from api.commands.late import late
from api.commands.options import console

COMMANDS = {
    "up": "api.commands.up:up",
    "serve": "api.commands.application:serve",
    "demo": "api.commands.demo:demo",
    "doctor": "api.commands.doctor:doctor",
    "asterisk": "api.commands.asterisk:asterisk",
    "migrate": "api.commands.prepare:migrate",
    "init": "api.commands.prepare:init",
    "openapi": "api.commands.application:openapi",
    "listen": "api.commands.listen:listen",
    "request": "api.commands.request:show_request",
    "account": "api.commands.account:account",
    "user": "api.commands.user:user",
    "key": "api.commands.key:key",
    "tariff": "api.commands.tariff:tariff",
    "ledger": "api.commands.ledger:ledger",
    "provider": "api.commands.sms:provider",
    "sms-route": "api.commands.sms:sms_route",
    "sender": "api.commands.sms:sender",
    "trunk": "api.commands.trunk:trunk",
    "route": "api.commands.trunk:route",
    "number": "api.commands.number:number",
    "cdr": "api.commands.cdr:cdr",
    "status": "api.commands.status:status",
    "outgoing": "api.commands.outgoing:outgoing",
    "audit": "api.commands.audit:audit",
}
"""Where each is. Together they import all there is, which takes seconds: only what was asked for
is imported."""
FAILURES = {
    "telephony.pbx.errors:PbxError",
    "db.database:DatabaseError",
    "api.commands.up:PortInUseError",
    "api.commands.running:AlreadyRunningError",
    "api.commands.tour:StepFailed",
    "api.rate_limit:StoreMissingError",
    "sqlalchemy.exc:SQLAlchemyError",
    "builtins:OSError",
}
"""What a person can mend; the message says how."""


def commands(names: Iterable[str] = COMMANDS) -> typer.Typer:
    """`sms-voip` with these commands."""
    cli = typer.Typer(no_args_is_help=True, add_completion=False)
    cli.callback()(platform)
    for name in names:
        module, _, attribute = COMMANDS[name].partition(":")
        found = getattr(late(module), attribute)
        if isinstance(found, typer.Typer):
            cli.add_typer(found, name=name)
        else:
            cli.command(name)(found)
    return cli


def platform() -> None:
    """A self-hosted SMS and voice platform."""


def mendable(error: BaseException) -> bool:
    """Whether it is one of `FAILURES`, none of which has to be imported for that."""
    kinds = {f"{kind.__module__}:{kind.__qualname__}" for kind in type(error).__mro__}
    return bool(kinds & FAILURES)


def main() -> None:
    """Run the command; an error that a person can mend is a sentence, not a traceback."""
    os.umask(0o077)  # messages, numbers and logs are for the platform's own user
    asked = [name for name in sys.argv[1:2] if name in COMMANDS]
    try:
        commands(asked or COMMANDS)()
    except Exception as error:
        if not mendable(error):
            raise
        said = str(getattr(error, "orig", None) or error)  # without SQLAlchemy's own remarks
        console.print(said, style="red", markup=False, highlight=False, soft_wrap=True)
        raise SystemExit(1) from error


if __name__ == "__main__":
    main()
