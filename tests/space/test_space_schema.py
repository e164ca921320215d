"""The JSON Schema for editors: every key is described, and the spaces that ship are valid."""

from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

import e3dnas
from e3dnas.space import shipped_spaces
from e3dnas.space.declaration import Declaration
from e3dnas.space.schema import json_schema

FILES = [*shipped_spaces().values(), Path(e3dnas.__file__).parent / "space" / "starter.yaml"]


def objects(schema, path=""):
    """Every object of the schema that lists properties, but for ranges, whose three keys speak for themselves."""
    if isinstance(schema, dict):
        if "properties" in schema and set(schema["properties"]) != {"min", "max", "step"}:
            yield path, schema
        for key, value in schema.items():
            yield from objects(value, f"{path}/{key}")
    elif isinstance(schema, list):
        for i, value in enumerate(schema):
            yield from objects(value, f"{path}/{i}")


def test_every_property_is_described():
    found = dict(objects(json_schema()))
    assert len(found) >= 9
    missing = [
        f"{path}.{name}" for path, schema in found.items() for name, own in schema["properties"].items()
        if not own.get("description")
    ]  # fmt: skip
    assert missing == []


def test_holds_every_key_of_a_space():
    schema = json_schema()
    assert set(schema["properties"]) == set(Declaration.model_fields) | {"extends"}
    assert schema["additionalProperties"] is False
    assert "required" not in schema
    assert "required" not in schema["$defs"]["StageChoices"]
    assert set(schema["properties"]["stage_defaults"]["properties"]) == set(
        schema["$defs"]["StageChoices"]["properties"]
    )


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_shipped_spaces_are_valid(path):
    validator = jsonschema.Draft202012Validator(json_schema())
    data = YAML(typ="safe", pure=True).load(path)
    assert [error.message for error in validator.iter_errors(data)] == []
    assert any("kernal" in error.message for error in validator.iter_errors(data | {"kernal": "1x3x3"}))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_shipped_spaces_use_keys_of_the_schema(path):
    schema, data = json_schema(), YAML(typ="safe", pure=True).load(path)
    assert set(data) <= set(schema["properties"])
    stage = set(schema["$defs"]["StageChoices"]["properties"])
    for part in (data.get("stage_defaults", {}), *data.get("stages", [])):
        assert set(part) <= stage
