"""Masks in place of secrets that stand among plain options, and what stands behind each of them."""

import re
from collections.abc import Collection, Mapping

from pydantic import SecretStr

MASK = str(SecretStr("x"))
"""What stands for a secret where options are shown."""
_TELLING = re.compile(r"key|token|secret|pass|pwd|credential|auth", re.IGNORECASE)
_PLACE = re.compile(r"\{[a-z_]+\}")
_PARAMETER = re.compile(r"(?<=[?&])([^=&#]+)=([^&#]+)")


def is_secret(name: str, marked: Collection[str]) -> bool:
    """Whether the name of a field says so, or somebody did."""
    return name in marked or _TELLING.search(name) is not None


def masked(value: object, marked: Collection[str], secret: bool = False) -> object:
    """A JSON value in which fields with such names are masked, but for those that have a place
    such as {text} alone."""
    if isinstance(value, Mapping):
        return {name: masked(one, marked, secret or is_secret(name, marked))
                for name, one in value.items()}  # fmt: skip
    if isinstance(value, list):
        return [masked(one, marked, secret) for one in value]
    plain = isinstance(value, str) and (not value or _PLACE.fullmatch(value))
    return value if not secret or plain or value is None else MASK


def masked_url(url: str, marked: Collection[str]) -> str:
    """The same for parameters of an address."""
    return _PARAMETER.sub(
        lambda one: f"{one[1]}={MASK}"
        if is_secret(one[1], marked) and not _PLACE.fullmatch(one[2]) else one[0], url,
    )  # fmt: skip


def unmasked(value: object, before: object) -> object:
    """What stood there before in place of each mask; a mask stays where nothing did."""
    if value == MASK:
        return MASK if before is None or isinstance(before, Mapping | list) else before
    if isinstance(value, Mapping):
        known = before if isinstance(before, Mapping) else {}
        return {name: unmasked(one, known.get(name)) for name, one in value.items()}
    if isinstance(value, list):
        old = before if isinstance(before, list) else []
        return [unmasked(one, old[at] if at < len(old) else None) for at, one in enumerate(value)]
    if isinstance(value, str) and isinstance(before, str) and MASK in value:
        told = dict(_PARAMETER.findall(before))
        return _PARAMETER.sub(lambda one: f"{one[1]}={told.get(one[1], MASK)}"
                              if one[2] == MASK else one[0], value)  # fmt: skip
    return value


def has_mask(value: object) -> bool:
    """Whether a mask is left, for which nothing is known."""
    if isinstance(value, Mapping):
        return any(map(has_mask, value.values()))
    if isinstance(value, list):
        return any(map(has_mask, value))
    return isinstance(value, str) and MASK in value
