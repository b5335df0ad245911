"""Components: what options choose by name and plugins can provide, such as an architecture, a loss or a penalty.

A component is a class whose fields are its options. An option field contains a ``Choice``: the component's name and its
options as stated. ``resolve`` looks the name up among the installed components and validates those options. The types
of option models therefore stay static, no matter which plugins are installed.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler, model_serializer
from pydantic.fields import FieldInfo
from pydantic_core import core_schema

from img2imgkit.config import Config, Document, KeyPath, absolute_paths_in, validate
from img2imgkit.errors import ConfigError, NotInstalled, Problem

KIND = "kind"  # the key that names a component, next to its options


class Component(Config):
    """Something that options choose by name. Its fields are its own options; no field may be called ``kind``.

    Attributes:
        name: that options choose it by; serialised as ``kind``, beside its options: ``{"kind": "unet", "depth": 8}``
        roles: what it can be used as; an option accepts components of one role
    """

    name: ClassVar[str]
    roles: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def model_validate(cls, obj: Any, **how: Any) -> Self:
        """Validate data; also accepts the output of ``model_dump``, which includes ``kind``."""
        return super().model_validate(cls._without_kind(obj), **how)

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray, **how: Any) -> Self:
        """Validate JSON; also accepts the output of ``model_dump_json``, which includes ``kind``."""
        # A validator of mode "before" would make strict validation reject JSON lists as tuples.
        return super().model_validate_json(json.dumps(cls._without_kind(json.loads(json_data))), **how)

    @classmethod
    def _without_kind(cls, data: Any) -> Any:
        if isinstance(data, Mapping) and data.get(KIND) == cls.name:
            return {key: value for key, value in data.items() if key != KIND}
        return data

    @model_serializer(mode="wrap")
    def _with_kind(self, handler: Any) -> dict[str, Any]:
        return {KIND: self.name, **handler(self)}


C = TypeVar("C", bound=Component)
Options = TypeVar("Options", bound=Config)


class Installed(Protocol):
    """Looks components up by name; a ``Catalog`` does."""

    def get(self, kind: str, name: str) -> Any:
        """Return the component class of that name. Raises NotInstalled."""


@dataclass(frozen=True)
class Role:
    """Restricts an option to components of one role."""

    name: str


@dataclass(frozen=True, eq=False)
class Choice(Generic[C]):
    """A component by name, with its options as stated.

    Options state it as a name, as a mapping with ``kind``, or as a component instance.

    Attributes:
        catalog_kind: the kind of catalog entry that its name refers to, such as "architectures"
        kind: the component's name
        stated: its options as stated
        component: the component; None until ``resolve`` has run
    """

    catalog_kind: ClassVar[str]
    kind: str
    stated: Mapping[str, Any] = field(default_factory=dict)
    component: C | None = None

    @property
    def chosen(self) -> C:
        """The resolved component. Raises ConfigError if the choice has not been resolved."""
        if self.component is None:
            raise ConfigError(
                f"{self.kind!r} of {self.catalog_kind} has not been resolved: call "
                "img2imgkit.resolve(options, catalog) first"
            )
        return self.component

    def plain(self) -> dict[str, Any]:
        """The choice as JSON data: all options once it is resolved, only the stated ones before."""
        return self.component.model_dump(mode="json") if self.component else {KIND: self.kind, **self.stated}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Choice) and type(self) is type(other) and self.plain() == other.plain()

    def __hash__(self) -> int:
        return hash((type(self), self.kind))

    def __repr__(self) -> str:
        options = ", ".join(f"{name}={value!r}" for name, value in self.plain().items() if name != KIND)
        return f"{self.kind}({options})"

    @classmethod
    def read(cls, value: Any) -> Self:
        """Parse a choice. Raises ValueError if the value is neither a name, a mapping with ``kind`` nor a component."""
        if isinstance(value, cls):
            return value
        if isinstance(value, Component):
            stated = {name: each for name, each in value.model_dump(mode="json").items() if name != KIND}
            return cls(value.name, stated, value)  # type: ignore[arg-type]
        if isinstance(value, str):
            return cls(value)
        if isinstance(value, Mapping) and isinstance(value.get(KIND), str):
            return cls(value[KIND], {name: each for name, each in value.items() if name != KIND})
        if isinstance(value, Mapping):
            raise ValueError(f"'{KIND}' is required: the name of one of the {cls.catalog_kind}")
        raise ValueError(f"expected a name, or a mapping with '{KIND}', got {value!r}")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls.read, serialization=core_schema.plain_serializer_function_ser_schema(lambda choice: choice.plain())
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """A placeholder, replaced by the installed components when a schema is printed."""
        return {CHOICE: {"catalog_kind": cls.catalog_kind}}


CHOICE = "img2imgkit:choice"  # key of the placeholder in a JSON Schema, replaced by the installed components


def choice(role: str, default: str | Component | tuple[str | Component, ...] | None, description: str = "") -> Any:
    """Declare an option that accepts any installed component of a role.

    Options that state the default's name, or only options without a name, change the default: what they do not state
    is as in the default.

    Args:
        role: one of the components' ``roles``; "" accepts any component
        default: a component, or a name that ``resolve`` looks up; a tuple of several; None if the option is optional

    Example:
        >>> from img2imgkit.architectures import ArchitectureChoice, Unet
        >>> class Options(Config):
        ...     generator: ArchitectureChoice = choice("generator", default=Unet(depth=7), description="translates")
        >>> Options().generator.chosen.depth
        7
        >>> Options(generator={"width": 32}).generator
        unet(depth=7, width=32)
    """
    made: FieldInfo = Field(
        default=default,
        validate_default=True,
        description=description or None,
        json_schema_extra=lambda schema: _put_role(schema, role),
    )
    made.metadata.append(Role(role))
    if isinstance(default, str | Component):
        made.metadata.append(BeforeValidator(lambda value: _completed(value, default)))
    return made


def _completed(value: Any, default: str | Component) -> Any:
    """Add the default's name, and those of its options that are not stated."""
    own = default.model_dump(mode="json", exclude_defaults=True) if isinstance(default, Component) else {KIND: default}
    stated = {KIND: value} if isinstance(value, str) else value
    if isinstance(stated, Mapping) and stated.get(KIND, own[KIND]) == own[KIND]:
        return {**own, **stated}
    return value


