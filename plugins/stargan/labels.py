"""Labels: names of domains or attributes, in one set or several, and how users select them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

import img2imgkit as kit
from img2imgkit.config import suggestion

AND = "+"  # joins names that a user selects together


class LabelSet(kit.Config):
    """The labels of one set of pictures."""

    names: tuple[str, ...] = Field(
        min_length=1, description="domains, or attributes, in the order of the data's labels"
    )
    kind: Literal["classes", "attributes"] = Field(
        default="classes",
        description="classes: a picture has exactly one; attributes: a picture has any number of them",
    )
    exclusive: tuple[tuple[str, ...], ...] = Field(
        default=(), description="groups of mutually exclusive attributes, such as hair colours"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if twice := _twice(self.names):
            raise ValueError(f"names: {twice!r} is listed twice")
        if joined := next((name for name in self.names if AND in name or not name.strip()), None):
            raise ValueError(f"names: {joined!r} is empty or contains {AND!r}, which joins names; rename it")
        if self.kind == "classes" and len(self.names) < 2:
            raise ValueError(f"names: at least two classes are needed, but there is only {self.names[0]!r}")
        if self.exclusive and self.kind == "classes":
            raise ValueError("exclusive: classes are always mutually exclusive; leave it out")
        grouped = [name for group in self.exclusive for name in group]
        if unknown := next((name for name in grouped if name not in self.names), None):
            raise ValueError(f"exclusive: {unknown!r} is not one of the names{suggestion(unknown, self.names)}")
        if twice := _twice(grouped):
            raise ValueError(f"exclusive: {twice!r} is listed twice")
        return self

    def excluded_by(self, name: str) -> tuple[str, ...]:
        """The other names that a picture with this one cannot have."""
        groups = (self.names,) if self.kind == "classes" else self.exclusive
        return next((tuple(other for other in group if other != name) for group in groups if name in group), ())


class Names:
    """The names of all sets, in order, and labels built from them.

    A label concatenates the numbers of all sets, with 0 for names that the picture does not have.
    """

    def __init__(self, sets: Sequence[LabelSet]) -> None:
        self.sets = tuple(sets)
        self.all = tuple(name for each in self.sets for name in each.names)

    def slices(self) -> list[slice]:
        """The slice of each set in a label."""
        ends = np.cumsum([len(each.names) for each in self.sets]).tolist()
        return [slice(end - len(each.names), end) for each, end in zip(self.sets, ends, strict=True)]

    def parsed(self, stated: Any) -> tuple[str, ...]:
        """Parse a name, or several joined by "+", of one set, that a picture can have together.

        Raises:
            ValueError: a name is unknown, or the names cannot be combined.
        """
        if not isinstance(stated, str):
            raise ValueError(f"expected a name, or several joined by {AND!r}, got {stated!r}")
        names = tuple(dict.fromkeys(name.strip() for name in stated.split(AND)))
        for name in names:
            if name not in self.all:
                raise ValueError(
                    f"unknown name {name!r}{suggestion(name, self.all)}; expected one of {', '.join(self.all)}"
                )
        own = self.sets[self.set_of(names)]
        for name in names:
            if name not in own.names:
                raise ValueError(f"{names[0]!r} and {name!r} are in different label sets")
            if other := next((other for other in names if other in own.excluded_by(name)), None):
                raise ValueError(f"{name!r} and {other!r} exclude each other")
        return names

    def toggled(self, stated: Any) -> tuple[str, ...]:
        """Parse names of attributes to flip.

        Raises:
            ValueError: a name is unknown, or the names cannot be combined.
        """
        names = self.parsed(stated)
        own = self.sets[self.set_of(names)]
        if own.kind == "classes":
            raise ValueError(f"{names[0]!r} is a class, which cannot be flipped; use 'domain' for it")
        return names

    def set_of(self, names: Sequence[str]) -> int:
        """The index of the set of the first name."""
        return next(number for number, each in enumerate(self.sets) if names[0] in each.names)

    def label(self, present: Iterable[str]) -> np.ndarray:
        """The label of a picture that has these names. Shapes: -> (all names,) float32."""
        having = set(present)
        return np.asarray([name in having for name in self.all], np.float32)

    def flipped(self, names: Sequence[str], owned: Mapping[str, bool]) -> np.ndarray:
        """A picture's label with these attributes flipped, one after the other.

        An attribute of an exclusive group is set and the others of its group are cleared, as in the official
        ``create_labels``.

        Args:
            owned: which attributes the picture has; unknown ones are ignored
        Shapes:
            -> (all names,) float32
        Raises:
            ValueError: ``owned`` lacks an attribute of the set.
        """
        own = self.sets[self.set_of(names)]
        if unknown := [name for name in own.names if name not in owned]:
            raise ValueError(f"'flip' needs all attributes of the picture, but {unknown[0]!r} is missing")
        having = {name for name in own.names if owned[name]}
        for name in names:
            if others := own.excluded_by(name):
                having = (having - set(others)) | {name}
            else:
                having ^= {name}
        return self.label(having)


def _twice(names: Sequence[str]) -> str | None:
    return next((name for number, name in enumerate(names) if name in names[:number]), None)


HAIR = ("Black_Hair", "Blond_Hair", "Brown_Hair")
CELEBA = LabelSet(names=(*HAIR, "Male", "Young"), kind="attributes", exclusive=(HAIR,))
RAFD = LabelSet(names=("angry", "contemptuous", "disgusted", "fearful", "happy", "neutral", "sad", "surprised"))


def assumed_labels(domains: int) -> tuple[tuple[LabelSet, ...], kit.Assumption]:
    """The assumed labels of a generator with labels of that length."""
    official: Mapping[int, tuple[str, tuple[LabelSet, ...]]] = {
        len(CELEBA.names): ("those of CelebA, as in the official training", (CELEBA,)),
        len(RAFD.names): (
            "the expressions of RaFD in the order of their folders, as in the official training",
            (RAFD,),
        ),
        len(CELEBA.names + RAFD.names) + 2: (
            "those of CelebA and RaFD, as in the official training on both",
            (CELEBA, RAFD),
        ),
    }
    if domains in official:
        whose, labels = official[domains]
    else:
        names = tuple(f"domain_{number}" for number in range(1, domains + 1))
        whose, labels = (
            "unnamed domains",
            (LabelSet(names=names, kind="classes" if domains > 1 else "attributes"),),
        )
    shown = ", ".join(name for each in labels for name in each.names)
    text = (
        f"the file states the number of labels, {domains}, but not their names; they are assumed to be {whose}: {shown}"
    )
    return labels, kit.Assumption("labels", [each.model_dump(mode="json") for each in labels], (), text)
