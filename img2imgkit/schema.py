"""JSON Schema of pipeline and training files, and option models as tables.

The command line prints both, and the reference pages are generated from them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from pydantic_core import to_jsonable_python

from img2imgkit.catalog import Catalog
from img2imgkit.components import CHOICE, KIND, Choice
from img2imgkit.pipeline import PipelineFile
from img2imgkit.plugin_kinds import KINDS
from img2imgkit.training import TrainingFile

if TYPE_CHECKING:
    from pydantic import BaseModel

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_PLAIN = {
    int: "integer",
    float: "number",
    str: "text",
    bool: "true or false",
    NoneType: "null",
    Path: "path",
    dict: "mapping",
}


def pipeline_schema(catalog: Catalog) -> dict[str, Any]:
    """JSON Schema of pipeline files: each entry of ``steps`` is an installed step with its options."""
    shared: dict[str, Any] = {}
    schema = _hoisted(PipelineFile, "pipeline", shared)
    entries = {name: _entry(step, shared) for name, step in catalog.steps.items()}
    schema["properties"]["steps"]["items"] = {"oneOf": [{"$ref": _place(f"step.{name}")} for name in entries]}
    shared.pop("pipeline.StepUse", None)
    shared |= {f"step.{name}": entry for name, entry in entries.items()}
    _fill_choices(dict(shared), catalog, shared)
    return {"$schema": DIALECT, **schema, "title": "img2imgkit pipeline", "$defs": dict(sorted(shared.items()))}


def train_schema(catalog: Catalog) -> dict[str, Any]:
    """JSON Schema of training files: ``task`` decides which options, loss weights and data kind are valid."""
    tasks = catalog.tasks
    shared: dict[str, Any] = {}
    schema = _hoisted(TrainingFile, "train", shared)
    schema["properties"]["task"]["enum"] = list(tasks)
    schema["properties"]["data"] = _any_kind(catalog, shared)
    pairs = [name for name, metric in catalog.metrics.items() if metric.of == "pair"]
    shared["train.TrainingOptions"]["properties"]["best"]["anyOf"][0]["enum"] = pairs
    schema["allOf"] = [_of_task(task, shared) for task in tasks.values()]
    _fill_choices([schema, dict(shared)], catalog, shared)
    return {"$schema": DIALECT, **schema, "title": "img2imgkit training", "$defs": dict(sorted(shared.items()))}


def _any_kind(catalog: Catalog, shared: dict[str, Any]) -> dict[str, Any]:
    """One of the installed data kinds, with its options."""
    options = {name: _hoisted(kind.Options, f"data.{name}", shared) for name, kind in catalog.data_kinds.items()}
    shared |= {f"data.{name}": schema for name, schema in options.items()}
    places = {name: _place(f"data.{name}") for name in options}
    return {
        "discriminator": {"mapping": places, "propertyName": "kind"},
        "oneOf": [{"$ref": place} for place in places.values()],
    }


def _of_task(task: Any, shared: dict[str, Any]) -> dict[str, Any]:
    """The conditional schema that applies to files of this task."""
    models = (("options", task.Options), ("weights", task.Weights))
    schemas = {key: _hoisted(model, task.name, shared) for key, model in models}
    needed = [key for key, schema in schemas.items() if schema.get("required")]
    return {
        "if": {"properties": {"task": {"const": task.name}}, "required": ["task"]},
        "then": {
            "properties": {**schemas, "data": {"properties": {"kind": {"const": task.data}}}},
            **({"required": needed} if needed else {}),
        },
    }


def _entry(step: Any, shared: dict[str, Any]) -> dict[str, Any]:
    """The schema of one entry of ``steps``: the step's name and options."""
    options = _hoisted(step.Options, step.name, shared)
    return {
        "type": "object",
        "title": step.name,
        "description": first_line(step),
        "properties": {"uses": {"const": step.name, "description": first_line(step)}, "with": options},
        "required": ["uses", "with"] if options.get("required") else ["uses"],
        "additionalProperties": False,
    }


def _fill_choices(node: Any, catalog: Catalog, shared: dict[str, Any]) -> None:
    """Replace every component placeholder in a schema by the installed components that fit."""
    if isinstance(node, list):
        for value in node:
            _fill_choices(value, catalog, shared)
    if not isinstance(node, dict):
        return
    place = node.pop(CHOICE, None)
    if isinstance(place, dict):
        node["oneOf"] = _components(place["catalog_kind"], place.get("role", ""), node.get("default"), catalog, shared)
    for value in node.values():
        _fill_choices(value, catalog, shared)


