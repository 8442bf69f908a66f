"""Finds providers by name among the installed packages."""

from importlib.metadata import entry_points

from telephony.settings import Settings
from telephony.sms.providers.base import Provider

GROUP = "sms_voip.sms_providers"


def names() -> list[str]:
    """Names of all installed providers, sorted."""
    return sorted({entry.name for entry in entry_points(group=GROUP)})


def load(name: str, settings: Settings) -> Provider:
    """The provider of that name, built but not started; LookupError names those there are."""
    for entry in entry_points(group=GROUP, name=name):
        provider_class: type[Provider] = entry.load()
        return provider_class.from_settings(settings)
    raise LookupError(f"no SMS provider {name!r}; installed: {', '.join(names())}")
