"""The whole `sms-voip`, for typer's runner."""

from api.cli import commands

cli = commands()
