"""The `sms-voip` command."""

import asyncio
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.console import Console

from api.commands.demo import demo as play_demo
from api.commands.doctor import examine
from api.commands.serve import serve as serve_here
from api.commands.tour import StepFailed
from api.commands.up import PortInUseError, Up
from db.database import DatabaseError
from db.migrate import upgrade
from telephony.pbx.errors import PbxError
from telephony.settings import Settings

cli = typer.Typer(
    help="A self-hosted SMS and voice platform.", no_args_is_help=True, add_completion=False
)
console = Console()


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
    serve_here(settings(), api=api, workers=workers)


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
def migrate() -> None:
    """Bring the database to the newest schema."""
    upgrade(settings().db_url)


def settings() -> Settings:
    """From the environment; a wrong one is named with its help line and ends the command."""
    try:
        return Settings()
    except ValidationError as error:
        for finding in error.errors():
            name = str(finding["loc"][0])
            field = Settings.model_fields.get(name)
            console.print(f"SMS_VOIP_{name.upper()}: {finding['msg']}", style="red", markup=False)
            console.print(f"  {field.description if field else ''}", markup=False)
        raise SystemExit(2) from error


def main() -> None:
    """Run the command; an error that a person can mend is a sentence, not a traceback."""
    try:
        cli()
    except (PbxError, DatabaseError, PortInUseError, StepFailed, TimeoutError) as error:
        console.print(str(error), style="red", markup=False, highlight=False)
        raise SystemExit(1) from error


if __name__ == "__main__":
    main()
