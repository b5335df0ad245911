"""Several outputs per picture: the name fields declared by steps, and the combinations of their values."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product

from img2imgkit.errors import ConfigError
from img2imgkit.item import Entry
from img2imgkit.step import Facts, Sink, Step, Transform

Variant = tuple[tuple[str, str], ...]
Variants = Mapping[str, Sequence[str]]


def new_variants(step: Step, before: Variants, facts: Facts) -> Variants:
    """Return the variants that a prepared step declares, checked against those and the facts of earlier steps.

    Raises:
        ConfigError: a field is already in use, has no value, or has a duplicate value.
    """
    if not isinstance(step, Transform):
        return {}
    declared = {field: tuple(values) for field, values in step.variants().items()}
    for field, values in declared.items():
        if field in before or field in facts:
            raise ConfigError(
                f"produces several outputs per picture by {{{field}}}, but an earlier step already sets that field; "
                "two steps cannot share it"
            )
        if not values:
            raise ConfigError(f"produces several outputs per picture by {{{field}}}, but states no value for it")
        twice = sorted({value for value in values if values.count(value) > 1})
        if twice:
            raise ConfigError(f"produces several outputs per picture by {{{field}}}, but {twice[0]!r} is stated twice")
    return declared


def with_variants(entries: Iterable[Entry], variants: Variants) -> Iterator[Entry]:
    """Yield each entry with every combination of values, in a row, the last field changing fastest."""
    for entry in entries:
        for values in product(*variants.values()):
            yield replace(entry, variant=tuple(zip(variants, values, strict=True)))


def fields_before_sinks(stages: Iterable[Transform | Sink]) -> Iterator[frozenset[str]]:
    """Yield, for each sink, the fields of the prepared steps before it."""
    fields: frozenset[str] = frozenset()
    for step in stages:
        if isinstance(step, Sink):
            yield fields
        else:
            fields |= step.variants().keys()


def restricted_to(entry: Entry, fields: Collection[str]) -> Entry:
    """Return the entry with only these fields in its variant: for a sink, those of the steps before it."""
    if not entry.variant:
        return entry
    return replace(entry, variant=tuple(pair for pair in entry.variant if pair[0] in fields))


def differing(first: Entry, second: Entry) -> list[str]:
    """Return the fields whose values differ between two entries of one pipeline."""
    return [field for (field, value), (_, other) in zip(first.variant, second.variant, strict=True) if value != other]
