"""Several outputs of one picture: the name fields that steps declare, and the combinations of their values."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product

from img2imgkit.errors import ConfigError
from img2imgkit.item import Entry
from img2imgkit.step import Sink, Step, Transform

Variant = tuple[tuple[str, str], ...]
Variants = Mapping[str, Sequence[str]]


def new_variants(step: Step, before: Variants, facts: Mapping[str, str | int]) -> Variants:
    """What a prepared step declares, beside the variants and facts of the steps before it.

    Raises:
        ConfigError: a field has another meaning already, has no value, or has one twice.
    """
    if not isinstance(step, Transform):
        return {}
    declared = {field: tuple(values) for field, values in step.variants().items()}
    for field, values in declared.items():
        if field in before or field in facts:
            raise ConfigError(
                f"makes several outputs of each picture by {{{field}}}, and a step sets that field already: "
                "two steps cannot share it"
            )
        if not values:
            raise ConfigError(f"makes several outputs of each picture by {{{field}}}, and none is stated")
        twice = sorted({value for value in values if values.count(value) > 1})
        if twice:
            raise ConfigError(f"makes several outputs of each picture by {{{field}}}, and {twice[0]!r} is stated twice")
    return declared


def with_variants(entries: Iterable[Entry], variants: Variants) -> Iterator[Entry]:
    """Each entry with every combination of values, as neighbours, the last field changing fastest."""
    for entry in entries:
        for values in product(*variants.values()):
            yield replace(entry, variant=tuple(zip(variants, values, strict=True)))


def fields_before_sinks(stages: Iterable[Transform | Sink]) -> Iterator[frozenset[str]]:
    """For each sink the fields of the prepared steps before it."""
    fields: frozenset[str] = frozenset()
    for step in stages:
        if isinstance(step, Sink):
            yield fields
        else:
            fields |= step.variants().keys()


def as_seen(entry: Entry, fields: Collection[str]) -> Entry:
    """The entry as a sink sees it: as a variant by the fields of the steps before it alone."""
    if not entry.variant:
        return entry
    return replace(entry, variant=tuple(pair for pair in entry.variant if pair[0] in fields))


def differing(first: Entry, second: Entry) -> list[str]:
    """The fields whose values differ between two entries."""
    return [field for (field, value), (_, other) in zip(first.variant, second.variant, strict=True) if value != other]