def _components(kind: str, role: str, default: Any, catalog: Catalog, shared: dict[str, Any]) -> list[dict[str, Any]]:
    """All fitting components, by name or with options. Options without a name are those of the default component."""
    installed = getattr(catalog, kind)
    fitting = {name: each for name, each in installed.items() if not role or role in each.roles}
    default_name = default.get(KIND) if isinstance(default, dict) else default
    found: list[dict[str, Any]] = [{"enum": list(fitting)}]
    for name, component in fitting.items():
        key = f"{kind}.{name}"
        if key not in shared:
            shared[key] = {}  # reserves the key: the component's own choices may refer to it
            shared[key] = _of_component(component, key, catalog, shared)
        named = {"$ref": _place(key)}
        found.append(named if name == default_name else {"allOf": [named], "required": [KIND]})
    return found


def _of_component(component: Any, key: str, catalog: Catalog, shared: dict[str, Any]) -> dict[str, Any]:
    """The schema of a component: its name and options."""
    before = set(shared)
    schema = _hoisted(component, key, shared)
    schema["properties"] = {KIND: {"const": component.name}, **schema.get("properties", {})}
    _fill_choices([schema, {name: shared[name] for name in shared.keys() - before}], catalog, shared)
    return schema


def _hoisted(model: type[BaseModel], prefix: str, shared: dict[str, Any]) -> dict[str, Any]:
    """The model's schema; moves its definitions to ``shared``, with names that start with ``prefix``."""
    schema = model.model_json_schema(ref_template=_place(f"{prefix}.{{model}}"))
    shared |= {f"{prefix}.{name}": inner for name, inner in schema.pop("$defs", {}).items()}
    return schema


def _place(name: str) -> str:
    return f"#/$defs/{name}"


def tasks_by_role(catalog: Catalog) -> dict[str, list[str]]:
    """For each role of architectures, the tasks with an option for it."""
    found: dict[str, list[str]] = {}
    for name, task in catalog.tasks.items():
        for role in sorted(set(architecture_options(task.Options).values())):
            found.setdefault(role, []).append(name)
    return found


def architecture_options(options: type[BaseModel]) -> dict[str, str]:
    """The options that choose an architecture, such as ``generator`` or ``encoder.network``, and the role of each."""
    schema = options.model_json_schema()
    return dict(_architectures_in(schema, "", schema.get("$defs", {})))


def _architectures_in(node: dict[str, Any], name: str, definitions: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The placeholders for architectures in a schema, with the options' names."""
    place = node.get(CHOICE)
    if isinstance(place, dict) and place["catalog_kind"] == "architectures":
        yield name, place.get("role", "")
    inner = [definitions[node["$ref"].rpartition("/")[2]]] if "$ref" in node else []
    for each in (*inner, *node.get("anyOf", ()), *node.get("allOf", ())):
        yield from _architectures_in(each, name, definitions)
    for key, each in node.get("properties", {}).items():
        yield from _architectures_in(each, f"{name}.{key}" if name else key, definitions)


def option_rows(options: type[BaseModel]) -> list[dict[str, Any]]:
    """The options of a model as plain data: name, type, default, description."""
    return [
        {
            "name": info.alias or name,
            "type": type_text(info.annotation),
            "required": info.is_required(),
            "default": None if info.is_required() else to_jsonable_python(info.get_default(call_default_factory=True)),
            "description": info.description or "",
        }
        for name, info in options.model_fields.items()
    ]


def type_text(annotation: Any) -> str:
    """A type as users write its values: ``integer``, ``"a" or "b"``, ``text or null``."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return type_text(inner[0])
    if origin is Literal:
        return " or ".join(f'"{choice}"' if isinstance(choice, str) else str(choice) for choice in inner)
    if origin in (Union, UnionType):
        return " or ".join(type_text(part) for part in inner)
    if origin in (tuple, list, set, frozenset):
        return "list of " + " or ".join(dict.fromkeys(type_text(part) for part in inner if part is not Ellipsis))
    if isinstance(annotation, type) and issubclass(annotation, Choice):
        return KINDS[annotation.catalog_kind].singular
    return _PLAIN.get(origin or annotation, getattr(annotation, "__name__", str(annotation)))


def first_line(thing: type) -> str:
    """The first line of a class's own docstring, or ""."""
    return (thing.__doc__ or "").strip().partition("\n")[0]
