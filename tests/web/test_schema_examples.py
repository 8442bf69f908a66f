"""What a row of a schema tells in words, and that every schema of the document has an example."""

from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator

from api.docs.schemas import FieldRow, Schemas
from api.docs.values import BY_NAME, BY_TYPE
from tests.api.client import DOCUMENT

NONE = Schemas({})
DOCUMENTED = Schemas(DOCUMENT["components"]["schemas"])
NULL = {"type": "null"}


def row(given: dict[str, Any], required: bool = False) -> FieldRow:
    """The row of a field that has this schema."""
    (found,) = NONE.rows({"properties": {"field": given}, "required": ["field"] * required})
    return found


@pytest.mark.parametrize(
    ("given", "type_"),
    [
        ({"type": "string"}, "string"),
        ({"type": "array", "items": {"type": "string"}}, "array of string"),
        ({"type": "array", "items": {"type": "array", "items": {"type": "integer"}}},
         "array of array of integer"),
        ({"anyOf": [{"type": "string"}, NULL]}, "string"),
        ({"anyOf": [{"type": "integer"}, {"type": "string"}]}, "integer or string"),
        ({"enum": ["a", "b"]}, "str"),
        ({"const": 7}, "int"),
    ],
)  # fmt: skip
def test_a_type_is_told_in_words(given: dict[str, Any], type_: str) -> None:
    assert row(given).type == type_


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({}, ""),
        ({"description": "What it is."}, "What it is."),
        ({"description": "What it is"}, "What it is."),
        ({"minimum": 0}, ""),
        ({"minLength": 1}, ""),
        ({"minimum": 1}, "At least 1."),
        ({"minimum": 2, "maximum": 1_000_000}, "At least 2, at most 1,000,000."),
        ({"maxLength": 36, "description": "A name."}, "A name. Up to 36 characters."),
        ({"minItems": 1, "maxItems": 500}, "1 items or more, 500 items at most."),
    ],
)
def test_limits_are_sentences_and_trivial_ones_are_left_out(
    given: dict[str, Any], text: str
) -> None:
    assert row({"type": "string", **given}).text == text


@pytest.mark.parametrize(
    ("given", "default"),
    [
        ({"default": 25}, "25"), ({"default": 0}, "0"), ({"default": False}, "False"),
        ({"default": None}, ""), ({"default": ""}, ""), ({"default": []}, ""), ({}, ""),
    ],
)  # fmt: skip
def test_a_default_is_told_where_it_says_something(given: dict[str, Any], default: str) -> None:
    assert row({"type": "integer", **given}).default == default


def test_what_must_be_given_is_marked() -> None:
    assert row({"type": "string"}, required=True).required
    assert not row({"type": "string"}).required


def test_values_that_may_be_given_are_listed() -> None:
    assert row({"enum": ["a", "b"]}).values == ("a", "b")
    assert row({"const": 7}).values == ("7",)
    assert row({"anyOf": [{"enum": ["x"]}, NULL]}).values == ("x",)


def test_what_stands_beside_a_reference_counts() -> None:
    schemas = Schemas({"Word": {"type": "string", "description": "A word."}})
    given = {"$ref": "#/components/schemas/Word", "description": "Another."}
    assert schemas.plain(given) == {"type": "string", "description": "Another."}
    assert schemas.plain({"$ref": "#/components/schemas/Word"})["description"] == "A word."


@pytest.mark.parametrize(
    ("given", "name", "example"),
    [
        ({"type": "string"}, "to", BY_NAME["to"]),
        ({"type": "integer"}, "to", 1),
        ({"type": "string", "pattern": "^x+$"}, "to", "text"),
        ({"enum": ["queued", "sent"]}, "status", "queued"),
        ({"enum": ["queued", "delivered"]}, "status", "delivered"),
        ({"type": "string", "examples": ["so"]}, "nothing_known", "so"),
        ({"type": "integer", "minimum": 7}, "nothing_known", 7),
        ({"type": "integer", "default": 3, "minimum": 1}, "nothing_known", 3),
        ({"anyOf": [{"type": "string"}, NULL]}, "nothing_known", None),
        ({"anyOf": [{"type": "string"}, NULL]}, "disabled_at", None),
        ({"anyOf": [{"type": "integer"}, {"type": "string"}]}, "nothing_known", 1),
        ({"type": "array", "items": {"type": "string"}}, "nothing_known", ["text"]),
        ({"type": "object", "properties": {"to": {"type": "string"}}}, "x", {"to": BY_NAME["to"]}),
    ],
)  # fmt: skip
def test_an_example_is_telling_and_allowed(
    given: dict[str, Any], name: str, example: object
) -> None:
    assert NONE.example(given, name) == example


@pytest.mark.parametrize("kind", BY_TYPE)
def test_every_type_has_an_example_of_its_own(kind: str) -> None:
    schema: dict[str, Any] = {"type": kind, "items": {"type": "string"}}
    value = NONE.example(schema)
    assert isinstance(value, BY_TYPE[kind][0])


@pytest.mark.parametrize("name", sorted(DOCUMENT["components"]["schemas"]))
def test_every_schema_of_the_document_has_an_example_that_it_allows(name: str) -> None:
    schema = {"$ref": f"#/components/schemas/{name}"}
    if name.endswith("Error") or "properties" not in DOCUMENTED.plain(schema):
        return
    example = DOCUMENTED.example(schema)
    whole = {**schema, "components": DOCUMENT["components"]}
    assert not list(OAS31Validator(whole).iter_errors(example)), example
    rows = list(DOCUMENTED.rows(schema))
    assert {one.name for one in rows if "." not in one.name} == set(example)
    assert all(one.type for one in rows)
