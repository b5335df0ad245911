"""What a ``translate`` step gives its task beside each picture: values, codes of pictures, attributes; also several."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from img2imgkit.config import Config
from img2imgkit.data.domains import Attributes, read_attributes
from img2imgkit.errors import BundleError, ConfigError, DataError, Problem
from img2imgkit.inference import Translates, Translator, conditions_of, load_code, parse_condition, prove_known
from img2imgkit.inference.inputs.conditions import LABEL
from img2imgkit.steps.condition_files import (
    Codes,
    FilesInput,
    apart,
    attributes_of,
    by_name,
    codes_of,
    digest,
    pictures_in,
)
from img2imgkit.task import Condition

if TYPE_CHECKING:
    from img2imgkit.bundle import Manifest
    from img2imgkit.item import Item

Scalar = str | int | float | bool


class ConditionOptions(Config):
    """The options of a ``translate`` step that concern what its task is given beside the picture."""

    inputs: dict[str, Scalar | FilesInput] = Field(
        default_factory=dict,
        description="What the bundle's task is given beside each picture, by name: a value, or files; "
        "`img2img tasks NAME` lists them.",
    )
    each: dict[str, Literal["all"] | tuple[Scalar, ...] | FilesInput] = Field(
        default_factory=dict,
        description="Inputs of which every picture is translated with several, one after the other: a list of values, "
        "'all' that there are, or a folder with pictures, a subfolder of pictures or a code file for each. "
        "Output names need the field of that name, such as `{domain}`.",
    )


class ConditionInputs:
    """Condition inputs, checked against their task: which outputs there will be, and what goes in for each picture."""

    def __init__(
        self, options: ConditionOptions, task: Translates, manifest: Manifest, maps: frozenset[str] | None = None
    ) -> None:
        """Look for all files, and parse all values.

        Args:
            maps: those that come with the pictures; None: not known

        Raises:
            ConfigError: an input that the task has not, lacks or does not understand, or files that are not there.
        """
        self._task, self._manifest, self._conditions = task, manifest, conditions_of(task)
        self._values: dict[str, dict[str, Any]] = {}  # by input and by name of the variant, "" for the only one
        self._files: dict[str, dict[str, FilesInput]] = {}
        self._digests: dict[FilesInput, str] = {}
        self._codes: dict[str, dict[str, Codes]] = {}
        self._attributes: dict[str, Attributes] = {}
        self.variants: dict[str, tuple[str, ...]] = {}
        for name, value in options.inputs.items():
            self._take(f"inputs.{name}", name, {"": value})
        for name, several in options.each.items():
            key = f"each.{name}"
            if name in options.inputs:
                raise ConfigError(Problem("stands under 'inputs', too", key))
            with_names = self._several(key, name, several)
            self.variants[name] = tuple(with_names)
            self._take(key, name, with_names)
        self._prove_complete(maps)

    def fingerprint(self, variant: Mapping[str, str]) -> Mapping[str, Any]:
        """What a variant's output depends on beyond the options: what is in the files that it is made from."""
        chosen = {name: self._files[name].get(variant.get(name, "")) for name in self._files}
        return {name: self._digest(files) for name, files in chosen.items() if files is not None}

    def _digest(self, files: FilesInput) -> str:
        if files not in self._digests:
            self._digests[files] = digest(files)
        return self._digests[files]

    def open(self, translator: Translator) -> None:
        """Encode the pictures, and read the codes.

        Raises:
            BundleError: a file that holds no code of this bundle any more.
            ImageError: a picture that cannot be decoded.
        """
        for name, by_variant in self._files.items():
            if self._conditions[name].kind == "pictures":
                self._codes[name] = {
                    variant: codes_of(translator, name, files, self._manifest) for variant, files in by_variant.items()
                }

    def of(self, item: Item) -> dict[str, Any]:
        """All conditions of a picture.

        Raises:
            TranslateError: there is nothing for this picture.
        """
        chosen = dict(item.entry.variant)
        given: dict[str, Any] = {name: ids for name, ids in item.maps.items() if self._is_map(name)}
        for name, values in self._values.items():
            given[name] = values[chosen.get(name, "")]
        for name, codes in self._codes.items():
            given[name] = codes[chosen.get(name, "")](item.entry)
        for name, attributes in self._attributes.items():
            given[name] = attributes_of(item.entry, attributes, self._files[name][""].path)
        return given

    def _is_map(self, name: str) -> bool:
        return name in self._conditions and self._conditions[name].kind == "map"

    def _several(self, key: str, name: str, several: Any) -> dict[str, Any]:
        """Each value by the name that outputs carry."""
        condition = self._condition(key, name)
        if isinstance(several, FilesInput):
            return apart(key, several)
        values = condition.values if several == "all" else several
        if not values:
            raise ConfigError(Problem(f"{'there is no list of all of them' if several == 'all' else 'is empty'}", key))
        named = {str(value): value for value in values}
        if len(named) < len(values):
            raise ConfigError(Problem("states one twice", key))
        return named

    def _take(self, key: str, name: str, by_variant: Mapping[str, Any]) -> None:
        condition = self._condition(key, name)
        for variant, value in by_variant.items():
            if condition.kind == "value":
                if isinstance(value, FilesInput):
                    raise ConfigError(Problem(f"{name!r} is a value, such as {name}: {_example(condition)}", key))
                self._values.setdefault(name, {})[variant] = _at(key, partial(parse_condition, self._task, name, value))
                continue
            wanted = ("attributes",) if condition.kind == "attributes" else ("pictures", "code", "matched")
            if not isinstance(value, FilesInput) or value.way not in wanted:
                raise ConfigError(Problem(f"expected {' or '.join(f'{{{way}: PATH}}' for way in wanted)}", key))
            if not value.path.exists():
                raise ConfigError(Problem(f"{value.path}: no such file or folder", key))
            self._files.setdefault(name, {})[variant] = value
            if condition.kind == "attributes":
                self._attributes[name] = _at(key, partial(read_attributes, value.path))
            elif value.way == "code":
                _at(key, partial(load_code, value.path, name, self._manifest))
            else:
                _at(key, partial(by_name if value.way == "matched" else pictures_in, value.path))

    def _condition(self, key: str, name: str) -> Condition:
        _at(key, partial(prove_known, self._task, name))
        condition = self._conditions[name]
        if condition.kind == "map":
            raise ConfigError(Problem(f"{name!r} comes with the picture: read it with a read-labels step", key))
        return condition

    def _prove_complete(self, maps: frozenset[str] | None) -> None:
        for name, condition in self._conditions.items():
            if condition.required and condition.kind == "map" and maps is not None and name not in maps:
                way = (
                    "read it by 'read-labels' in place of 'read'"
                    if name == LABEL
                    else f"give it to 'read-labels' as '{name}s'"
                )
                raise ConfigError(f"task {self._task.name!r} needs {name!r} maps ({condition.description}): {way}")
            if condition.required and condition.kind != "map" and name not in {**self._values, **self._files}:
                missing = f"task {self._task.name!r} needs {name!r} ({condition.description})"
                raise ConfigError(Problem(f"{missing}: state it here", "inputs"))


def _at(key: str, read: Callable[[], Any]) -> Any:
    """What ``read`` gives; an error is reported under the option's name."""
    try:
        return read()
    except (BundleError, ConfigError, DataError) as error:
        raise ConfigError(Problem(str(error), key)) from None


def _example(condition: Condition) -> str:
    return condition.values[0] if condition.values else "1"