def resolve(
    options: Options,
    installed: Installed,
    document: Document | None = None,
    at: KeyPath = (),
    optional: Collection[str] = (),
) -> Options:
    """Return the options with every choice resolved, at any depth, then run ``check_choices``.

    Args:
        document: where the options were stated, for error locations and relative paths
        at: their place in it
        optional: catalog kinds of which a component may be missing; its choice then stays unresolved

    Raises:
        ConfigError: a component is not installed, has the wrong role or has invalid options; lists every problem.
    """
    problems: list[Problem] = []
    walk = _Resolving(installed, document or Document({}, ""), problems, document is not None, optional)
    found: Options = walk.config(options, at)
    if problems:
        raise ConfigError(*problems)
    return found


def choices_in(options: Any) -> Iterator[Choice[Any]]:
    """Yield every choice in the options, at any depth, including those inside resolved components."""
    inner: Iterable[Any] = ()
    if isinstance(options, Choice):
        yield options
        inner = [options.component]
    elif isinstance(options, Config):
        inner = [getattr(options, name) for name in type(options).model_fields]
    elif isinstance(options, Mapping | tuple | list):
        inner = options.values() if isinstance(options, Mapping) else options
    for value in inner:
        yield from choices_in(value)


@dataclass(frozen=True)
class _Resolving:
    """One traversal of an options tree; collects problems instead of raising."""

    installed: Installed
    document: Document
    problems: list[Problem]
    in_file: bool
    optional: Collection[str]

    def config(self, options: Any, at: KeyPath) -> Any:
        before = len(self.problems)
        changed = {}
        for name, info in type(options).model_fields.items():
            value = getattr(options, name)
            role = next((mark.name for mark in info.metadata if isinstance(mark, Role)), "")
            new = self.value(value, (*at, info.alias or name), role)
            if new is not value:
                changed[name] = new
        made = options.model_copy(update=changed) if changed else options
        if len(self.problems) == before:
            try:
                made.check_choices()
            except ValueError as error:
                self.problems.append(self.document.problem(at, str(error)))
        return made

    def value(self, value: Any, at: KeyPath, role: str) -> Any:
        if isinstance(value, Choice):
            return self.choice(value, at, role)
        if isinstance(value, Config):
            return self.config(value, at)
        if isinstance(value, tuple):
            made = tuple(self.value(each, (*at, number), role) for number, each in enumerate(value))
            return made if any(new is not old for new, old in zip(made, value, strict=True)) else value
        if isinstance(value, dict):
            mapped = {key: self.value(each, (*at, key), role) for key, each in value.items()}
            return mapped if any(mapped[key] is not each for key, each in value.items()) else value
        return value

    def choice(self, choice: Choice[Any], at: KeyPath, role: str) -> Any:
        component = choice.component
        if component is None:
            try:
                kind: type[Component] = self.installed.get(choice.catalog_kind, choice.kind)
                stated = dict(choice.stated)
                stated = absolute_paths_in(kind, stated, self.document, at) if self.in_file else stated
                component = validate(kind, self.document, at, stated)
            except NotInstalled as error:
                if choice.catalog_kind not in self.optional:
                    self.problems.append(self.document.problem((*at, KIND), str(error)))
                return choice
            except ConfigError as error:
                self.problems.extend(error.problems)
                return choice
        if role and role not in component.roles:
            own = " or ".join(component.roles) or "none"
            unfit = f"{component.name!r} has the role {own}; this option needs the role {role}"
            self.problems.append(self.document.problem((*at, KIND), unfit))
            return choice
        made = self.config(component, at)
        return choice if made is choice.component else type(choice)(choice.kind, choice.stated, made)


def _put_role(schema: Any, role: str) -> None:
    """Add the role to every component placeholder in a field's schema."""
    if isinstance(schema, dict) and CHOICE in schema:
        schema[CHOICE]["role"] = role
    inner = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    for value in inner:
        _put_role(value, role)
