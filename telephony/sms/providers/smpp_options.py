"""What an operator may set of an SMPP provider."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from telephony.settings import Port, Settings

IdBaseName = Literal["as_is", "hex", "decimal"]


class SmppOptions(BaseModel):
    """One SMSC; the settings `SMS_VOIP_SMPP_*` are those of the provider named `smpp`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: Annotated[str, Field(min_length=1)]
    port: Port = 2775
    system_id: str = ""
    password: SecretStr = SecretStr("")
    system_type: Annotated[str, Field(max_length=12)] = ""
    window: Annotated[int, Field(ge=1, le=10_000)] = 50
    response_seconds: Annotated[float, Field(gt=0)] = 30
    enquire_link_seconds: Annotated[float, Field(gt=0)] = 30
    response_id_base: IdBaseName = "as_is"
    receipt_id_base: IdBaseName = "as_is"


def from_settings(settings: Settings) -> dict[str, object]:
    """The options that the settings name; ValueError without a host."""
    if not settings.smpp_host:
        raise ValueError("SMS_VOIP_SMPP_HOST is empty: name the SMSC that live SMS go to")
    names = SmppOptions.model_fields
    return {name: getattr(settings, f"smpp_{name}") for name in names}
