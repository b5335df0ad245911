"""Pipeline files: a name and a list of steps, validated strictly, with all problems reported together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import Field

from img2imgkit.catalog import Catalog
from img2imgkit.config import Config, Document, load_yaml, validate, with_absolute_paths
from img2imgkit.errors import ConfigError, NotInstalled, Problem
from img2imgkit.pipeline.output_folder import folder_of
from img2imgkit.step import Sink, Source, Step, Transform, kind_of


class StepUse(Config):
    """An entry of ``steps``: the step and its options."""

    uses: str = Field(description="The step's name; `img2img steps` lists them.")
    with_: dict[str, Any] = Field(default_factory=dict, alias="with", description="The step's options.")


class PipelineFile(Config):
    """A pipeline: the first step reads pictures, the others process them in order, and sinks write them."""

    name: str = Field(min_length=1, description="The name of the pipeline in reports.")
    description: str = Field("", description="What the pipeline is for.")
    steps: tuple[StepUse, ...] = Field(description="The steps, in order: a source, transforms and sinks.")


@dataclass(frozen=True)
class Use:
    """A step of a pipeline, and the plugin that provides it."""

    step: Step
    plugin: str
    version: str

    def recipe(self, variant: Mapping[str, str]) -> dict[str, Any]:
        """Return what one variant's output depends on: name, plugin, options and fingerprints, as JSON data."""
        more = dict(self.step.fingerprint())
        if isinstance(self.step, Transform):
            more |= self.step.fingerprint_of(variant)
        return {
            "uses": self.step.name,
            "plugin": f"{self.plugin} {self.version}".strip(),
            "with": dict(self.step.recipe()),
            **({"on": more} if more else {}),
        }


@dataclass(frozen=True)
class Pipeline:
    """A validated pipeline: one source, then transforms and sinks, ending with a sink."""

    name: str
    description: str
    uses: tuple[Use, ...]
    document: Document

    @property
    def source(self) -> Source:
        """The step that reads the pictures."""
        first = self.uses[0].step
        assert isinstance(first, Source)
        return first

    @cached_property
    def stages(self) -> tuple[Transform | Sink, ...]:
        """All steps after the source."""
        return tuple(use.step for use in self.uses[1:] if isinstance(use.step, Transform | Sink))

    @property
    def main_sink(self) -> Sink:
        """The sink whose folder gets the report: the last one, or another whose folder contains the last one's."""
        last = self.sinks[-1]
        return next((sink for sink in self.sinks if folder_of(sink) in folder_of(last).parents), last)

    @cached_property
    def sinks(self) -> tuple[Sink, ...]:
        """The steps that write files."""
        return tuple(step for step in self.stages if isinstance(step, Sink))


def read_pipeline(
    path: Path, catalog: Catalog, source: Path | None = None, destination: Path | None = None
) -> Pipeline:
    """Read a pipeline file; see ``pipeline_of``."""
    return pipeline_of(load_yaml(path), catalog, source, destination)


def pipeline_of(
    document: Document, catalog: Catalog, source: Path | None = None, destination: Path | None = None
) -> Pipeline:
    """The pipeline that a document states.

    Args:
        source: in place of the first step's ``folder``
        destination: in place of the main sink's ``folder``; sinks inside that folder move along

    Raises:
        ConfigError: everything that is wrong with it, with line and column.
    """
    if source is not None:
        document = document.with_values(_folder(0, source), "input folder")
    pipeline = _checked(document, catalog)
    if destination is None:
        return pipeline
    return _checked(document.with_values(_moved(pipeline, destination), "output folder"), catalog)


def _checked(document: Document, catalog: Catalog) -> Pipeline:
    stated = validate(PipelineFile, document)
    problems: list[Problem] = []
    uses = [_use(use, index, document, catalog, problems) for index, use in enumerate(stated.steps)]
    if not problems:
        problems.extend(_misplaced([use for use in uses if use], document))
    if problems:
        raise ConfigError(*problems)
    return Pipeline(stated.name, stated.description, tuple(use for use in uses if use), document)


def _moved(pipeline: Pipeline, destination: Path) -> dict[str, str]:
    """The new folders of the main sink, and of those inside its folder."""
    main = folder_of(pipeline.main_sink)
    found: dict[str, str] = {}
    for index, use in enumerate(pipeline.uses):
        if isinstance(use.step, Sink) and folder_of(use.step).is_relative_to(main):
            found |= _folder(index, destination / folder_of(use.step).relative_to(main))
    return found


def _folder(index: int, folder: Path) -> dict[str, str]:
    return {f"steps.{index}.with.folder": str(folder.absolute())}


def _use(use: StepUse, index: int, document: Document, catalog: Catalog, problems: list[Problem]) -> Use | None:
    try:
        step_class = catalog.get("steps", use.uses)
    except NotInstalled as error:
        problems.append(document.problem(("steps", index, "uses"), str(error)))
        return None
    at = ("steps", index, "with")
    try:
        data = with_absolute_paths(step_class.Options, document, at) if use.with_ else {}
        step = step_class(validate(step_class.Options, document, at, data))
    except ConfigError as error:
        problems.extend(error.problems)
        return None
    owner = catalog.owner("steps", use.uses)
    return Use(step, owner.name, owner.version)


def _misplaced(uses: list[Use], document: Document) -> Iterable[Problem]:
    if not uses:
        yield document.problem(("steps",), "no steps; a pipeline needs at least one that reads and one that writes")
        return
    kinds = [kind_of(type(use.step)) for use in uses]
    for index, kind in enumerate(kinds):
        name, key = uses[index].step.name, ("steps", index, "uses")
        if index == 0 and kind != "source":
            yield document.problem(key, f"the first step must be a source, such as read; {name!r} is a {kind}")
        if index > 0 and kind == "source":
            yield document.problem(key, f"{name!r} is a source, and only the first step can be one")
    if kinds[-1] != "sink":
        name = uses[-1].step.name
        message = f"the last step must be a sink, such as write; after {name!r} the result would be lost"
        yield document.problem(("steps", len(uses) - 1, "uses"), message)
