"""The JSON Schema (draft 2020-12) of a manifest, for editors: made from the models that check it."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

from providers import registry
from provisioner.manifest.parts import ManifestPart
from provisioner.manifest.resolve import Adapters


class _WithoutNull(GenerateJsonSchema):
    """None says in a model that a key is absent; written out, an empty value is a mistake."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        made = super().default_schema(schema)
        if made.get("default", ...) is None:
            del made["default"]
        return made


def schema(adapters: Adapters = registry) -> dict[str, Any]:
    """Give the schema, with the options of every provider type that can be loaded.

    What a schema cannot say (labels that exist, names that are no wildcards, files) only `provisioner validate` tells.
    Raises `plans.problem.Problem` as `adapters.load` does.
    """
    options = {type_: adapters.load(type_).options for type_ in adapters.available()}
    references, made = models_json_schema(
        [(ManifestPart, "validation"), *((model, "validation") for model in options.values())],
        schema_generator=_WithoutNull,
        ref_template="#/$defs/{model}",
    )
    definitions = made["$defs"]
    choices = []
    for type_, model in options.items():
        definition = definitions[references[model, "validation"]["$ref"].rpartition("/")[2]]
        definition["properties"]["type"] = {"const": type_}
        choices.append(references[model, "validation"])
    manifest = definitions.pop(references[ManifestPart, "validation"]["$ref"].rpartition("/")[2])
    manifest["properties"]["providers"]["additionalProperties"] = {"oneOf": choices}
    return {"$schema": GenerateJsonSchema.schema_dialect, **manifest, "$defs": definitions}
