"""The manager actions that let Asterisk see changes of carriers, which it does not by itself."""

from dataclasses import dataclass

from telephony.voice.ami.actions import ListAction, SingleAction
from telephony.voice.ami.values import Headers


@dataclass(frozen=True)
class ReadIdentifiesAnew(SingleAction):
    """Let Asterisk read the addresses by which it knows carriers once more; it keeps a copy."""

    name = "SorceryMemoryCachePopulate"

    def _headers(self) -> Headers:
        return {"Cache": "identify"}


@dataclass(frozen=True)
class ReloadRegistrations(SingleAction):
    """Read the outbound registrations anew; no phone and no call notices."""

    name = "Reload"

    def _headers(self) -> Headers:
        return {"Module": "res_pjsip_outbound_registration.so"}


@dataclass(frozen=True)
class PJSIPShowRegistrationsOutbound(ListAction):
    """How we are registered at carriers: `objectname` as AstDB has it, `status` (Registered,
    Unregistered, Rejected, Stopped), `nextreg` until the next try, in seconds; and the events of
    their secrets among these."""

    name = "PJSIPShowRegistrationsOutbound"
    nothing = ("No OutboundRegistrations found", "Unable to retrieve registrations")
