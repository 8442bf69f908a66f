"""FastAGI: Asterisk asks over TCP what a phone may do, before it dials."""

from telephony.voice.fastagi.server import AgiCounters, AgiLimits, FastAgiServer, Handler
from telephony.voice.fastagi.wire import AgiError, AgiHeaderError, AgiRequest, AgiVerdict

__all__ = [
    "AgiCounters",
    "AgiError",
    "AgiHeaderError",
    "AgiLimits",
    "AgiRequest",
    "AgiVerdict",
    "FastAgiServer",
    "Handler",
]
