"""Components: what options choose by name and plugins can bring, such as an architecture, a loss or a penalty.

A component is a class whose fields are its options. An option holds a ``Choice``: the component's name and its options
as they were stated. ``resolve`` looks the names up in what is installed and checks the options. The types of option
models are therefore static, whatever plugins bring.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar, get_args

from pydantic import Field, GetJsonSchemaHandler, model_serializer
from pydantic.fields import FieldInfo
from pydantic_core import core_schema

from img2imgkit.config import Config, Document, KeyPath, located_in, validate
from img2imgkit.errors import ConfigError, NotInstalled, Problem

KIND = "kind"  # the key that names a component, beside its options


class Component(Config):
    """Something that options choose by name. Its fields are its own options; none may be called ``kind``.

    As data it is a mapping of its name, under ``kind``, and its options: ``{"kind": "unet", "depth": 8}``.

    Attributes:
        name: what options call it
        roles: what it can be used as; an option takes components of one role
    """

    name: ClassVar[str]
    roles: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def model_validate(cls, obj: Any, **how: Any) -> Self:
        """As of every model; takes what ``model_dump`` gives."""
        return super().model_validate(cls._without_kind(obj), **how)

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray, **how: Any) -> Self:
        """As of every model; takes what ``model_dump_json`` gives."""
        # no validator in mode "before": behind it, strict validation takes JSON's lists for no tuples
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
    """Where components are looked up; a ``Catalog`` is one."""

    def get(self, kind: str, name: str) -> Any:
        """The component class of that name. Raises NotInstalled."""


@dataclass(frozen=True)
class Role:
    """Marks an option as taking components of one role only."""

    name: str


@dataclass(frozen=True, eq=False)
class Choice(Generic[C]):
    """A component by name, with its options as stated.

    In options it can be stated as a name, as a mapping with ``kind``, or as a component itself.

    Attributes:
        catalog_kind: where its name is looked up, such as "architectures"
        kind: the component's name
        stated: its options as they were stated
        component: None until it is resolved
    """

    catalog_kind: ClassVar[str]
    kind: str
    stated: Mapping[str, Any] = field(default_factory=dict)
    component: C | None = None

    @property
    def chosen(self) -> C:
        """The component. Raises ConfigError: the choice has not been resolved."""
        if self.component is None:
            raise ConfigError(
                f"{self.kind!r} of {self.catalog_kind} has not been looked up: pass the options through "
                "img2imgkit.resolve(options, catalog) first"
            )
        return self.component

    def plain(self) -> dict[str, Any]:
        """The choice as JSON data: every option of a resolved one, the stated ones otherwise."""
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
        """The choice that a value states. Raises ValueError: it states none."""
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
        """A place for the components that are installed when the schema is made."""
        return {CHOICE: {"catalog_kind": cls.catalog_kind}}


CHOICE = "img2imgkit:choice"  # of a JSON Schema's node, until the installed components take its place


def choice(role: str, default: str | Component | tuple[str | Component, ...] | None, description: str = "") -> Any:
    """An option that takes any installed component of a role.

    Args:
        role: see the components' ``roles``; "" for any
        default: a component, or a name that ``resolve`` looks up; a tuple of several; None if the option is optional

    Example:
        >>> from img2imgkit.architectures import ArchitectureChoice, Unet
        >>> class Options(Config):
        ...     generator: ArchitectureChoice = choice("generator", default=Unet(depth=7), description="translates")
        >>> Options().generator.chosen.depth
        7
        >>> Options(generator="resnet").generator
        resnet()
    """
    made: FieldInfo = Field(
        default=default,
        validate_default=True,
        description=description or None,
        json_schema_extra=lambda schema: _put_role(schema, role),
    )
    made.metadata.append(Role(role))
    return made


def resolve(options: Options, installed: Installed, document: Document | None = None, at: KeyPath = ()) -> Options:
    """The options with every choice in them resolved, however deeply nested, and checked together.

    Args:
        document, at: where the options were stated, for errors and for paths relative to a file

    Raises:
        ConfigError: a component is not installed or does not fit its option, or its options are wrong; all at once.
    """
    problems: list[Problem] = []
    found: Options = _Resolving(installed, document or Document({}, ""), problems, document is not None).config(
        options, at
    )
    if problems:
        raise ConfigError(*problems)
    return found


def choices_in(options: Any) -> Iterator[Choice[Any]]:
    """Every choice in some options, however deeply nested, and those inside of chosen components."""
    if isinstance(options, Choice):
        yield options
        yield from choices_in(options.component)
    elif isinstance(options, Config):
        for name in type(options).model_fields:
            yield from choices_in(getattr(options, name))
    elif isinstance(options, Mapping):
        for value in options.values():
            yield from choices_in(value)
    elif isinstance(options, tuple | list):
        for value in options:
            yield from choices_in(value)


@dataclass(frozen=True)
class _Resolving:
    """One walk through options."""

    installed: Installed
    document: Document
    problems: list[Problem]
    in_file: bool

    def config(self, options: Any, at: KeyPath) -> Any:
        before = len(self.problems)
        changed = {}
        for name, info in type(options).model_fields.items():
            value = getattr(options, name)
            new = self.value(value, (*at, info.alias or name), _role(info))
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
                stated = located_in(kind, stated, self.document, at) if self.in_file else stated
                component = validate(kind, self.document, at, stated)
            except NotInstalled as error:
                self.problems.append(self.document.problem((*at, KIND), str(error)))
                return choice
            except ConfigError as error:
                self.problems.extend(error.problems)
                return choice
        if role and role not in component.roles:
            self.problems.append(self.document.problem((*at, KIND), _unfit(component, role)))
            return choice
        made = self.config(component, at)
        if made is choice.component:
            return choice
        return type(choice)(choice.kind, choice.stated, made)


def _unfit(component: Component, role: str) -> str:
    own = " or ".join(component.roles) or "nothing here"
    return f"{component.name!r} serves as {own}; this option takes one that serves as {role}"


def _role(info: FieldInfo) -> str:
    marks = [mark.name for mark in info.metadata if isinstance(mark, Role)]
    return marks[0] if marks else ""


def _put_role(schema: Any, role: str) -> None:
    """Write the role at every place for components in a field's schema."""
    if isinstance(schema, dict):
        if CHOICE in schema:
            schema[CHOICE]["role"] = role
        for value in schema.values():
            _put_role(value, role)
    elif isinstance(schema, list):
        for value in schema:
            _put_role(value, role)


def choice_types(annotation: Any) -> tuple[type[Choice[Any]], ...]:
    """The types of choices that an annotation allows, such as of ``tuple[PenaltyChoice, ...] | None``."""
    if isinstance(annotation, type) and issubclass(annotation, Choice):
        return (annotation,)
    return tuple(found for part in get_args(annotation) for found in choice_types(part))
