"""Prepares the steps of a pipeline, in order: options are checked, models found, engines selected."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from img2imgkit.catalog import Catalog
from img2imgkit.errors import ConfigError, PlanError, Problem, ToolkitError
from img2imgkit.inference import ModelFinder
from img2imgkit.pipeline.kept import Kept
from img2imgkit.pipeline.pipeline_file import Pipeline
from img2imgkit.pipeline.variants import Variants, new_variants
from img2imgkit.pipeline.workload import Workload
from img2imgkit.step import Planning, Resources

Tell = Callable[[str], object]


def prepare(
    pipeline: Pipeline,
    catalog: Catalog,
    resources: Resources | None = None,
    resuming: bool = True,
    *,
    work: Workload | None = None,
    dry: bool = False,
    tell: Tell = lambda line: None,
) -> Variants:
    """Prepare every step, in order, and return the variants of each picture.

    Args:
        resources: those of the executor
        resuming: whether the outputs that exist decide what the options leave open, such as the engine of a model
        work: the pictures, if they are known
        dry: whether nothing will run, so that nothing is made for it, such as the engine form of a bundle
        tell: receives, in one line, what takes seconds before the first picture

    Raises:
        ConfigError: all problems of the steps' options, with line and column.
        PlanError: the pipeline must not run.
    """
    facts: dict[str, str | int | None] = {}
    variants: dict[str, Sequence[str]] = {}
    maps: frozenset[str] = frozenset()
    problems: list[Problem] = []
    work = work or Workload(pipeline, limit=0)
    models, kept = ModelFinder(catalog), Kept(pipeline.sinks if resuming else ())
    for index, use in enumerate(pipeline.uses):
        try:
            sources = (pipeline.source.location(),)
            on_record = kept.of(index, use.step)
            known = (models, dict(facts), sources, not problems, dict(variants), maps)
            pixels = partial(work.pixels, index)
            use.step.prepare(Planning(*known, resources or Resources(), on_record, pixels, dry, tell))
            facts |= use.step.facts()
            maps = use.step.maps(maps)
            variants |= new_variants(use.step, variants, facts)
        except ConfigError as error:
            for problem in error.problems:
                key = ("steps", index, "with", *_key(problem.key))
                problems.append(pipeline.document.problem(key, problem.message, problem.model_file))
        except PlanError:
            raise
        except ToolkitError as error:
            file = next(iter(error.model_files), None)
            problems.append(pipeline.document.problem(("steps", index, "with"), str(error), file))
    if problems:
        raise ConfigError(*problems)
    return variants


def _key(text: str) -> Iterator[str | int]:
    """Yield the keys that lead to an option within a step's options; numbers are list indices."""
    yield from (int(name) if name.isdecimal() else name for name in text.split(".") if name)
