"""The manager actions that the platform sends, typed; there is no way to send another one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from telephony.voice.ami.values import (
    Headers,
    assignments,
    caller,
    channel_id,
    check_headers,
    dialled_channel,
    exact_channel,
    plain_name,
    required,
    variable_name,
)


@dataclass(frozen=True)
class Action:
    """Base of all; its ActionID is `action_id`, or else one that the link makes up."""

    name: ClassVar[str]
    action_id: str = field(default="", kw_only=True)

    def headers(self) -> Headers:
        """The headers besides Action and ActionID; raises `AmiValueError`."""
        return check_headers(self._headers())

    def given_id(self) -> str:
        """The ActionID that the caller chose, or an empty string."""
        return self.action_id

    def _headers(self) -> Headers:
        return {}


@dataclass(frozen=True)
class SingleAction(Action):
    """An action that Asterisk answers with one `Response`."""


@dataclass(frozen=True)
class ListAction(Action):
    """An action that Asterisk answers with events up to one whose name ends in `Complete`."""

    nothing: ClassVar[tuple[str, ...]] = ()
    """Error messages by which Asterisk says that the list is empty."""


@dataclass(frozen=True)
class Login(SingleAction):
    """Name and secret of a manager user; sent by the link itself, once per connection."""

    name = "Login"
    username: str
    secret: str = field(repr=False)

    def _headers(self) -> Headers:
        return {"Username": self.username, "Secret": self.secret, "Events": "on"}


@dataclass(frozen=True)
class Originate(SingleAction):
    """Ring `channel`, then send it to the dialplan; `channel_id` becomes its Uniqueid.

    The ActionID is `action_id`, or else `channel_id`, and comes back in `OriginateResponse`.
    Always asynchronous: without that header one slow call blocks the link for all others.
    """

    name = "Originate"
    channel: str
    context: str
    exten: str
    priority: int
    channel_id: str
    caller_id: str = ""
    timeout_ms: int = 30_000
    account: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    caller_name: str = ""

    def given_id(self) -> str:
        """`action_id` or `channel_id`: two attempts under one ActionID cannot be told apart."""
        return self.action_id or self.channel_id

    def _headers(self) -> Headers:
        headers: dict[str, str | list[str]] = {
            "Channel": dialled_channel(self.channel),
            "Context": required("Context", self.context),
            "Exten": required("Exten", self.exten),
            "Priority": str(self.priority),
            "ChannelId": channel_id(self.channel_id),
            "Timeout": str(self.timeout_ms),
            "Async": "true",
            "Variable": assignments(self.variables),
        }
        if self.caller_id or self.caller_name:
            headers["CallerID"] = caller(self.caller_name, self.caller_id)
        if self.account:
            headers["Account"] = self.account
        return headers


@dataclass(frozen=True)
class Hangup(SingleAction):
    """End one channel, by its name or its Uniqueid, with a Q.850 cause."""

    name = "Hangup"
    channel: str
    cause: int = 16

    def _headers(self) -> Headers:
        return {"Channel": exact_channel(self.channel), "Cause": str(self.cause)}


@dataclass(frozen=True)
class SetVar(SingleAction):
    """Set a plain variable of one channel."""

    name = "Setvar"
    channel: str
    variable: str
    value: str

    def _headers(self) -> Headers:
        return {
            "Channel": exact_channel(self.channel),
            "Variable": variable_name(self.variable),
            "Value": self.value,
        }


@dataclass(frozen=True)
class AnsweredAt(SingleAction):
    """When the other side of a live call answered, in field `value`: epoch seconds with decimals,
    empty if it did not. The dialplan keeps it for the call's record."""

    name = "Getvar"
    channel: str

    def _headers(self) -> Headers:
        return {"Channel": exact_channel(self.channel), "Variable": "CDR(sv_answered)"}


@dataclass(frozen=True)
class DialContacts(SingleAction):
    """Where the phones of a SIP account are registered, in field `value`: `PJSIP/<name>/<URI>`,
    joined by `&`. Its cost does not grow with AstDB; that of PJSIPShowEndpoint does."""

    name = "Getvar"
    endpoint: str

    def _headers(self) -> Headers:
        return {"Variable": f"PJSIP_DIAL_CONTACTS({plain_name('Endpoint', self.endpoint)})"}


@dataclass(frozen=True)
class Redirect(SingleAction):
    """Send a live channel to another place in the dialplan."""

    name = "Redirect"
    channel: str
    context: str
    exten: str
    priority: int = 1

    def _headers(self) -> Headers:
        return {
            "Channel": exact_channel(self.channel),
            "Context": required("Context", self.context),
            "Exten": required("Exten", self.exten),
            "Priority": str(self.priority),
        }


@dataclass(frozen=True)
class AbsoluteTimeout(SingleAction):
    """Hang a channel up so many seconds from now, to the millisecond; replaces an earlier
    timeout, 0 removes it."""

    name = "AbsoluteTimeout"
    channel: str
    seconds: float

    def _headers(self) -> Headers:
        return {"Channel": exact_channel(self.channel), "Timeout": str(round(self.seconds, 3))}


@dataclass(frozen=True)
class DBPut(SingleAction):
    """Write one AstDB row; acknowledged before it is durable, up to a second later."""

    name = "DBPut"
    family: str
    key: str
    value: str

    def _headers(self) -> Headers:
        return {
            "Family": required("Family", self.family),
            "Key": required("Key", self.key),
            "Val": self.value,
        }


@dataclass(frozen=True)
class DBDel(SingleAction):
    """Delete one AstDB row; a row that is not there makes `AmiRefused`."""

    name = "DBDel"
    family: str
    key: str

    def _headers(self) -> Headers:
        return {"Family": required("Family", self.family), "Key": required("Key", self.key)}


@dataclass(frozen=True)
class DBGet(ListAction):
    """One AstDB row as a list of at most one event, its text in field `val`."""

    name = "DBGet"
    nothing = ("Database entry not found",)
    family: str
    key: str

    def _headers(self) -> Headers:
        return {"Family": required("Family", self.family), "Key": required("Key", self.key)}


@dataclass(frozen=True)
class DBGetTree(ListAction):
    """Every AstDB row of a family such as `ps/auth`: `key` is `/ps/auth/alice`, `val` its text.

    Without a family Asterisk would list the whole of AstDB, so it is required.
    """

    name = "DBGetTree"
    nothing = ("Database entry not found",)
    family: str

    def _headers(self) -> Headers:
        return {"Family": required("Family", self.family)}


@dataclass(frozen=True)
class CoreStatus(SingleAction):
    """When Asterisk started (`corestartupdate`, `corestartuptime`) and its live calls."""

    name = "CoreStatus"


@dataclass(frozen=True)
class CoreShowChannels(ListAction):
    """Every live channel."""

    name = "CoreShowChannels"


@dataclass(frozen=True)
class PJSIPShowEndpoint(ListAction):
    """How Asterisk reads one SIP account: details of endpoint, auth, aor and contacts."""

    name = "PJSIPShowEndpoint"
    endpoint: str

    def _headers(self) -> Headers:
        return {"Endpoint": required("Endpoint", self.endpoint)}


@dataclass(frozen=True)
class PJSIPShowContacts(ListAction):
    """Every phone that is registered."""

    name = "PJSIPShowContacts"
    nothing = ("No Contacts found",)


@dataclass(frozen=True)
class Ping(SingleAction):
    """A sign of life; the answer carries `timestamp`."""

    name = "Ping"
