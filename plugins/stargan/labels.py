"""What labels say: names of domains or attributes in one set or several, and how users ask for some of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

import img2imgkit as kit
from img2imgkit.config import suggestion

AND = "+"  # between names that a user asks for together


class LabelSet(kit.Config):
    """What the labels of one set of pictures say."""

    names: tuple[str, ...] = Field(
        min_length=1, description="domains, or attributes, in the order of the data's labels"
    )
    kind: Literal["classes", "attributes"] = Field(
        default="classes", description="classes: a picture is of exactly one; attributes: it has any of them, or none"
    )
    exclusive: tuple[tuple[str, ...], ...] = Field(
        default=(), description="groups of attributes of which a picture has one at most, such as colours of hair"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if twice := _twice(self.names):
            raise ValueError(f"names: {twice!r} stands there twice")
        if joined := next((name for name in self.names if AND in name or not name.strip()), None):
            raise ValueError(f"names: {joined!r} holds {AND!r}, which joins names; call it otherwise")
        if self.kind == "classes" and len(self.names) < 2:
            raise ValueError(f"names: classes are two at least, and this is {self.names[0]!r} alone")
        if self.exclusive and self.kind == "classes":
            raise ValueError("exclusive: classes exclude each other anyway; leave it out")
        grouped = [name for group in self.exclusive for name in group]
        if unknown := next((name for name in grouped if name not in self.names), None):
            raise ValueError(f"exclusive: {unknown!r} is none of the names{suggestion(unknown, self.names)}")
        if twice := _twice(grouped):
            raise ValueError(f"exclusive: {twice!r} stands there twice")
        return self

    def beside(self, name: str) -> tuple[str, ...]:
        """The other names that exclude that one."""
        groups = (self.names,) if self.kind == "classes" else self.exclusive
        return next((tuple(other for other in group if other != name) for group in groups if name in group), ())


class Names:
    """The names of all sets in their order, and labels of them.

    A label holds the numbers of all sets, one set behind the other, and 0 for those that are not the picture's.
    """

    def __init__(self, sets: Sequence[LabelSet]) -> None:
        self.sets = tuple(sets)
        self.all = tuple(name for each in self.sets for name in each.names)

    def slices(self) -> list[slice]:
        """Where the numbers of each set stand in a label."""
        ends = np.cumsum([len(each.names) for each in self.sets]).tolist()
        return [slice(end - len(each.names), end) for each, end in zip(self.sets, ends, strict=True)]

    def parsed(self, stated: Any) -> tuple[str, ...]:
        """Names of one set that a picture can have together, from a name or several joined by "+".

        Raises:
            ValueError: they are no such names.
        """
        if not isinstance(stated, str):
            raise ValueError(f"expected a name, or several joined by {AND!r}, got {stated!r}")
        names = tuple(dict.fromkeys(name.strip() for name in stated.split(AND)))
        for name in names:
            if name not in self.all:
                raise ValueError(f"{name!r} is not known{suggestion(name, self.all)}; there are {', '.join(self.all)}")
        own = self.sets[self.set_of(names)]
        for name in names:
            if name not in own.names:
                raise ValueError(f"{names[0]!r} and {name!r} are of different sets of labels")
            if other := next((other for other in names if other in own.beside(name)), None):
                raise ValueError(f"{name!r} and {other!r} exclude each other")
        return names

    def toggled(self, stated: Any) -> tuple[str, ...]:
        """The same of attributes, which a picture may have or not.

        Raises:
            ValueError: they are no such names.
        """
        names = self.parsed(stated)
        own = self.sets[self.set_of(names)]
        if own.kind == "classes":
            raise ValueError(f"{names[0]!r} is a class, which cannot be flipped; state it as 'domain'")
        return names

    def set_of(self, names: Sequence[str]) -> int:
        """The number of the set that the first name is of."""
        return next(number for number, each in enumerate(self.sets) if names[0] in each.names)

    def label(self, on: Iterable[str]) -> np.ndarray:
        """The label of a picture that has these. Shapes: -> (all names,) float32."""
        having = set(on)
        return np.asarray([name in having for name in self.all], np.float32)

    def flipped(self, names: Sequence[str], owned: Mapping[str, bool]) -> np.ndarray:
        """A picture's own label with these attributes flipped, one after the other.

        One of an exclusive group is switched on, and the others of its group off, as in the official ``create_labels``.

        Args:
            owned: which attributes the picture has; further ones do not matter
        Shapes:
            -> (all names,) float32
        Raises:
            ValueError: ``owned`` does not say.
        """
        own = self.sets[self.set_of(names)]
        if unknown := [name for name in own.names if name not in owned]:
            raise ValueError(f"flip needs to know about every attribute, and the picture's do not say {unknown[0]!r}")
        having = {name for name in own.names if owned[name]}
        for name in names:
            if others := own.beside(name):
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
    """What the labels of a generator that reads so many numbers are taken to say."""
    official: Mapping[int, tuple[str, tuple[LabelSet, ...]]] = {
        len(CELEBA.names): ("CelebA's, as the official code trains it", (CELEBA,)),
        len(RAFD.names): ("RaFD's expressions in the order of their folders, as the official code trains it", (RAFD,)),
        len(CELEBA.names + RAFD.names) + 2: ("CelebA's and RaFD's, as the official --dataset Both", (CELEBA, RAFD)),
    }
    if domains in official:
        whose, labels = official[domains]
    else:
        names = tuple(f"domain_{number}" for number in range(1, domains + 1))
        whose, labels = (
            "domains without names",
            (LabelSet(names=names, kind="classes" if domains > 1 else "attributes"),),
        )
    shown = ", ".join(name for each in labels for name in each.names)
    text = f"the file states the number of labels, {domains}, not what they say; they are taken to be {whose}: {shown}"
    return labels, kit.Assumption("labels", [each.model_dump(mode="json") for each in labels], (), text)
