"""The JSON Schema of space files."""

from __future__ import annotations

from typing import Any

from e3dnas.space.declaration import Declaration

__all__ = ["json_schema"]


def json_schema() -> dict[str, Any]:
    """Return the schema of a space file as people write it: any key may come from ``extends`` or ``stage_defaults``."""
    schema = Declaration.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "e3dnas search space"
    properties = schema["properties"]
    properties["extends"] = {
        "type": "string",
        "description": "a space file beside this one, or the name of a shipped one, that this one is laid over",
    }
    score, budget = properties["score"], properties["budgets"]["additionalProperties"]
    properties["score"] = {"anyOf": [{"type": "string"}, score], "description": score.get("description", "")}
    properties["budgets"]["additionalProperties"] = {"anyOf": [{"type": "number"}, budget]}
    properties["family"]["additionalProperties"] = {"$ref": "#"}  # a member is written as a space is
    stage = schema["$defs"]["StageChoices"]
    defaults = properties["stage_defaults"]
    properties["stage_defaults"] = {**stage, "description": defaults["description"], "required": []}
    for part in (schema, stage):
        part.pop("required", None)
    properties["stage_defaults"].pop("required")
    return schema
