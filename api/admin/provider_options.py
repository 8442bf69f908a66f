"""The options of a kind of SMS provider as inputs of a form, from what the kind itself declares; so
that kinds of other packages have forms as well."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from telephony.sms.providers.masks import MASK
from telephony.sms.providers.registry import kind_of, kinds
from telephony.users.problems import bad

PREFIX = "options."
"""Of the names of the inputs, as errors have them."""
ACRONYMS = frozenset({"id", "ip", "npi", "smsc", "tls", "tlv", "ton", "udh", "url"})


@dataclass(frozen=True)
class Option:
    """One input: `look` is text, number, secret, choice or json; `usual` is what an empty one
    stands for."""

    name: str
    label: str
    look: str
    value: str
    choices: tuple[str, ...]
    required: bool
    usual: str


def options_of(kind: str, shown: Mapping[str, object]) -> list[Option]:
    """Every option, those that are needed first; `shown` is what is set of them. LookupError."""
    schema = kind_of(kind).options.model_json_schema()
    needed = schema.get("required", [])
    found = [
        Option(
            name, _label(name), _look(one), _written(shown.get(name)), _choices(one),
            name in needed, _written(one.get("default")),
        )
        for name, one in _properties(schema).items()
    ]  # fmt: skip
    return sorted(found, key=lambda one: (not one.required, one.look != "secret"))


def given_options(
    kind: str, fields: Mapping[str, str], known: Mapping[str, object]
) -> dict[str, object]:
    """What a form says: nothing of inputs that are empty, but for secrets that are `known`, which
    stay. LookupError; ValidationFailedError where a JSON value is none."""
    properties = _properties(kind_of(kind).options.model_json_schema())
    found: dict[str, object] = {}
    for name, text in fields.items():
        one = properties.get(name, {})
        if text.strip():
            found[name] = _read(name, one, text.strip())
        elif _look(one) == "secret" and name in known:
            found[name] = MASK
    return found


def secret_inputs() -> set[str]:
    """The inputs of what is secret or may have a secret in it, of whatever kind."""
    schemas = [kind_of(kind).options.model_json_schema() for kind in kinds()]
    return {f"{PREFIX}{name}" for schema in schemas for name, one in _properties(schema).items()
            if _look(one) in ("secret", "json") or name.endswith("url")}  # fmt: skip


def _properties(schema: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Each with what it refers to, and without a null beside its type."""
    return {name: _plain(one, schema.get("$defs", {})) for name, one in
            schema.get("properties", {}).items()}  # fmt: skip


def _plain(one: dict[str, Any], shared: Mapping[str, Any]) -> dict[str, Any]:
    kinds = [kind for kind in one.get("anyOf", ()) if kind.get("type") != "null"]
    if len(kinds) == 1:
        one = {**kinds[0], **one}
    if "$ref" in one:
        return {**shared[one["$ref"].rpartition("/")[2]], **one}
    return one


def _label(name: str) -> str:
    """`system_id` → `System ID`, `tls` → `TLS`."""
    first, *others = (word.upper() if word in ACRONYMS else word for word in name.split("_"))
    return " ".join((first[:1].upper() + first[1:], *others))


def _look(one: Mapping[str, Any]) -> str:
    if one.get("format") == "password":
        return "secret"
    if "enum" in one or one.get("type") == "boolean":
        return "choice"
    if one.get("type") in ("integer", "number"):
        return "number"
    return "text" if one.get("type", "string") == "string" else "json"


def _choices(one: Mapping[str, Any]) -> tuple[str, ...]:
    if one.get("type") == "boolean":
        return "true", "false"
    return tuple(map(str, one.get("enum", ())))


def _written(value: object) -> str:
    if value is None or value == MASK:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def _read(name: str, one: Mapping[str, Any], text: str) -> object:
    look = _look(one)
    if look not in ("json", "number") and one.get("type") != "boolean":
        return text
    try:
        return json.loads(text)
    except ValueError as error:
        message = f"This is no {'number' if look == 'number' else 'JSON'}: {text[:20]}"
        raise bad(f"{PREFIX}{name}", "invalid", message) from error
