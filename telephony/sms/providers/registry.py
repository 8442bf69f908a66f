"""Finds kinds of providers by name among the installed packages."""

from collections.abc import Mapping
from importlib.metadata import entry_points

from telephony.settings import Settings
from telephony.sms.providers.base import Provider

GROUP = "sms_voip.sms_providers"


def kinds() -> list[str]:
    """Names of all installed kinds of providers, sorted."""
    return sorted({entry.name for entry in entry_points(group=GROUP)})


def kind_of(kind: str) -> type[Provider]:
    """The class of a kind; LookupError names those there are."""
    for entry in entry_points(group=GROUP, name=kind):
        found: type[Provider] = entry.load()
        return found
    raise LookupError(f"no kind of SMS provider {kind!r}; installed: {', '.join(kinds())}")


def build(kind: str, name: str, options: Mapping[str, object], settings: Settings) -> Provider:
    """A provider, built but not started; LookupError, or ValueError where an option is wrong."""
    return kind_of(kind).from_options(name, options, settings)
