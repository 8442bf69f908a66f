"""JSON schemas of the OpenAPI document as a reader wants them: rows of fields, and an example."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from api.docs.values import BY_NAME, BY_TYPE

Schema = Mapping[str, Any]
DEPTH_MAX = 4
LIMITS = {
    "minimum": "at least {}", "maximum": "at most {}", "minLength": "{} characters or more",
    "maxLength": "up to {} characters", "minItems": "{} items or more",
    "maxItems": "{} items at most",
}  # fmt: skip
TRIVIAL = {"minLength": 1, "minimum": 0, "minItems": 0}


@dataclass(frozen=True)
class FieldRow:
    """A line of a table of fields; those of objects inside it have a longer `name`."""

    name: str
    type: str
    required: bool
    text: str
    values: tuple[str, ...]
    default: str


class Schemas:
    """Reads schemas of one document, whose references it knows."""

    def __init__(self, components: Mapping[str, Schema]) -> None:
        self._components = components

    def plain(self, schema: Schema) -> Schema:
        """The schema behind a reference, without the `null` that may stand for a missing one."""
        if "$ref" in schema:
            found = self._components[schema["$ref"].rpartition("/")[2]]
            return self.plain({**found, **{k: v for k, v in schema.items() if k != "$ref"}})
        options = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
        if len(options) == 1:
            return self.plain({**self.plain(options[0]), **schema, "anyOf": ()})
        return schema

    def rows(self, schema: Schema, prefix: str = "", depth: int = 0) -> Iterator[FieldRow]:
        """The fields of an object, those of inner objects behind their own."""
        schema = self.plain(schema)
        required = schema.get("required", ())
        for name, given in schema.get("properties", {}).items():
            field = self.plain(given)
            yield FieldRow(
                prefix + name, self._type(given), name in required, _text(field),
                tuple(map(str, _enum(field))), _default(given),
            )  # fmt: skip
            inner = self.plain(field.get("items", field))
            if depth < DEPTH_MAX and "properties" in inner:
                yield from self.rows(inner, f"{prefix}{name}.", depth + 1)

    def example(self, schema: Schema, name: str = "") -> Any:
        """A value that the schema allows, as telling as it can be made."""
        nullable, schema = _nullable(schema), self.plain(schema)
        known = BY_NAME.get(name)
        if name in BY_NAME and (_allows(schema, known) or (nullable and known is None)):
            return known
        if schema.get("examples"):
            return schema["examples"][0]
        if nullable and "properties" not in schema:
            return None
        if _enum(schema):
            return _enum(schema)[0]
        if "properties" in schema:
            return {
                inner: self.example(given, inner) for inner, given in schema["properties"].items()
            }
        if schema.get("anyOf"):
            return self.example(schema["anyOf"][0], name)
        if schema.get("type") == "array":
            return [self.example(schema["items"])]
        return schema.get("default") or schema.get("minimum") or BY_TYPE[schema["type"]][1]

    def _type(self, given: Schema) -> str:
        schema = self.plain(given)
        if schema.get("anyOf"):
            return " or ".join(self._type(one) for one in schema["anyOf"])
        if schema.get("type") == "array":
            return f"array of {self._type(schema['items'])}"
        return str(schema.get("type") or type(next(iter(_enum(schema)), "")).__name__)


def _enum(schema: Schema) -> tuple[Any, ...]:
    return tuple(schema.get("enum", ())) or ((schema["const"],) if "const" in schema else ())


def _nullable(schema: Schema) -> bool:
    return any(one.get("type") == "null" for one in schema.get("anyOf", ()))


def _allows(schema: Schema, value: Any) -> bool:
    """Whether the value that a name suggests fits what the schema says of it."""
    if _enum(schema):
        return value in _enum(schema)
    if not re.search(schema.get("pattern", ""), str(value)):
        return False
    if schema.get("anyOf"):
        return any(_allows(one, value) for one in schema["anyOf"])
    if isinstance(value, list) and "$ref" in schema.get("items", {}):
        return False
    return isinstance(value, BY_TYPE[schema.get("type", "null")][0])


def _text(schema: Schema) -> str:
    """The description and the limits, as sentences."""
    limits = [
        words.format(_number(schema[key])) for key, words in LIMITS.items()
        if schema.get(key) not in (None, TRIVIAL.get(key))
    ]  # fmt: skip
    told = [schema.get("description", "").rstrip("."), ", ".join(limits).capitalize()]
    return "".join(f"{part}. " for part in told if part).rstrip()


def _number(limit: float) -> str:
    """`604800.0` → `604,800`, `1e-06` → `0.000001`."""
    return f"{limit:,.6f}".rstrip("0").rstrip(".")


def _default(schema: Schema) -> str:
    default = schema.get("default")
    return "" if default in (None, "", [], {}) else str(default)
