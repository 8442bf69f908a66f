"""What the page makes of a JSON schema: rows of fields, and a value that it allows."""

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from api.docs.schemas import FieldRow, Schemas
from api.docs.values import BY_NAME, BY_TYPE
from api.fields import Body, Money, Number, Time


class Inner(BaseModel):
    """An object in an object."""

    uri: str
    level: int = 3


class Sample(Body):
    """Fields of every kind."""

    to: Number
    from_: Annotated[str, Field(alias="from", max_length=32)] = ""
    cost: Money
    at: Time
    count: Annotated[int, Field(ge=5, le=90)]
    kind: Literal["first", "second"] = "second"
    fixed: Literal[True] = True
    maybe: str | None = None
    moment: Annotated[Time | None, Field(description="When, if ever")] = None
    tags: Annotated[list[str], Field(default=[])]
    inner: Inner
    inners: Annotated[list[Inner], Field(max_length=4)]
    either: int | str
    extras: dict[str, str]
    code: Annotated[str, Field(pattern="^[A-Z]{3}$", examples=["ABC"])]


def schemas() -> tuple[Schemas, dict[str, Any]]:
    whole = Sample.model_json_schema(ref_template="#/components/schemas/{model}")
    return Schemas(whole.pop("$defs")), whole


def rows() -> dict[str, FieldRow]:
    reader, whole = schemas()
    return {row.name: row for row in reader.rows(whole)}


@pytest.mark.parametrize(
    ("name", "kind", "required"),
    [
        ("to", "string", True),
        ("from", "string", False),
        ("count", "integer", True),
        ("kind", "string", False),
        ("fixed", "boolean", False),
        ("maybe", "string", False),
        ("tags", "array of string", False),
        ("inner", "object", True),
        ("inners", "array of object", True),
        ("either", "integer or string", True),
        ("extras", "object", True),
    ],
)
def test_a_row_tells_type_and_need(name: str, kind: str, required: bool) -> None:
    row = rows()[name]
    assert (row.type, row.required) == (kind, required)


def test_inner_fields_follow_their_own() -> None:
    names = list(rows())
    assert names.index("inner.uri") == names.index("inner") + 1
    assert names.index("inners.level") == names.index("inners") + 2
    assert rows()["inner.level"].default == "3"


def test_a_row_tells_values_limits_and_meaning() -> None:
    found = rows()
    assert found["kind"].values == ("first", "second")
    assert found["kind"].default == "second"
    assert found["count"].text == "At least 5, at most 90."
    assert found["from"].text == "Up to 32 characters."
    assert found["to"].text == "E.164 phone number."
    assert found["moment"].text == "When, if ever."
    assert found["inners"].text == "4 items at most."
    assert (found["maybe"].text, found["maybe"].default) == ("", "")


def test_limits_are_written_out_whatever_their_size() -> None:
    price = {"type": "number", "minimum": 1e-06, "maximum": 604_800.0}
    (row,) = Schemas({}).rows({"properties": {"price": price}})
    assert row.text == "At least 0.000001, at most 604,800."


def test_an_object_that_holds_itself_ends() -> None:
    tree = {"properties": {"child": {"$ref": "#/components/schemas/Tree"}}, "type": "object"}
    reader = Schemas({"Tree": tree})
    names = [row.name for row in reader.rows(tree)]
    assert names[:2] == ["child", "child.child"]
    assert len(names) < 10


def test_an_example_is_valid_and_telling() -> None:
    reader, whole = schemas()
    example = reader.example(whole)
    assert example["to"] == BY_NAME["to"]
    assert example["cost"] == BY_NAME["cost"]
    assert example["count"] == 5
    assert example["kind"] == "first"
    assert example["fixed"] is True
    assert example["maybe"] is None
    assert example["tags"] == [BY_TYPE["string"][1]]
    assert example["inners"] == [example["inner"]]
    assert isinstance(example["either"], int)
    assert example["code"] == "ABC"  # the usual value of that name would not match


@pytest.mark.parametrize(
    ("schema", "name", "value"),
    [
        ({"type": "string"}, "iso", "US"),
        ({"type": "integer"}, "iso", 1),
        ({"enum": ["sent", "failed"], "type": "string"}, "status", "sent"),
        ({"enum": ["sent", "delivered"], "type": "string"}, "status", "delivered"),
        ({"const": "test", "type": "string"}, "none", "test"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "none", None),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "iso", "US"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "problem", None),
        ({"type": "array", "items": {"$ref": "#/components/schemas/X"}}, "codecs", [{"a": 1}]),
        ({"type": "array", "items": {"type": "string"}}, "codecs", BY_NAME["codecs"]),
        ({"type": "number", "default": 7.5}, "none", 7.5),
        ({"type": "object"}, "none", {}),
        ({"type": "boolean"}, "none", True),
    ],
)
def test_a_value_by_name_is_taken_where_it_fits(
    schema: dict[str, Any], name: str, value: Any
) -> None:
    inner = {"type": "object", "properties": {"a": {"type": "integer"}}}
    assert Schemas({"X": inner}).example(schema, name) == value
