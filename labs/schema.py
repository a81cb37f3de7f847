"""The JSON schema of lab definitions, by which editors complete them and check them.

It knows what each key may be by itself. Rules between keys are for `labs.checking` to tell.
"""

from __future__ import annotations

import inspect
from os.path import relpath
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin
from urllib.parse import quote

from pydantic import Field, TypeAdapter
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import to_jsonable_python
from pydantic_core.core_schema import NullableSchema

from core.folders import PROJECT
from labs.loading import LABS
from labs.model import Lab
from labs.notes import allowed, default
from labs.shape import Model, fields, models_in, plain
from labs.tables.base import Table

SCHEMA = LABS / "definition.schema.json"
"""The schema as a file, for definitions to name: what `schema` returns."""

DIALECT = "http://json-schema.org/draft-07/schema#"
"""What editors of TOML know best; a schema of it holds no references here, so that it needs none
of what later ones changed."""


def schema() -> JsonSchemaValue:
    """Return the schema of a whole definition."""
    return {"$schema": DIALECT, "title": "A lab of halab", **_table(Lab)}


def reference(definition: Path) -> str:
    """Return how a definition at this place names the schema: relative inside halab's own folder.

    It is a part of a URL, so what has a meaning there is escaped.
    """
    folder = definition.absolute().parent
    near = folder.is_relative_to(PROJECT)
    return quote(f"./{relpath(SCHEMA, folder)}" if near else str(SCHEMA))


class _Values(GenerateJsonSchema):
    """Schemas of plain values, as TOML has them."""

    def nullable_schema(self, schema: NullableSchema) -> JsonSchemaValue:
        """Leave out that a key may be null: TOML has no null, there it is not written."""
        return self.generate_inner(schema["schema"])


def _table(model: Model) -> JsonSchemaValue:
    known = fields(model)
    required = [key for key, about in known.items() if about.is_required()]
    return {
        "type": "object",
        "description": " ".join((inspect.getdoc(model) or "").partition("\n\n")[0].split()),
        "properties": {key: _key(key, about) for key, about in known.items()},
        **({"required": required} if required else {}),
        "additionalProperties": False,
    }


def _key(key: str, about: FieldInfo) -> JsonSchemaValue:
    annotation = plain(about.annotation)
    if get_origin(annotation) is dict:
        name, value = get_args(annotation)
        names, values = _plain_value(name), _tables(value)
        return {"type": "object", "propertyNames": names, "additionalProperties": values}
    if not any(models_in(annotation)):
        extra = Field(json_schema_extra=about.json_schema_extra)
        found = _plain_value(Annotated[(about.annotation, *about.metadata, extra)])
    elif get_origin(annotation) is tuple:
        found = {"type": "array", "items": _tables(annotation)}
    else:
        return _tables(annotation)
    return {**found, "description": _said(key, about), **_default(about)}


def _tables(annotation: Any) -> JsonSchemaValue:
    """Return the schema of the tables in a type, and of what is short for one."""
    found: list[JsonSchemaValue] = []
    for model in models_in(annotation):
        if issubclass(model, Table) and model.short:
            found.append({"type": model.short})
        found.append(_table(model))
    return found[0] if len(found) == 1 else {"oneOf": found}


def _plain_value(annotation: Any) -> JsonSchemaValue:
    return TypeAdapter(annotation).json_schema(schema_generator=_Values)


def _said(key: str, about: FieldInfo) -> str:
    otherwise = default(about)
    last = f" The default is {otherwise}." if otherwise else ""
    meaning = about.description or ""
    return f"{meaning[:1].upper()}{meaning[1:]}. Allowed: {allowed(key, about)}.{last}"


def _default(about: FieldInfo) -> dict[str, Any]:
    """Return the default where it is a value that could be written."""
    if about.is_required() or about.default_factory or about.default in (None, "", ()):
        return {}
    return {"default": to_jsonable_python(about.default)}
