"""The `sms-voip` command."""

import asyncio
import json
import os
from importlib import import_module
from typing import Annotated

import typer
from sqlalchemy.exc import SQLAlchemyError

from api.commands.account import account
from api.commands.asterisk import run_asterisk
from api.commands.audit import audit
from api.commands.cdr import cdr
from api.commands.demo import demo as play_demo
from api.commands.doctor import examine
from api.commands.key import key
from api.commands.ledger import ledger
from api.commands.listen import listen
from api.commands.number import number
from api.commands.options import console, settings
from api.commands.outgoing import outgoing
from api.commands.prepare import prepare
from api.commands.ready import Facts, show
from api.commands.recording import set_recording
from api.commands.request import show_request
from api.commands.running import AlreadyRunningError
from api.commands.sms import list_replies, provider, sender, set_messages, set_reply, sms_route
from api.commands.status import status
from api.commands.tariff import tariff
from api.commands.tour import StepFailed
from api.commands.trunk import route, trunk
from api.commands.up import PortInUseError, Up
from api.commands.user import user
from api.rate_limit import StoreMissingError
from db.database import DatabaseError
from db.migrate import upgrade
from telephony.pbx.errors import PbxError
from telephony.secrets import load
from telephony.seed import credentials

APP, DOCUMENT, SERVE = "api.app", "api.docs.annotated", "api.commands.serve"
"""The application takes seconds to import, so that only the commands do it that need it: `up`
starts another process, which does it once more."""

cli = typer.Typer(
    help="A self-hosted SMS and voice platform.", no_args_is_help=True, add_completion=False
)
cli.add_typer(tariff, name="tariff")
account.command("recording")(set_recording)
account.command("sms")(set_messages)
account.command("reply")(set_reply)
account.command("replies")(list_replies)
cli.command("listen")(listen)
cli.add_typer(account, name="account")
cli.add_typer(key, name="key")
cli.add_typer(ledger, name="ledger")
cli.add_typer(audit, name="audit")
cli.add_typer(provider, name="provider")
cli.add_typer(sms_route, name="sms-route")
cli.add_typer(sender, name="sender")
cli.add_typer(trunk, name="trunk")
cli.add_typer(route, name="route")
cli.add_typer(number, name="number")
cli.add_typer(cdr, name="cdr")
cli.add_typer(status, name="status")
cli.add_typer(user, name="user")
cli.add_typer(outgoing, name="outgoing")
cli.command("request")(show_request)
FAILURES = (
    PbxError, DatabaseError, PortInUseError, AlreadyRunningError, StepFailed, SQLAlchemyError,
    StoreMissingError, OSError,
)  # fmt: skip
"""What a person can mend; the message says how."""


@cli.command()
def up() -> None:
    """Run everything here in the foreground, with a demo account; Ctrl-C stops it."""
    asyncio.run(Up(settings(), console).run())


@cli.command()
def serve(
    api: Annotated[bool, typer.Option(help="The HTTP API.")] = True,
    workers: Annotated[bool, typer.Option(help="Calls, messages, webhooks.")] = True,
) -> None:
    """Run API and workers in this process, beside an Asterisk that runs already."""
    import_module(SERVE).serve(settings(), api=api, workers=workers)


@cli.command()
def demo() -> None:
    """Play the whole main job with two softphones; exit status 1 if a step fails."""
    if not play_demo(settings(), console):
        raise SystemExit(1)


@cli.command()
def doctor() -> None:
    """Check settings, ports, database, Asterisk, disk and clock; say what to do."""
    if not asyncio.run(examine(settings(), console)):
        raise SystemExit(1)


@cli.command()
def asterisk() -> None:
    """Run Asterisk alone; the other parts run elsewhere."""
    asyncio.run(run_asterisk(settings(), console))


@cli.command()
def migrate() -> None:
    """Bring the database to the newest schema."""
    upgrade(settings().db_url)


@cli.command()
def init() -> None:
    """Migrate, seed a new database with a demo account, and print how to get in."""
    used = settings()
    secrets, demo_account = load(used), credentials(used.var_dir)
    phones = asyncio.run(prepare(used, secrets, demo_account))
    show(console, Facts(used, secrets, demo_account, phones, {}).document())


@cli.command()
def openapi() -> None:
    """Print the OpenAPI document."""
    endpoints = import_module(APP).ENDPOINTS
    found = import_module(DOCUMENT).document(endpoints, settings().api_url)
    print(json.dumps(found, indent=2))


def main() -> None:
    """Run the command; an error that a person can mend is a sentence, not a traceback."""
    os.umask(0o077)  # messages, numbers and logs are for the platform's own user
    try:
        cli()
    except FAILURES as error:
        said = str(getattr(error, "orig", None) or error)  # without SQLAlchemy's own remarks
        console.print(said, style="red", markup=False, highlight=False, soft_wrap=True)
        raise SystemExit(1) from error


if __name__ == "__main__":
    main()
