"""Commands that need the whole application."""

import json
from typing import Annotated

import typer

from api.app import ENDPOINTS
from api.commands import serve as process
from api.commands.options import settings
from api.docs.annotated import document


def serve(
    api: Annotated[bool, typer.Option(help="The HTTP API.")] = True,
    workers: Annotated[bool, typer.Option(help="Calls, messages, webhooks.")] = True,
) -> None:
    """Run API and workers in this process, beside an Asterisk that runs already."""
    process.serve(settings(), api=api, workers=workers)


def openapi() -> None:
    """Print the OpenAPI document."""
    print(json.dumps(document(ENDPOINTS, settings().api_url), indent=2))
