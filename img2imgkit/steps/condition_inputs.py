"""The condition inputs of a ``translate`` step: values, codes of pictures and attributes, one or several of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from img2imgkit.config import Config
from img2imgkit.data.attribute_files import Attributes, read_attributes
from img2imgkit.errors import BundleError, ConfigError, DataError, Problem
from img2imgkit.inference import Translates, Translator, conditions_of, load_code, parse_condition, prove_known
from img2imgkit.inference.inputs.conditions import LABEL
from img2imgkit.steps.condition_files import (
    Codes,
    FilesInput,
    attributes_of,
    codes_of,
    digest,
    files_by_name,
    pictures_by_name,
    pictures_in,
)
from img2imgkit.task import Condition

if TYPE_CHECKING:
    from img2imgkit.bundle import Manifest
    from img2imgkit.item import Item

Scalar = str | int | float | bool


class ConditionOptions(Config):
    """The options of a ``translate`` step for condition inputs."""

    inputs: dict[str, Scalar | FilesInput] = Field(
        default_factory=dict,
        description="The condition inputs of the bundle's task, by name: a value, or files. `img2img tasks NAME` lists "
        "them.",
    )
    each: dict[str, Literal["all"] | tuple[Scalar, ...] | FilesInput] = Field(
        default_factory=dict,
        description="Inputs with several values: every picture is translated once with each. A list of values; 'all' "
        "known values; or a folder with a picture, a subfolder of pictures or a code file for each. Output names must "
        "contain the field of that name, such as `{domain}`.",
    )


class ConditionInputs:
    """Condition inputs, checked against their task: the variants they produce, and the inputs of each picture."""

    def __init__(
        self, options: ConditionOptions, task: Translates, manifest: Manifest, maps: frozenset[str] | None = None
    ) -> None:
        """Find all files and parse all values.

        Args:
            maps: the names of the maps that the pictures have; None: unknown

        Raises:
            ConfigError: an input is unknown, missing or invalid, or its files do not exist.
        """
        self._task, self._manifest, self._conditions = task, manifest, conditions_of(task)
        self._values: dict[str, dict[str, Any]] = {}  # by input and by variant; "" for a single one
        self._files: dict[str, dict[str, FilesInput]] = {}
        self._digests: dict[FilesInput, str] = {}
        self._codes: dict[str, dict[str, Codes]] = {}
        self._attributes: dict[str, Attributes] = {}
        self.variants: dict[str, tuple[str, ...]] = {}
        for name, value in options.inputs.items():
            self._add(f"inputs.{name}", name, {"": value})
        for name, several in options.each.items():
            key = f"each.{name}"
            if name in options.inputs:
                raise ConfigError(Problem("is also stated under 'inputs'; keep one of the two", key))
            by_variant = self._several(key, name, several)
            self.variants[name] = tuple(by_variant)
            self._add(key, name, by_variant)
        self._prove_complete(maps)

    def fingerprint(self, variant: Mapping[str, str]) -> Mapping[str, Any]:
        """Return what a variant's output depends on besides the options: digests of its files."""
        chosen = {name: self._files[name].get(variant.get(name, "")) for name in self._files}
        return {name: self._digest(files) for name, files in chosen.items() if files is not None}

    def _digest(self, files: FilesInput) -> str:
        if files not in self._digests:
            self._digests[files] = digest(files)
        return self._digests[files]

    def open(self, translator: Translator) -> None:
        """Encode the pictures and read the codes.

        Raises:
            BundleError: a file no longer contains a code of this bundle.
            ImageError: a picture cannot be decoded.
        """
        for name, by_variant in self._files.items():
            if self._conditions[name].kind == "pictures":
                self._codes[name] = {
                    variant: codes_of(translator, name, files, self._manifest) for variant, files in by_variant.items()
                }

    def of(self, item: Item) -> dict[str, Any]:
        """Return all condition inputs of a picture.

        Raises:
            TranslateError: an input is missing for this picture.
        """
        chosen = dict(item.entry.variant)
        inputs: dict[str, Any] = {name: ids for name, ids in item.maps.items() if self._is_map(name)}
        for name, values in self._values.items():
            inputs[name] = values[chosen.get(name, "")]
        for name, codes in self._codes.items():
            inputs[name] = codes[chosen.get(name, "")](item.entry)
        for name, attributes in self._attributes.items():
            inputs[name] = attributes_of(item.entry, attributes, self._files[name][""].path)
        return inputs

    def _is_map(self, name: str) -> bool:
        return name in self._conditions and self._conditions[name].kind == "map"

    def _several(self, key: str, name: str, several: Any) -> dict[str, Any]:
        """Return each value by its name in outputs."""
        condition = self._condition(key, name)
        if isinstance(several, FilesInput):
            return files_by_name(key, several)
        values = condition.values if several == "all" else several
        if not values:
            problem = "the task has no list of all values; state them" if several == "all" else "is empty"
            raise ConfigError(Problem(problem, key))
        named = {str(value): value for value in values}
        if len(named) < len(values):
            raise ConfigError(Problem("states a value twice; remove one", key))
        return named

    def _add(self, key: str, name: str, by_variant: Mapping[str, Any]) -> None:
        condition = self._condition(key, name)
        for variant, value in by_variant.items():
            if condition.kind == "value":
                if isinstance(value, FilesInput):
                    raise ConfigError(Problem(f"{name!r} is a value; state it as {name}: {_example(condition)}", key))
                self._values.setdefault(name, {})[variant] = _at(key, partial(parse_condition, self._task, name, value))
                continue
            forms = ("attributes",) if condition.kind == "attributes" else ("pictures", "code", "matched")
            if not isinstance(value, FilesInput) or value.form not in forms:
                raise ConfigError(Problem(f"expected {' or '.join(f'{{{form}: PATH}}' for form in forms)}", key))
            if not value.path.exists():
                raise ConfigError(Problem(f"{value.path}: no such file or folder", key))
            self._files.setdefault(name, {})[variant] = value
            if condition.kind == "attributes":
                self._attributes[name] = _at(key, partial(read_attributes, value.path))
            elif value.form == "code":
                _at(key, partial(load_code, value.path, name, self._manifest))
            else:
                _at(key, partial(pictures_by_name if value.form == "matched" else pictures_in, value.path))

    def _condition(self, key: str, name: str) -> Condition:
        _at(key, partial(prove_known, self._task, name))
        condition = self._conditions[name]
        if condition.kind == "map":
            raise ConfigError(Problem(f"{name!r} belongs to the picture; read it with a read-labels step", key))
        return condition

    def _prove_complete(self, maps: frozenset[str] | None) -> None:
        for name, condition in self._conditions.items():
            if condition.required and condition.kind == "map" and maps is not None and name not in maps:
                way = (
                    "read pictures with 'read-labels' instead of 'read'"
                    if name == LABEL
                    else f"set '{name}s' of 'read-labels'"
                )
                raise ConfigError(f"task {self._task.name!r} needs {name!r} maps ({condition.description}): {way}")
            if condition.required and condition.kind != "map" and name not in {**self._values, **self._files}:
                missing = f"task {self._task.name!r} needs {name!r} ({condition.description})"
                raise ConfigError(Problem(f"{missing}; state it here", "inputs"))


def _at(key: str, read: Callable[[], Any]) -> Any:
    """Return ``read()``; report errors at the option ``key``."""
    try:
        return read()
    except (BundleError, ConfigError, DataError) as error:
        raise ConfigError(Problem(str(error), key)) from None


def _example(condition: Condition) -> str:
    return condition.values[0] if condition.values else "1"
